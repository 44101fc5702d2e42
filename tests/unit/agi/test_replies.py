import pytest

from agi.errors import Malformed
from agi.replies import MAX_LINE, MAX_USAGE_LINES, Notice, Reply, ReplyParser


def read(stream: bytes) -> list[Reply | Notice]:
    return list(ReplyParser().feed(stream))


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        (b"200 result=1", Reply(200, 1)),
        (b"200 result=-1", Reply(200, -1)),
        (b"200 result=49 endpos=8000", Reply(200, 49, endpos=8000)),
        (b"200 result=1 (a (nested) value)", Reply(200, 1, data="a (nested) value")),
        (b"200 result=0 (timeout) endpos=5", Reply(200, 0, data="timeout", endpos=5)),
        (b"510 Invalid or unknown command", Reply(510, text="Invalid or unknown command")),
        (b"511 Command Not Permitted on a dead channel", Reply(511, text="Command Not Permitted on a dead channel")),
        (b"520 Invalid command syntax.", Reply(520, text="Invalid command syntax.")),
        (b"503 result=-2 Memory allocation failure", Reply(503, text="result=-2 Memory allocation failure")),
    ],
)
def test_one_line_replies(line: bytes, reply: Reply) -> None:
    assert read(line + b"\n") == [reply]


def test_a_usage_text_is_one_reply_however_many_lines_it_has() -> None:
    stream = b"520-Invalid command syntax.\nUsage: NOOP\n200 result=1\n520 End of proper usage.\n200 result=0\n"
    assert read(stream) == [Reply(520, text="Invalid command syntax.\nUsage: NOOP\n200 result=1"), Reply(200, 0)]


def test_trying_is_not_a_reply() -> None:
    assert read(b"100 Trying...\n200 result=0\n") == [Notice.TRYING, Reply(200, 0)]


def test_a_hangup_is_never_a_reply_even_inside_a_usage_text() -> None:
    assert read(b"HANGUP\n520-a\nHANGUP\n520 End\n") == [Notice.HANGUP, Notice.HANGUP, Reply(520, text="a")]


@pytest.mark.parametrize(
    ("stream", "wrong"),
    [
        (b"200 result=\n", "not an AGI reply"),
        (b"200 result=abc\n", "not an AGI reply"),
        (b"200 result=" + b"9" * 40 + b"\n", "not an AGI reply"),
        (b"\n", "not an AGI reply"),
        (b"HTTP/1.1 200 OK\n", "not an AGI reply"),
        (b"2" * (MAX_LINE + 1), "longer than 8192 bytes"),
        (b"520-a\n" + b"b\n" * MAX_USAGE_LINES, "longer than 200 lines"),
    ],
)
def test_what_is_no_reply_is_refused_by_name(stream: bytes, wrong: str) -> None:
    with pytest.raises(Malformed, match=wrong):
        read(stream)


def test_what_came_before_the_malformed_line_is_not_lost() -> None:
    events = ReplyParser().feed(b"200 result=49 endpos=1\ngarbage\n")
    assert next(events) == Reply(200, 49, endpos=1)
    with pytest.raises(Malformed):
        next(events)
