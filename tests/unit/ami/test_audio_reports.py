"""Reports of how audio arrives, as a PBX writes them: which are read, and what is read of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge.ami import sip
from ami_bridge.ami.decode import WANTED, decode, wanted_with
from ami_bridge.ami.errors import Undecodable
from ami_bridge.ami.headers import RawHeaders
from ami_bridge.domain import events as ev

BLOCK = (
    "Report{n}SourceSSRC: 0x5b6a7988\r\nReport{n}FractionLost: {lost}\r\nReport{n}CumulativeLost: 7\r\n"
    "Report{n}HighestSequence: 250\r\nReport{n}SequenceNumberCycles: 0\r\nReport{n}IAJitter: {jitter}\r\n"
    "Report{n}LSR: 1530318\r\nReport{n}DLSR: 0.1230\r\n"
)


def report(*blocks: tuple[str, str], channel: str = "PJSIP/acme-primary-0000001a", count: int | None = None) -> bytes:
    head = (
        f"Event: RTCPReceived\r\nPrivilege: reporting,all\r\nChannel: {channel}\r\nCallerIDName: x/acme-primary-1\r\n"
        "Uniqueid: 100.1\r\nLinkedid: 100.1\r\nTo: 192.0.2.10:15001\r\nFrom: 192.0.2.1:10001\r\nPT: 200(SR)\r\n"
        f"ReportCount: {len(blocks) if count is None else count}\r\nSentPackets: 250\r\n"
    )
    listed = "".join(BLOCK.format(n=n, lost=lost, jitter=jitter) for n, (lost, jitter) in enumerate(blocks))
    return f"{head}{listed}".encode().removesuffix(b"\r\n")


@given(st.integers(0, 255), st.integers(0, 10**9))
def test_a_report_of_one_block_says_what_it_says_among_others(lost: int, jitter: int) -> None:
    alone, among = report((str(lost), str(jitter))), report((str(lost), str(jitter)), ("0", "0"))
    event = decode(alone)
    assert isinstance(event, ev.AudioReported)
    assert (event.lost, event.jitter) == (lost / 256, jitter / 8000)
    assert decode(among) == event


@pytest.mark.parametrize("blocks", [[("x", "1")], [("1", "x")], [("1", "")], [("\u0661", "1")], [("1", "1" * 11)]])
def test_what_is_no_number_is_named_as_such(blocks: list[tuple[str, str]]) -> None:
    with pytest.raises(Undecodable, match="RTCPReceived"):
        decode(report(*blocks))


def test_blocks_that_are_counted_and_not_listed_say_nothing() -> None:
    assert decode(report()) is None
    assert decode(report(count=1)) is None
    assert decode(report(("64", "160"), count=2)) == decode(report(("64", "160")))


@pytest.mark.parametrize(
    ("channel", "read"),
    [
        ("PJSIP/acme-primary-0000001a", True),
        ("SIP/acme-primary-0000001a", True),
        ("PJSIP/acme-primary-2-0000001a", False),
        ("PJSIP/acme-0000001a", False),
        ("PJSIP/101-0000001a", False),
        ("acme-primary-0000001a", False),
        ("", False),
    ],
)
def test_reports_are_read_of_channels_over_trunks(channel: str, read: bool) -> None:
    wanted = wanted_with(["acme-primary", "backup"])
    assert wanted.keys() == WANTED.keys()
    for kind in (b"RTCPSent", b"RTCPReceived"):
        is_over = wanted[kind]
        assert callable(is_over)
        assert is_over(report(("0", "16"), channel=channel)) is read


def test_a_report_of_a_channel_that_is_gone_is_not_read() -> None:
    gone = report(("0", "16")).replace(b"Channel: PJSIP/acme-primary-0000001a\r\n", b"")
    assert not sip.over(["acme-primary"])(gone)
    assert RawHeaders(gone).get("Channel") is None
