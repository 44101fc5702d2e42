"""However a stream is cut into segments, it means the same."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from agi.environment import Environment, EnvironmentParser
from agi.errors import Malformed
from agi.replies import Notice, Reply, ReplyParser

LINES = st.sampled_from(
    [
        b"200 result=0\n",
        b"200 result=1\n",
        b"200 result=49 endpos=8000\n",
        b"200 result=1 (a) b)\n",
        b"100 Trying...\n",
        b"HANGUP\n",
        b"510 Invalid or unknown command\n",
        b"511 Command Not Permitted on a dead channel\n",
        b"520-Invalid command syntax.  Proper usage follows:\n",
        b" Usage: NOOP\n",
        b"520 End of proper usage.\n",
        b"garbage\n",
        b"2" * 8193,
        b"200 result=1",
    ]
)
BLOCKS = st.one_of(
    st.binary(max_size=200),
    st.lists(
        st.sampled_from(
            [
                b"agi_channel: 1\n",
                b"agi_arg_1: \xff\n",
                b"agi_callerid: x: y\n",
                b"agi_d:\n",
                b"\n",
                b"HANGUP\n",
                b"x: y\n",
            ]
        )
    ).map(b"".join),
    st.integers(65_520, 65_540).map(lambda n: b"agi_a: " + b"1" * (n - 9) + b"\n\n"),
)


def cut(stream: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(c % (len(stream) + 1) for c in cuts), len(stream)]
    return [stream[a:b] for a, b in pairwise(edges)]


def replies(pieces: list[bytes]) -> list[Reply | Notice | str]:
    parser, found = ReplyParser(), list[Reply | Notice | str]()
    try:
        for piece in pieces:
            for event in parser.feed(piece):
                found.append(event)
    except Malformed as error:
        found.append(str(error))
    return found


def environment(pieces: list[bytes]) -> tuple[Environment | str | None, bytes]:
    parser = EnvironmentParser()
    for number, piece in enumerate(pieces):
        try:
            found = parser.feed(piece)
        except Malformed as error:
            return str(error), b""
        if found is not None:
            return found, parser.rest + b"".join(pieces[number + 1 :])
    return None, b""


@given(st.lists(LINES, max_size=12).map(b"".join), st.lists(st.integers(0, 20_000), max_size=12))
def test_replies_do_not_depend_on_where_the_stream_is_cut(stream: bytes, cuts: list[int]) -> None:
    assert replies(cut(stream, cuts)) == replies([stream])


@given(st.lists(LINES.filter(lambda line: len(line) < 100), max_size=6).map(b"".join))
def test_replies_byte_by_byte(stream: bytes) -> None:
    assert replies([stream[i : i + 1] for i in range(len(stream))]) == replies([stream])


@given(BLOCKS, st.lists(st.integers(0, 70_000), max_size=12))
def test_an_environment_does_not_depend_on_where_the_stream_is_cut(stream: bytes, cuts: list[int]) -> None:
    assert environment(cut(stream, cuts)) == environment([stream])


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused_and_nothing_else(stream: bytes) -> None:
    assert isinstance(environment([stream])[0], Environment | str | None)
    assert all(isinstance(event, Reply | Notice | str) for event in replies([stream]))


def test_a_block_is_found_at_the_very_limit() -> None:
    stream = b"agi_a: " + b"1" * (65_536 - 9) + b"\n\n"
    found, _ = environment([stream])
    assert isinstance(found, Environment)
    assert environment([b"agi_a: 1" + stream[7:]])[0] == "the environment is longer than 65536 bytes"
