"""Masked streams: no number is left, none can be found again, and the calls told are the same but for the numbers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ami_bridge.ami.masking import Masker, without_secrets
from tests.unit.replay.recorded import ANSWERED, TRACES, replay, wire

KEY = b"key of the test"
OURS = "5550100"
CALLER = "15551230001"


def masked(stream: bytes, masker: Masker) -> bytes:
    return b"\r\n\r\n".join(masker.message(message) for message in stream.split(b"\r\n\r\n"))


def expected(facts: list[dict[str, object]], masker: Masker) -> list[dict[str, object]]:
    """The facts of a stream as its masked form has to tell them."""
    masks = {
        "call": masker.identity,
        **dict.fromkeys(("caller", "by", "targets", "to"), masker.channel),
        "caller_number": masker.person,
        **dict.fromkeys(("dialled", "queue"), masker.name),
    }

    def mask(name: str, value: object) -> object:
        if name not in masks:
            return value
        if isinstance(value, list):
            return [mask(name, item) for item in value]
        return masks[name](str(value).encode()).decode()

    return [{name: mask(name, value) for name, value in fact.items()} for fact in facts]


@pytest.mark.parametrize("path", TRACES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_masked_trace_tells_the_same_calls(path: Path) -> None:
    stream, masker = path.read_bytes(), Masker([OURS], KEY)
    hidden = masked(stream, masker)
    facts, complaints = replay(stream)
    assert replay(hidden) == (expected(facts, masker), complaints)
    assert CALLER.encode() not in hidden
    assert len(hidden) == len(stream)


PHONE = st.from_regex(r"\A\+?[0-9]{6,15}\Z") | st.from_regex(r"\A[0-9]{3}-[0-9]{3}-[0-9]{4}\Z")


@settings(max_examples=60, deadline=None)
@given(
    path=st.sampled_from([path for path in TRACES if path.stat().st_size < 60_000]),
    caller=PHONE,
    phones=st.lists(PHONE, min_size=6, max_size=6, unique=True),
    key=st.binary(min_size=16, max_size=16),
    kept=st.booleans(),
)
def test_numbers_wherever_they_stand_in_names_change_nothing_of_the_calls(
    path: Path, caller: str, phones: list[str], key: bytes, kept: bool
) -> None:
    """Phones, trunks and queues of the trace get telephone numbers for names, as in houses that call them so."""
    stream = path.read_bytes()
    assume(len({re.sub("[^0-9]", "", phone) for phone in phones}) == len(phones))
    stream = stream.replace(CALLER.encode(), caller.encode())
    for name, phone in zip((b"101", b"102", b"103", b"acme-backup", b"support", b"lab-one"), phones, strict=True):
        stream = re.sub(rb"(PJSIP/|Queue: |Local/)%s\b" % name, lambda m, p=phone: m[1] + p.encode(), stream)  # type: ignore[misc]
    masker = Masker([OURS, *phones[:1]] if kept else (), key)
    hidden = masked(stream, masker)
    facts, complaints = replay(stream)
    told, complained = replay(hidden)
    assert (told, len(complained)) == (expected(facts, masker), len(complaints))
    if caller.encode() in stream and caller not in phones[:1]:
        assert not re.search(rb"(?<![0-9-])%s(?![0-9-])" % re.escape(caller.lstrip("+")).encode(), hidden)


@pytest.mark.parametrize(
    "line",
    [
        "CallerIDNum: {}",
        "CallerIDName: {}",
        "CallerIDName: Ann {} home",
        "ConnectedLineNum: +{}",
        "DestCallerIDNum: {}",
        "Exten: {}",
        "Channel: Local/{}@agents-0000000a;1",
        "Channel: PJSIP/{}-0000001a",
        "DestChannel: SIP/trunk/{}-deadbeef",
        "Newname: PJSIP/{}-0000001a<ZOMBIE>",
        "Interface: Local/{}@agents/n",
        "DialString: PJSIP/{}@trunk",
        "AppData: PJSIP/{}@trunk,30,tT",
        "Value: {}",
        "Value: sip:{}@10.1.2.3:5060",
        "URI: sip:%2B{}@example.org",
        "ChanVariable: BACK={}",
        "ChanVariable(PJSIP/x-0000001): BACK={}",
        "Uniqueid: click-{}",
        "ActionID: call-{}",
        "Output: PJSIP/{}-0000001a!from-trunk!{}!1!Up",
        "AccountCode: {}",
        "MemberName: {}",
        "Text: {}",
        "no header at all {}",
    ],
)
def test_a_number_is_hidden_wherever_it_stands(line: str) -> None:
    masker = Masker([OURS], KEY)
    before, after = (masker.message(f"Event: X\r\n{line.format(*[n] * 2)}".encode()) for n in (CALLER, OURS))
    assert CALLER.encode() not in before
    assert before.startswith(f"Event: X\r\n{line.partition('{')[0]}".encode())
    assert len(before) == len(f"Event: X\r\n{line.format(*[CALLER] * 2)}")
    assert after.decode() == f"Event: X\r\n{line.format(*[OURS] * 2)}"


@pytest.mark.parametrize(
    ("line", "hidden"),
    [
        ("CallerIDNum: +1 (555) 123-0001", r"CallerIDNum: \+\d \(\d{3}\) \d{3}-\d{4}"),
        ("CallerIDName: 555-123-0001", r"CallerIDName: \d{3}-\d{3}-\d{4}"),
        ("CallerIDName: 06.12.34.56", r"CallerIDName: \d\d\.\d\d\.\d\d\.\d\d"),
        ("CallerIDName: 030/1230001", r"CallerIDName: \d{3}/\d{7}"),
        ("Exten: 555-123-0001", r"Exten: \d{3}-\d{3}-\d{4}"),
        ("Value: call 0176 1230001 back", r"Value: call \d{4} \d{7} back"),
    ],
)
def test_a_number_is_hidden_in_every_way_of_writing_it(line: str, hidden: str) -> None:
    result = Masker((), KEY).message(line.encode()).decode()
    assert re.fullmatch(hidden, result)
    assert result != line


@pytest.mark.parametrize(
    "line",
    [
        "Timestamp: 1795319729.069472",
        "Uniqueid: 1795310318.12",
        "Linkedid: 195176c06ab8-1529939079.449",
        "BridgeUniqueid: 1b9d6bcd-bbfd-4b2d-9b5d-123456789012",
        "BridgeId: 12345678-1234-1234-1234-123456789012",
        "Channel: PJSIP/101-12345678",
        "Channel: Local/101@agents-00123456;2",
        "OldChannel: Bridge/PJSIP/101-12345678<ZOMBIE>",
        "AppData: PJSIP/101-00001234,1795310318.12",
        "Value: 10.213.177.220",
        "URI: sip:101@10.213.77.20:5080",
        "CallerIDNum: 10199",
        "Exten: s",
        "LastCall: 1795310280",
        "LoginTime: 1795310280",
        f"Value: {'0123456789abcdef' * 4}",
        "Value: 1b9d6bcd-bbfd-4b2d-9b5d-123456789012",
        "Cause: 16",
        "Output: ",
    ],
)
def test_what_is_no_number_stays(line: str) -> None:
    assert Masker((), KEY).message(line.encode()) == line.encode()


NUMBER = st.from_regex(r"\A[0-9]{6,15}\Z")


@given(numbers=st.sets(NUMBER, max_size=40), kept=st.sets(NUMBER, max_size=5), key=st.binary(min_size=1, max_size=32))
def test_masks_are_as_distinct_as_numbers(numbers: set[str], kept: set[str], key: bytes) -> None:
    masker = Masker(kept, key)
    masks = {number: masker.person(number.encode()).decode() for number in numbers | kept}
    assert len(set(masks.values())) == len(masks)
    assert all(len(mask) == len(number) for number, mask in masks.items())
    assert {number: masks[number] for number in kept} == {number: number for number in kept}


def test_masks_fill_the_numbers_of_a_length_and_leave_hardly_one_in_its_place() -> None:
    """Numbers of six digits: a permutation, without the numbers that are kept, and not near to the identity."""
    masker = Masker(["123456"], KEY)
    every = {f"{number:06d}" for number in range(0, 1_000_000, 31)} | {"123456"}
    masks = {number: masker.person(number.encode()).decode() for number in every}
    assert len(set(masks.values())) == len(every)
    assert sum(number == mask for number, mask in masks.items()) < 12


def test_without_the_key_nobody_finds_the_number_again() -> None:
    """Two maskers of the same numbers have nothing in common, so trying all numbers with one's own tells nothing."""
    numbers = [f"1555123{number:04d}".encode() for number in range(2000)]
    one, two = Masker(), Masker()
    assert sum(one.person(number) == two.person(number) for number in numbers) == 0
    assert KEY not in repr(Masker((), KEY)).encode()


@given(raw=st.binary(max_size=2000))
def test_no_message_stops_the_masker(raw: bytes) -> None:
    assert len(Masker((), KEY).message(raw)) == len(raw)


@given(digits=st.integers(1, 6000))
def test_a_number_of_any_length_is_masked(digits: int) -> None:
    raw = b"Value: " + b"7" * digits
    hidden = Masker((), KEY).message(raw)
    assert len(hidden) == len(raw)
    assert b"7" * 41 not in hidden


@pytest.mark.parametrize(
    "header",
    ["Password: x", "Secret: x", "Md5Cred: x", "OauthSecret: x", "RefreshToken: x", "password: x", "AuthPassword: x"],
)
def test_headers_that_let_somebody_in_are_left_out(header: str) -> None:
    raw = f"Event: X\r\n{header}\r\nUsername: y".encode()
    assert without_secrets(raw) == b"Event: X\r\nUsername: y"


def test_messages_about_secrets_are_left_out_and_others_are_not() -> None:
    assert without_secrets(b"Event: AuthDetail\r\nUsername: x") is None
    assert without_secrets(b"Event: ChallengeSent\r\nChallenge: x") is None
    for event in ANSWERED:
        raw = wire([event]).removesuffix(b"\r\n\r\n")
        assert without_secrets(raw) == raw
