# ruff: noqa: SIM905 - lists of names are read more easily in few lines
import pytest

from agi.environment import MAX_BYTES, MAX_LINES, Environment, EnvironmentParser
from agi.errors import Malformed

NAMES = (
    "network network_script request channel language type uniqueid version callerid calleridname callingpres "
    "callingani2 callington callingtns dnid rdnis context extension priority enhanced accountcode threadid"
).split()


def block(names: list[str]) -> bytes:
    return "".join(f"agi_{name}: the {name}: x\n" for name in names).encode() + b"\n"


def test_what_is_read_of_a_block_is_given_out_and_what_follows_is_kept() -> None:
    parser = EnvironmentParser()
    found = parser.feed(b"agi_network: yes\nagi_callerid: 100\nagi_language: \n\nHANGUP\n")
    assert found == Environment(callerid="100", language="")
    assert parser.rest == b"HANGUP\n"


@pytest.mark.parametrize("arguments", [0, 1, 3, 5, 8, 9, 12])
def test_the_usual_order_and_any_other_mean_the_same(arguments: int) -> None:
    names = [*NAMES, *(f"arg_{n}" for n in range(1, arguments + 1))]
    usual = EnvironmentParser().feed(block(names))
    assert usual == Environment(**{name: f"the {name}: x" for name in names if name in Environment._fields})
    assert EnvironmentParser().feed(block(names[::-1])) == usual
    assert EnvironmentParser().feed(block(["more", *names])) == usual


@pytest.mark.parametrize("twice", ["callerid", "arg_2", "threadid"])
def test_a_name_smuggled_into_a_usual_block_is_refused(twice: str) -> None:
    for place in range(len(NAMES) + 4):
        names = [*NAMES, "arg_1", "arg_2", "arg_3"]
        names.insert(place, twice)
        with pytest.raises(Malformed, match="twice"):
            EnvironmentParser().feed(block(names))


@pytest.mark.parametrize("block", [b"\n", b"\n\n", b"agi_x: \n\n", b"agi_arg_1: \n\n", b"agi_x: \nagi_arg_9: \n\n"])
def test_a_block_without_what_is_usual_is_read_as_well(block: bytes) -> None:
    assert EnvironmentParser().feed(block) == Environment()


def test_a_value_may_hold_a_colon() -> None:
    found = EnvironmentParser().feed(b"agi_channel: agi://127.0.0.1:4573/status\nagi_callerid: a: b\n\n")
    assert found == Environment(channel="agi://127.0.0.1:4573/status", callerid="a: b")


def test_bytes_that_are_no_utf8_do_not_cost_the_caller_the_call() -> None:
    assert EnvironmentParser().feed(b"agi_callerid: J\xf6rg\n\n") == Environment(callerid="J\ufffdrg")


def test_a_health_checker_that_sends_nothing_has_not_started() -> None:
    parser = EnvironmentParser()
    assert not parser.started
    parser.feed(b"a")
    assert parser.started


@pytest.mark.parametrize(
    ("block", "wrong"),
    [
        (b"agi_network: yes\nGET / HTTP/1.1\n\n", "line 2 of the environment"),
        (b"Host: example\n\n", "line 1 of the environment"),
        (b"agi_network: yes\nagi_callerid\n\n", "line 2 of the environment"),
        (b"agi_arg_1: right\nagi_arg_1: smuggled\n\n", "twice"),
        (b"agi_x: 1\n" * (MAX_LINES + 1) + b"\n", "more than 200 lines"),
        (b"agi_x: " + b"1" * MAX_BYTES, "longer than 65536 bytes"),
        (b"agi_x: " + b"1" * MAX_BYTES + b"\n\n", "longer than 65536 bytes"),
    ],
)
def test_what_asterisk_never_sends_is_refused_by_name(block: bytes, wrong: str) -> None:
    with pytest.raises(Malformed, match=wrong):
        EnvironmentParser().feed(block)
