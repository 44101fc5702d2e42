"""Callers say which number is called and when: stored first, read back, confirmed, and never lost on the way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from agi.desk import Caller, Next, Question, Receipt
from agi.errors import NotWritten
from ami_bridge.domain import announcement as say
from ami_bridge.domain import arranging as words
from ami_bridge.domain.names import AttemptId
from ami_bridge.domain.promise import Kind, Promise, State
from ami_bridge.store import LineKey
from tests.adapters.ami.manager import until
from tests.adapters.house.house import LINE, PBX, TENANT, House, Pbx, a_caller, a_house, hash_of

ANN, OTHER = "+15550001", "15551230002"


@pytest.fixture
async def arranged(tmp_path: Path, pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    """A house whose PBX has fetched all that may have to be said."""
    monkeypatch.setattr("ami_bridge.runner.TICK", 0.02)
    async with a_house(tmp_path, pbx, languages=("de",)) as house:
        await house.start()
        await until(lambda: house.runner.announcer.prepared.complete, 30)
        announcer = house.runner.announcer
        await until(
            lambda: all(
                announcer.playable(LINE, saying, language) for saying in words.standing() for language in ("en", "de")
            ),
            30,
        )
        yield house


def said(house: House, answer: Question | Receipt) -> list[str]:
    """The phrases of what is said, in order; of texts that none has, the text."""
    prepared = house.runner.announcer.prepared._recordings
    names = {recording.hash: phrase for (_line, (phrase, _what), _language), recording in prepared.items()}
    texts = {hash_of(text): text for text in house.library.asked}
    return [names.get(one.name) or texts[one.name] for one in answer.audio]


def spelled(number: str) -> list[str]:
    return [saying.phrase for saying in words.digits(number)]


async def press(house: House, caller: Caller, key: str = "1") -> Question | Receipt:
    """Press a key that leads into the conversation, and hear what is asked first."""
    receipt = await house.desk.pressed(caller._replace(key=key), key)
    assert receipt.then in (Next.ARRANGE, Next.ASK)
    return await house.desk.arrange(caller._replace(key=""))


async def the_only(house: House) -> Promise:
    [promise] = await house.store.promises.open()
    return promise


async def test_it_is_stored_before_anything_is_asked_and_the_number_is_read_back(arranged: House) -> None:
    receipt = await arranged.desk.pressed(a_caller(language="de"), "1")
    assert (receipt.then, receipt.audio) == (Next.ARRANGE, ())
    promise = await the_only(arranged)
    assert (promise.number, promise.language, promise.kind) == (ANN, "de", Kind.IN_TURN)
    first = await arranged.desk.arrange(a_caller(language="de"))
    assert isinstance(first, Question)
    assert said(arranged, first) == ["arrange_in_turn", "arrange_number", *spelled(ANN), "arrange_keys"]
    assert (first.keys, first.noted) == ("0123", True)
    german = {hash_of(text) for text in arranged.library.asked if "notiert" in text}
    assert first.audio[0].name in german


@pytest.mark.parametrize("answer", ["1", ""])
async def test_who_is_content_or_says_nothing_is_called_as_it_stands(arranged: House, answer: str) -> None:
    await press(arranged, a_caller())
    before = await the_only(arranged)
    end = await arranged.desk.arranged(a_caller(), answer)
    assert isinstance(end, Receipt)
    assert (said(arranged, end), end.then) == (["arrange_done"], Next.HANGUP)
    assert await the_only(arranged) == before


async def test_another_number_is_keyed_in_read_back_and_stored_before_it_is_confirmed(arranged: House) -> None:
    await press(arranged, a_caller())
    asked = await arranged.desk.arranged(a_caller(), "2")
    assert isinstance(asked, Question)
    assert (said(arranged, asked), asked.digits) == (["number_enter"], 18)
    back = await arranged.desk.arranged(a_caller(), OTHER)
    assert said(arranged, back) == ["number_entered", *spelled(OTHER), "number_keys"]
    assert (await the_only(arranged)).number == ANN, "nothing is changed before they say that it is right"
    noted = await arranged.desk.arranged(a_caller(), "1")
    assert said(arranged, noted) == ["number_noted", "arrange_keys_time"]
    assert (await the_only(arranged)).number == f"+{OTHER}", "as the trunk wrote theirs"
    assert isinstance(await arranged.desk.arranged(a_caller(), ""), Receipt)


async def test_a_number_that_is_not_called_is_refused_in_words_and_asked_for_three_times(arranged: House) -> None:
    await press(arranged, a_caller())
    await arranged.desk.arranged(a_caller(), "2")
    refusals = [said(arranged, await arranged.desk.arranged(a_caller(), keyed)) for keyed in ("911", "0*3", "")]
    assert refusals == [
        ["refused_emergency", "number_enter"],
        ["refused_not_a_number", "number_enter"],
        ["arrange_unchanged"],
    ]
    assert (await the_only(arranged)).number == ANN


async def test_who_withholds_the_number_is_asked_for_one_and_owed_nothing_before(arranged: House) -> None:
    nobody = a_caller(number=None)
    offered = await arranged.desk.unanswered(nobody)
    assert offered.keys == "01"
    receipt = await arranged.desk.pressed(nobody._replace(key="1"), "1")
    assert receipt.then is Next.ASK
    asked = await arranged.desk.arrange(nobody)
    assert (said(arranged, asked), asked.noted) == (["number_enter"], False)
    back = await arranged.desk.arranged(nobody, OTHER)
    assert not back.noted
    assert await arranged.store.promises.open() == []
    noted = await arranged.desk.arranged(nobody, "1")
    assert noted.noted
    assert (await the_only(arranged)).number == OTHER


async def test_without_a_number_nothing_is_promised(arranged: House) -> None:
    nobody = a_caller(number=None)
    await arranged.desk.pressed(nobody._replace(key="1"), "1")
    await arranged.desk.arrange(nobody)
    for _ in range(2):
        await arranged.desk.arranged(nobody, "")
    end = await arranged.desk.arranged(nobody, "")
    assert isinstance(end, Receipt)
    assert (said(arranged, end), end.then, end.noted) == (["not_noted"], Next.CONTINUE, False)
    assert await arranged.store.promises.open() == []


@pytest.mark.parametrize(("key", "part"), [("1", "morning"), ("2", "afternoon")])
async def test_a_morning_or_an_afternoon_is_chosen_by_key(arranged: House, key: str, part: str) -> None:
    await press(arranged, a_caller())
    times = await arranged.desk.arranged(a_caller(), "3")
    assert said(arranged, times) == ["choose_time"]
    end = await arranged.desk.arranged(a_caller(), key)
    [words_] = said(arranged, end)
    assert words_.startswith("scheduled_")
    assert words_.endswith(part)
    promise = await the_only(arranged)
    assert promise.kind is Kind.SCHEDULED
    assert promise.not_before > arranged.clock()
    local = promise.not_before.astimezone(arranged.room.lines[LINE].zone)
    assert (local.hour < 12) is (part == "morning")
    assert local.weekday() < 5
    desk = arranged.room.lines[LINE]
    assert desk.rules.hours(Kind.SCHEDULED, desk.facts(ANN)).is_open(promise.not_before)


async def test_who_has_a_promise_hears_how_it_stands_and_keeps_or_cancels_it(arranged: House) -> None:
    await press(arranged, a_caller("1.1"))
    await until(lambda: arranged.runner.known.is_owed(LINE, ANN), 15)
    offered = await arranged.desk.unanswered(a_caller("1.2"))
    assert said(arranged, Receipt(audio=offered.audio[-1:])) == ["offer_known"]
    again = await press(arranged, a_caller("1.2"))
    assert isinstance(again, Question)
    assert said(arranged, again)[-1] == "promised_keys"
    assert again.audio[0].name in {
        hash_of(text) for text in arranged.library.asked if text.startswith(("You asked us", "Your call back"))
    }
    end = await arranged.desk.arranged(a_caller("1.2"), "3")
    assert isinstance(end, Receipt)
    assert (said(arranged, end), end.then) == (["promised_cancelled"], Next.CONTINUE)
    assert await arranged.store.promises.open() == []


async def test_what_is_being_kept_at_this_moment_is_not_changed(arranged: House) -> None:
    await press(arranged, a_caller())
    await arranged.desk.arranged(a_caller(), "3")
    key = LineKey(tenant=TENANT, pbx=PBX, line=LINE)
    attempt = AttemptId("keepline-now")
    assert await arranged.store.promises.claim(key, (Kind.IN_TURN,), arranged.clock(), attempt) is not None
    end = await arranged.desk.arranged(a_caller(), "1")
    assert said(arranged, end) == ["arrange_failed"]
    assert (await the_only(arranged)).state is State.CLAIMED


async def test_what_cannot_be_stored_is_not_confirmed(arranged: House) -> None:
    await press(arranged, a_caller())
    await arranged.desk.arranged(a_caller(), "3")
    before = await the_only(arranged)
    async with arranged.locked():
        with pytest.raises(NotWritten):
            await arranged.desk.arranged(a_caller(), "1")
    assert await the_only(arranged) == before


async def test_nobody_is_asked_for_ever(arranged: House) -> None:
    answer = await press(arranged, a_caller())
    count = 0
    while isinstance(answer, Question):
        count += 1
        assert count < 40
        answer = await arranged.desk.arranged(a_caller(), "2" if not answer.digits else OTHER)
    assert await the_only(arranged)


async def test_who_is_not_remembered_ends_the_session_for_the_dialplan_to_confirm(arranged: House) -> None:
    with pytest.raises(KeyError):
        await arranged.desk.arrange(a_caller("never.seen"))


async def test_without_all_recordings_there_is_no_conversation_and_it_is_confirmed(tmp_path: Path, pbx: Pbx) -> None:
    missing = hash_of("Seven.")
    pbx.plays = lambda hash_: hash_ != missing
    async with a_house(tmp_path, pbx) as house:
        await house.start(settled=False)
        await until(lambda: house.runner.announcer.prepared.complete, 30)
        receipt = await house.desk.pressed(a_caller(), "1")
        assert receipt.then is Next.HANGUP
        assert [one.name for one in receipt.audio] == [
            house.runner.announcer.prepared.get(LINE, say.NOTED_IN_TURN).hash
        ]


async def test_an_offer_names_the_window_that_was_measured(arranged: House) -> None:
    now = arranged.clock()
    kept = [now - timedelta(minutes=minutes) for minutes in (50, 40, 30, 20, 10, 1)]
    arranged.runner.known.windows.measured(LINE, 0, kept)
    offered = await arranged.desk.unanswered(a_caller())
    assert offered.also is not None
    assert said(arranged, Receipt(audio=(offered.also,))) == ["window_half"]
    arranged.clock.ahead = timedelta(minutes=3)
    arranged.runner.known.windows._measured[LINE] = replace(arranged.runner.known.windows._measured[LINE], at=now)
    assert (await arranged.desk.unanswered(a_caller())).also is None, "what was measured long ago is not told"
