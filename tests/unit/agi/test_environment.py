import pytest

from agi.environment import MAX_BYTES, MAX_LINES, EnvironmentParser
from agi.errors import Malformed


def test_a_block_is_read_and_what_follows_it_is_kept() -> None:
    parser = EnvironmentParser()
    found = parser.feed(b"agi_network: yes\nagi_callerid: 100\nagi_accountcode: \n\nHANGUP\n")
    assert found == {"agi_network": "yes", "agi_callerid": "100", "agi_accountcode": ""}
    assert parser.rest == b"HANGUP\n"


def test_a_value_may_hold_a_colon() -> None:
    found = EnvironmentParser().feed(b"agi_request: agi://127.0.0.1:4573/status\nagi_calleridname: a: b\n\n")
    assert found == {"agi_request": "agi://127.0.0.1:4573/status", "agi_calleridname": "a: b"}


def test_bytes_that_are_no_utf8_do_not_cost_the_caller_the_call() -> None:
    assert EnvironmentParser().feed(b"agi_calleridname: J\xf6rg\n\n") == {"agi_calleridname": "J\ufffdrg"}


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
