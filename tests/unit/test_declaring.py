"""An operator on the telephone: who is let in, what they hear, what is done, and when it is said to be done."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from agi.desk import Audio, Caller, Challenge, Next, Receipt, Take, Treatment
from ami_bridge import declaring
from ami_bridge.declaring import OperatorDesk, OperatorLine
from ami_bridge.domain.incident import Cause, Incident, IncidentState, Story
from ami_bridge.domain.names import (
    AnnouncementHash,
    IncidentId,
    LineName,
    MaintenanceId,
    PbxName,
    TenantName,
)
from ami_bridge.domain.orders import Declaration, Maintenance, Refused, Report
from ami_bridge.domain.saying import Saying
from ami_bridge.domain.signal import Kind, Subject
from ami_bridge.sounds import Sounds
from ami_bridge.voice.errors import Inaudible, LibraryUnwritable, SpeechFailed, Unusable, VoiceError
from ami_bridge.voice.library import Recording
from ami_bridge.voice.phrases import FACTS, Phrase

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PIN = "0420"
SUPPORT, SALES = LineName("support"), LineName("sales")
CALLER = Caller(pbx="pbx-1", channel="PJSIP/101-00000001", uniqueid="1.1", line="support", number="101")


def incident(name: str, *, tenants: tuple[str, ...] = ("acme",), declared: bool = False, minutes: int = 0) -> Incident:
    since = START - timedelta(minutes=minutes)
    return Incident(
        id=IncidentId(name),
        pbx=PbxName("pbx-1"),
        tenants=tuple(TenantName(tenant) for tenant in tenants),
        causes=(Cause(subject=Subject(Kind.TRUNK, "carrier"), since=since, lines=(SUPPORT,)),),
        lines=(SUPPORT,),
        story=Story.OUTAGE,
        what="our main line",
        told=True,
        state=IncidentState.IDENTIFIED,
        since=since,
        changed=since,
        next_word=since,
        until=START + timedelta(hours=1) if declared else None,
    )


@dataclass
class House:
    """Orders, incidents and recordings, as plain as can be. `refuse` is why nothing is done; `slow` renders slowly."""

    now: datetime = START
    open: list[Incident] = field(default_factory=list)
    declared: list[Declaration] = field(default_factory=list)
    ended: list[tuple[IncidentId, str]] = field(default_factory=list)
    refuse: str = ""
    mute: bool = False
    slow: bool = False
    kept: list[tuple[LineName, bytes]] = field(default_factory=list)
    unusable: VoiceError | None = None

    async def declare(self, declaration: Declaration) -> IncidentId:
        if self.refuse:
            raise Refused(self.refuse)
        self.declared.append(declaration)
        return IncidentId("new")

    async def end(self, incident: IncidentId, by: str) -> None:
        if self.refuse:
            raise Refused(self.refuse)
        self.ended.append((incident, by))
        self.open = [open_ for open_ in self.open if open_.id != incident]

    async def confirm(self, incident: IncidentId, by: str) -> None:
        raise AssertionError("never asked for by telephone")

    async def look_into(self, incident: IncidentId, by: str) -> None:
        raise AssertionError("never asked for by telephone")

    async def expect(self, incident: IncidentId, expected: datetime | None, by: str) -> None:
        raise AssertionError("never asked for by telephone")

    async def report(self, report: Report) -> None:
        raise AssertionError("never asked for by telephone")

    async def plan(self, maintenance: Maintenance) -> None:
        raise AssertionError("never asked for by telephone")

    async def cancel(self, maintenance: MaintenanceId) -> None:
        raise AssertionError("never asked for by telephone")

    async def keep(self, line: LineName, audio: bytes) -> Recording:
        if self.unusable is not None:
            raise self.unusable
        self.kept.append((line, audio))
        return spoken(audio)

    def get(self, line: LineName, saying: Saying, language: str = "") -> Recording:
        assert any(standing.phrase == saying.phrase for standing in declaring.STANDING)
        return recording(saying, language)

    async def render(self, line: LineName, saying: Saying, language: str = "") -> Recording:
        if self.mute:
            raise SpeechFailed("no voice")
        if self.slow:
            await asyncio.Event().wait()
        return recording(saying, language)

    def desk(self) -> OperatorDesk:
        line = OperatorLine(tenant=TenantName("acme"), pin=PIN, lasts=timedelta(hours=4))
        return OperatorDesk(
            PbxName("pbx-1"),
            {SUPPORT: line, SALES: replace(line, pin="9999")},
            orders=self,
            touching=lambda line: [open_ for open_ in self.open if line in open_.lines],
            speaker=self,
            sounds=Sounds(audio_url="http://127.0.0.1:8081", wide=True),
            keep=self.keep,
            clock=lambda: self.now,
        )


def recording(saying: Saying, language: str = "en") -> Recording:
    return a_recording(f"{saying.phrase} {saying.params} {language}")


def spoken(audio: bytes) -> Recording:
    return a_recording(repr(audio))


def a_recording(text: str) -> Recording:
    hash_ = AnnouncementHash(sha256(text.encode()).hexdigest())
    return Recording(hash=hash_, path=Path("x.wav"), wide=Path("x.wav16"), seconds=2.0, text="", language="en")


def played(*recordings: Recording, wide: bool = False) -> tuple[Audio, ...]:
    kind = "wav16" if wide else "wav"
    places = [f"http://127.0.0.1:8081/announcements/{one.hash}.{kind}" for one in recordings]
    return tuple(Audio(url=place, seconds=2.0) for place in places)


def says(answer: Treatment | Challenge | Receipt | Take, saying: Saying) -> bool:
    return answer.audio == played(recording(saying))


def since(phrase: str, found: Incident) -> Saying:
    return Saying(phrase=phrase, params={"since": found.since})


async def admitted(desk: OperatorDesk, caller: Caller = CALLER) -> Treatment:
    assert says(await desk.operator(caller, ""), declaring.PIN)
    answer = await desk.operator(caller, PIN)
    assert isinstance(answer, Treatment)
    return answer


async def test_nothing_is_declared_and_one_may() -> None:
    house = House()
    desk = house.desk()
    treatment = await admitted(desk)
    assert says(treatment, declaring.CLEAR)
    assert (treatment.keys, treatment.then) == ("12", Next.HANGUP)
    receipt = await desk.ordered(CALLER, "1")
    assert isinstance(receipt, Receipt)
    assert says(receipt, declaring.DONE)
    assert receipt.then is Next.HANGUP
    assert house.declared == [
        Declaration(
            pbx=PbxName("pbx-1"),
            subject=Subject(Kind.LINE, "support"),
            until=START + timedelta(hours=4),
            by="an operator by telephone from 101",
        )
    ]


@pytest.mark.parametrize(
    ("open_", "phrase", "about", "keys"),
    [
        ([incident("a", declared=True)], "operator_declared", 0, "123"),
        ([incident("a")], "operator_found", 0, "123"),
        ([incident("a", minutes=9), incident("b", declared=True)], "operator_declared", 1, "123"),
        ([incident("a"), incident("b", minutes=9)], "operator_found", 1, "123"),
        ([incident("a", tenants=("acme", "other"))], "operator_shared", 0, "12"),
        ([incident("a", tenants=("acme", "other"), declared=True)], "operator_shared", 0, "12"),
        ([incident("a", tenants=("other",), minutes=9), incident("b")], "operator_found", 1, "123"),
    ],
)
async def test_how_it_stands_is_said_with_what_may_be_done_about_it(
    open_: list[Incident], phrase: str, about: int, keys: str
) -> None:
    house = House(open=open_)
    desk = house.desk()
    treatment = await admitted(desk)
    assert says(treatment, since(phrase, open_[about]))
    assert treatment.keys == keys
    receipt = await desk.ordered(CALLER, "3")
    if "3" in keys:
        assert house.ended == [(open_[about].id, "an operator by telephone from 101")]
        assert says(receipt, declaring.ENDED_OTHER if len(open_) > 1 else declaring.ENDED)
    else:
        assert house.ended == []
        assert says(receipt, declaring.REFUSED)


async def test_another_line_is_not_spoken_of() -> None:
    house = House(open=[replace(incident("a"), lines=(SALES,))])
    assert says(await admitted(house.desk()), declaring.CLEAR)


@pytest.mark.parametrize("trouble", ["mute", "slow"])
async def test_words_that_cannot_be_made_in_time_are_said_without_the_time(trouble: str) -> None:
    house = House(open=[incident("a", declared=True)])
    setattr(house, trouble, True)
    treatment = await admitted(house.desk())
    assert says(treatment, declaring.DECLARED)
    assert treatment.keys == "123"


@pytest.mark.parametrize("key", ["1", "3"])
async def test_what_was_refused_is_not_confirmed(key: str) -> None:
    house = House(open=[incident("a")], refuse="the store is full")
    desk = house.desk()
    await admitted(desk)
    with capture_logs() as logs:
        assert says(await desk.ordered(CALLER, key), declaring.FAILED)
    assert [log["reason"] for log in logs] == ["the store is full"]


async def test_what_ended_by_itself_meanwhile_is_over() -> None:
    house = House(open=[incident("a")], refuse="there is no such incident")
    desk = house.desk()
    await admitted(desk)
    house.open = []
    assert says(await desk.ordered(CALLER, "3"), declaring.ENDED)


async def test_three_wrong_pins_end_the_call_and_its_right_one_comes_too_late() -> None:
    desk = House().desk()
    assert says(await desk.operator(CALLER, ""), declaring.PIN)
    for _ in range(2):
        assert says(await desk.operator(CALLER, "1111"), declaring.PIN_AGAIN)
    answer = await desk.operator(CALLER, "1111")
    assert says(answer, declaring.REFUSED)
    assert isinstance(answer, Challenge)
    assert not answer.asks
    assert says(await desk.operator(CALLER, PIN), declaring.REFUSED)
    assert says(await desk.ordered(CALLER, "1"), declaring.REFUSED)


async def test_keying_nothing_uses_up_the_call_but_counts_as_no_guess() -> None:
    house = House()
    desk = house.desk()
    for call in range(20):
        caller = CALLER._replace(uniqueid=f"2.{call}")
        for _ in range(3):
            assert says(await desk.operator(caller, ""), declaring.PIN)
        assert says(await desk.operator(caller, ""), declaring.REFUSED)
    await admitted(desk)


async def test_guessing_over_many_calls_locks_that_line_and_only_it() -> None:
    house = House()
    desk = house.desk()
    with capture_logs() as logs:
        for guess in range(10):
            caller = CALLER._replace(uniqueid=f"3.{guess}", number=f"20{guess}")
            await desk.operator(caller, "")
            answer = await desk.operator(caller, f"111{guess}")
        assert says(answer, declaring.LOCKED)
        locked = await desk.operator(CALLER, "")
        assert isinstance(locked, Challenge)
        assert not locked.asks
        assert says(await desk.operator(CALLER, PIN), declaring.LOCKED)
        assert says(await desk.ordered(CALLER, "1"), declaring.REFUSED)
    warnings = [log for log in logs if log["log_level"] == "warning"]
    assert [log["event"] for log in warnings] == [
        "Too many wrong PINs: the line takes no orders by telephone for a while",
        "An order without a right PIN was refused",
    ]
    assert warnings[0]["until"] == (START + timedelta(minutes=10)).isoformat()
    assert "111" not in str(logs)
    sales = CALLER._replace(line="sales", uniqueid="4.1")
    assert says(await desk.operator(sales, ""), declaring.PIN)
    assert isinstance(await desk.operator(sales, "9999"), Treatment)
    house.now += timedelta(minutes=10)
    await admitted(desk, CALLER._replace(uniqueid="5.1"))


async def test_a_hundred_guesses_at_the_same_time_are_ten() -> None:
    desk = House(slow=True, open=[incident("a")]).desk()
    callers = [CALLER._replace(uniqueid=f"6.{number}") for number in range(100)]
    for caller in callers:
        await desk.operator(caller, "")
    pins = [f"{number:04}" for number in range(330, 430)]  # the right one is the 91st
    answers = await asyncio.gather(*(desk.operator(c, pin) for c, pin in zip(callers, pins, strict=True)))
    assert not any(isinstance(answer, Treatment) for answer in answers)
    assert sum(says(answer, declaring.LOCKED) for answer in answers) == 91


async def test_one_right_pin_is_good_for_one_order_on_that_call_and_line() -> None:
    house = House()
    desk = house.desk()
    await admitted(desk)
    for other in (CALLER._replace(uniqueid="7.1"), CALLER._replace(line="sales")):
        assert says(await desk.ordered(other, "1"), declaring.REFUSED)
    assert says(await desk.ordered(CALLER, "1"), declaring.DONE)
    assert says(await desk.ordered(CALLER, "1"), declaring.REFUSED)
    assert len(house.declared) == 1


@pytest.mark.parametrize("key", ["3", "4", "12", "13", ""])
async def test_a_key_that_was_not_offered_is_no_order(key: str) -> None:
    house = House()
    desk = house.desk()
    await admitted(desk)
    assert says(await desk.ordered(CALLER, key), declaring.REFUSED)
    assert (house.declared, house.ended) == ([], [])


async def test_a_right_pin_does_not_last() -> None:
    house = House()
    desk = house.desk()
    await admitted(desk)
    house.now += declaring.CHOOSE_WITHIN + timedelta(seconds=1)
    assert says(await desk.ordered(CALLER, "1"), declaring.REFUSED)


async def test_calls_that_never_end_are_forgotten_in_the_end() -> None:
    desk = House().desk()
    await admitted(desk)
    for number in range(declaring.MOST_CALLS):
        await desk.operator(CALLER._replace(uniqueid=f"8.{number}"), "")
    assert len(desk._visits) == declaring.MOST_CALLS
    assert says(await desk.ordered(CALLER, "1"), declaring.REFUSED)


async def test_a_line_without_a_pin_takes_no_orders() -> None:
    with pytest.raises(KeyError):
        await House().desk().operator(CALLER._replace(line="other"), "")


@pytest.mark.parametrize(
    ("number", "by"),
    [
        ("101", "an operator by telephone from 101"),
        ("+441632960123", "an operator by telephone from …123"),
        (None, "an operator by telephone"),
    ],
)
async def test_who_gave_the_order_is_on_record_but_no_long_number(number: str | None, by: str) -> None:
    house = House()
    desk, caller = house.desk(), CALLER._replace(number=number)
    await admitted(desk, caller)
    await desk.ordered(caller, "1")
    assert house.declared[0].by == by


# ---- an operator's own words

SPOKEN = b"\xff\x7f words"


async def asked_to_speak(desk: OperatorDesk, caller: Caller = CALLER) -> Take:
    await admitted(desk, caller)
    take = await desk.ordered(caller, "2")
    assert isinstance(take, Take)
    return take


@pytest.mark.parametrize("open_", [[], [incident("a", declared=True)], [incident("a", tenants=("acme", "other"))]])
async def test_what_was_spoken_and_approved_is_declared_and_not_before(open_: list[Incident]) -> None:
    house = House(open=open_)
    desk = house.desk()
    take = await asked_to_speak(desk)
    assert says(take, declaring.PLEASE_SPEAK)
    assert take.seconds == declaring.SPEAK_SECONDS
    heard = await desk.taken(CALLER, SPOKEN)
    assert isinstance(heard, Treatment)
    assert heard.audio == played(recording(declaring.HEAR), spoken(SPOKEN), recording(declaring.KEEP))
    assert (heard.keys, heard.then) == ("12", Next.HANGUP)
    assert (house.kept, house.declared) == ([(SUPPORT, SPOKEN)], [])
    receipt = await desk.approved(CALLER, "1")
    assert isinstance(receipt, Receipt)
    assert says(receipt, declaring.DONE)
    assert house.declared == [
        Declaration(
            pbx=PbxName("pbx-1"),
            subject=Subject(Kind.LINE, "support"),
            until=START + timedelta(hours=4),
            by="an operator by telephone from 101",
            recording=spoken(SPOKEN).hash,
        )
    ]
    assert says(await desk.approved(CALLER, "1"), declaring.REFUSED)
    assert len(house.declared) == 1


async def test_spoken_again_the_last_words_count() -> None:
    house = House()
    desk = house.desk()
    await asked_to_speak(desk)
    await desk.taken(CALLER, b"first")
    assert says(await desk.approved(CALLER, "2"), declaring.PLEASE_SPEAK)
    assert says(await desk.approved(CALLER, "1"), declaring.REFUSED)  # nothing was heard back since
    desk = house.desk()
    await asked_to_speak(desk)
    await desk.taken(CALLER, b"first")
    await desk.approved(CALLER, "2")
    await desk.taken(CALLER, b"second")
    await desk.approved(CALLER, "1")
    assert [order.recording for order in house.declared] == [spoken(b"second").hash]


@pytest.mark.parametrize("audio", [b"", SPOKEN])
@pytest.mark.parametrize("error", [Unusable("too short"), Inaudible("silence")])
async def test_what_cannot_be_used_is_asked_for_again_but_not_for_ever(audio: bytes, error: VoiceError) -> None:
    house = House(unusable=error)
    desk = house.desk()
    await asked_to_speak(desk)
    for _ in range(declaring.TAKES - 1):
        again = await desk.taken(CALLER, audio)
        assert isinstance(again, Take)
        assert says(again, declaring.UNUSABLE)
    last = await desk.taken(CALLER, audio)
    assert isinstance(last, Treatment)
    assert (says(last, declaring.FAILED), last.keys, last.then) == (True, "", Next.HANGUP)
    assert says(await desk.approved(CALLER, "1"), declaring.REFUSED)
    assert house.declared == []


async def test_nobody_speaks_more_often_than_they_may() -> None:
    house = House()
    desk = house.desk()
    await asked_to_speak(desk)
    for _ in range(declaring.TAKES - 1):
        await desk.taken(CALLER, SPOKEN)
        assert isinstance(await desk.approved(CALLER, "2"), Take)
    await desk.taken(CALLER, SPOKEN)
    assert says(await desk.approved(CALLER, "2"), declaring.FAILED)
    assert house.declared == []


@pytest.mark.parametrize("error", [LibraryUnwritable("the disk is full"), SpeechFailed("sox gave up")])
async def test_what_cannot_be_kept_is_no_fault_of_the_speaker(error: VoiceError) -> None:
    house = House(unusable=error)
    desk = house.desk()
    await asked_to_speak(desk)
    with capture_logs() as logs:
        answer = await desk.taken(CALLER, SPOKEN)
    assert isinstance(answer, Treatment)
    assert (says(answer, declaring.FAILED), answer.keys) == (True, "")
    assert [log["problem"] for log in logs] == [str(error)]
    assert says(await desk.taken(CALLER, SPOKEN), declaring.REFUSED)


@pytest.mark.parametrize("key", ["3", "0", "", "12"])
async def test_words_that_nobody_approved_change_nothing(key: str) -> None:
    house = House()
    desk = house.desk()
    await asked_to_speak(desk)
    await desk.taken(CALLER, SPOKEN)
    assert says(await desk.approved(CALLER, key), declaring.REFUSED)
    assert says(await desk.approved(CALLER, "1"), declaring.REFUSED)
    assert house.declared == []


async def test_nobody_speaks_without_the_pin_or_out_of_turn() -> None:
    house = House()
    desk = house.desk()
    for answer in (await desk.taken(CALLER, SPOKEN), await desk.approved(CALLER, "1"), await desk.ordered(CALLER, "2")):
        assert says(answer, declaring.REFUSED)
    await admitted(desk)
    assert says(await desk.taken(CALLER, SPOKEN), declaring.REFUSED)  # was not asked to
    assert says(await desk.approved(CALLER, "1"), declaring.REFUSED)  # has heard nothing back
    assert says(await desk.ordered(CALLER, "1"), declaring.REFUSED)  # and had their choice
    await asked_to_speak(desk, CALLER._replace(uniqueid="7.2"))
    desk = house.desk()
    await asked_to_speak(desk)
    for other in (CALLER._replace(uniqueid="7.1"), CALLER._replace(line="sales")):
        assert says(await desk.taken(other, SPOKEN), declaring.REFUSED)
    await desk.taken(CALLER, SPOKEN)
    assert says(await desk.taken(CALLER, SPOKEN), declaring.REFUSED)  # once is enough
    assert says(await desk.ordered(CALLER, "1"), declaring.REFUSED)  # the keys answer for the words now
    assert (len(house.kept), house.declared) == (1, [])


async def test_each_step_has_its_time_and_all_of_them_together() -> None:
    house = House()
    desk = house.desk()
    await asked_to_speak(desk)
    house.now += declaring.SPEAK_WITHIN + timedelta(seconds=1)
    assert says(await desk.taken(CALLER, SPOKEN), declaring.REFUSED)

    await asked_to_speak(desk, CALLER._replace(uniqueid="9.1"))
    await desk.taken(CALLER._replace(uniqueid="9.1"), SPOKEN)
    house.now += declaring.CHOOSE_WITHIN + timedelta(seconds=1)
    assert says(await desk.approved(CALLER._replace(uniqueid="9.1"), "1"), declaring.REFUSED)

    slow = CALLER._replace(uniqueid="9.2")
    await asked_to_speak(desk, slow)
    steps = 0
    while isinstance(await desk.taken(slow, SPOKEN), Treatment) and isinstance(await desk.approved(slow, "2"), Take):
        house.now += declaring.SPEAK_WITHIN
        steps += 1
    assert steps == declaring.TAKES - 1 < declaring.ORDER_WITHIN / declaring.SPEAK_WITHIN

    late = CALLER._replace(uniqueid="9.3")
    await asked_to_speak(desk, late)
    for _ in range(3):
        house.now += declaring.SPEAK_WITHIN
        await desk.taken(late, SPOKEN)
        house.now += declaring.CHOOSE_WITHIN
        assert isinstance(await desk.approved(late, "2"), Take)
    house.now += timedelta(seconds=1)
    assert says(await desk.taken(late, SPOKEN), declaring.REFUSED)
    assert house.declared == []


async def test_an_operator_is_spoken_to_as_their_telephone_asks_for() -> None:
    house = House(open=[incident("a", declared=True)])
    desk = house.desk()
    caller = CALLER._replace(language="de", wide=True)
    asked = await desk.operator(caller, "")
    assert asked.audio == played(recording(declaring.PIN, "de"), wide=True)
    answer = await desk.operator(caller, PIN)
    assert answer.audio == played(recording(since("operator_declared", house.open[0]), "de"), wide=True)
    await desk.ordered(caller, "2")
    heard = await desk.taken(caller, SPOKEN)
    pieces = (recording(declaring.HEAR, "de"), spoken(SPOKEN), recording(declaring.KEEP, "de"))
    assert heard.audio == played(*pieces, wide=True)


def test_every_saying_is_a_phrase_and_every_operators_phrase_is_said() -> None:
    standing = {saying.phrase for saying in declaring.STANDING}
    assert all(not FACTS.get(Phrase(phrase)) for phrase in standing)
    full = {f"operator_{name}" for name in ("declared", "found", "shared")}
    assert standing | full == {phrase.value for phrase in Phrase if phrase.value.startswith("operator_")}


def test_a_lines_pin_is_not_shown() -> None:
    assert PIN not in repr(OperatorLine(tenant=TenantName("acme"), pin=PIN, lasts=timedelta(hours=1)))
