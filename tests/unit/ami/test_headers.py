"""Headers read where they stand are those that taking the whole message apart would have found."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ami_bridge.ami.headers import RawHeaders

PIECES = [
    b"Uniqueid",
    b"Queue",
    b": ",
    b":",
    b" ",
    b"\r\n",
    b"\r",
    b"\n",
    b"\0",
    b"x",
    b"\xc3",
    b"\xbc",
    b"\xff",
    b"17.1",
]


def taken_apart(raw: bytes) -> dict[str, str]:
    """The plain way: every line, in order; the first of a name counts."""
    found: dict[str, str] = {}
    for line in raw.decode("utf-8", "replace").split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            found.setdefault(name, value.removeprefix(" "))
    return found


@given(
    st.sampled_from(
        [b"Event: Hangup\r\n", b"Response: Success\r\n", b"Action:\r\n", b"Event: x\r\nEvent: y\r\n", b"\r\n"]
    ),
    st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join) | st.binary(max_size=120),
)
@example(b"Event: x\r\n", b"Uniqueid: 1\r\nUniqueid: 2")
@example(b"Event: VarSet\r\n", b"Value: Uniqueid: 6.66\r\nUniqueid:\r\nQueue:")
@example(b"Event: x\r\n", b"X: \xe2\x82\r\nQueue: M\xfcller")
def test_they_are_the_same_headers(first: bytes, rest: bytes) -> None:
    plain, headers = taken_apart(first + rest), RawHeaders(first + rest)
    for name in ("Event", "Response", "Action", "Uniqueid", "Queue", "x"):
        assert headers.get(name) == plain.get(name)
    assert {name: headers[name] for name in headers if name.isascii()} == {
        k: v for k, v in plain.items() if k.isascii()
    }


def test_a_first_line_that_says_no_kind_of_message_is_no_header() -> None:
    headers = RawHeaders(b"Uniqueid: 1\r\nCause: 16")
    assert "Uniqueid" not in headers
    assert dict(headers) == {"Cause": "16"}


def test_all_of_them_can_be_listed_each_once() -> None:
    headers = RawHeaders(b"Event: Hangup\r\nChanVariable: a=1\r\nno header\r\nChanVariable: b=2\r\nCause:16")
    assert dict(headers) == {"Event": "Hangup", "ChanVariable": "a=1", "Cause": "16"}
    assert len(headers) == 3


def test_one_that_is_not_there_is_named() -> None:
    with pytest.raises(KeyError, match="Cause"):
        RawHeaders(b"Event: Hangup\r\nX-Cause: 16\r\nY: Cause: 16")["Cause"]
