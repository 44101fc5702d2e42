"""What callers of a line hear, from the moment a trunk dies to the moment it is well again."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from ami_bridge.domain.verdict import Verdict
from dialplan_templates import contract
from tests.adapters.ami.manager import until
from tests.adapters.house.house import HOLD, LINE, House, Pbx, a_caller, a_house, hash_of

FIRST = "We know about a fault with our main telephone line"


def first_word(house: House) -> str:
    [found] = {hash_of(t) for t in house.library.asked if t.startswith(FIRST) and "It began" not in t}
    return found


def told(pbx: Pbx) -> str:
    """The recording named for the line now."""
    return (pbx.line_state or "--").split("-")[1]


async def test_the_first_word_is_live_without_any_rendering_and_the_full_words_follow(house: House, pbx: Pbx) -> None:
    await house.start()
    assert pbx.line_state is None
    house.library.ready.clear()
    pbx.trunk("acme-primary", reachable=False)
    await until(lambda: told(pbx) == first_word(house))
    house.library.ready.set()
    await until(lambda: told(pbx) not in {first_word(house), ""})
    until_, _full, keys, standby_until, standby = (pbx.line_state or "").split("-")
    assert (keys, standby) == ("012", first_word(house))
    assert int(until_) < int(standby_until)


async def test_what_changed_while_rendering_wins(house: House, pbx: Pbx) -> None:
    await house.start()
    house.library.ready.clear()
    pbx.trunk("acme-primary", reachable=False)
    await until(lambda: told(pbx) == first_word(house))
    pbx.trunk("acme-primary", reachable=True)
    await until(lambda: house.verdict() is Verdict.RECOVERING)
    house.clock.ahead = HOLD
    await until(lambda: not house.runner.watch.incidents)
    house.library.ready.set()
    await until(lambda: pbx.line_state is None)
    await house.ticks()
    states = [a["Val"] for a in pbx.received if a["Action"] == "DBPut" and a["Family"] == contract.LINES]
    assert {state.split("-")[1] for state in states} == {first_word(house)}, "the overtaken words never went live"
    assert (await house.desk.status(a_caller())).audio == ()


async def test_what_the_pbx_cannot_play_is_never_named_and_said_to_operators(house: House, pbx: Pbx) -> None:
    pbx.plays = lambda hash_: hash_ not in {hash_of(text) for text in house.library.asked if FIRST in text}
    await house.start()
    assert house.runner.announcer.problem == "the PBX could not play 1 announcements from audio.url"
    pbx.trunk("acme-primary", reachable=False)
    await until(lambda: bool(house.runner.watch.incidents))
    await until(lambda: house.runner.announcer.problem == "the PBX could not play 2 announcements from audio.url")
    assert pbx.line_state is None
    pbx.plays = lambda _hash: True
    house.clock.ahead = timedelta(seconds=21)
    await until(lambda: told(pbx) not in {first_word(house), ""})
    assert house.runner.announcer.problem == ""


async def test_full_words_go_live_without_a_standby_the_pbx_cannot_play(house: House, pbx: Pbx) -> None:
    pbx.plays = lambda hash_: hash_ != first_word(house)
    await house.start()
    pbx.trunk("acme-primary", reachable=False)
    await until(lambda: pbx.line_state is not None)
    until_, full, _keys, standby_until, standby = (pbx.line_state or "").split("-")
    assert full != first_word(house)
    assert standby == ""
    assert until_ == standby_until


async def test_a_pbx_that_cannot_reach_us_is_asked_again_and_events_are_handled_meanwhile(
    house: House, pbx: Pbx
) -> None:
    pbx.rehearses = False
    await house.start(settled=False)
    await until(lambda: house.runner.announcer.rehearsals.addresses() != ())
    pbx.trunk("acme-primary", reachable=False)
    await until(lambda: bool(house.runner.watch.incidents))
    assert pbx.line_state is None
    pbx.rehearses = True
    await pbx._rehearse()
    await until(lambda: told(pbx) not in {first_word(house), ""})
    assert set(pbx.astdb[contract.PROMPTS]) == {
        f"{LINE}-{phrase}"
        for phrase in contract.PROMPT_PHRASES
        if phrase != "operator_failed"  # the line takes no orders by telephone
    }


async def test_a_removal_the_pbx_did_not_take_is_made_good(house: House, pbx: Pbx) -> None:
    await house.start()
    pbx.trunk("acme-primary", reachable=False)
    await until(lambda: told(pbx) not in {first_word(house), ""})
    remove, asked = pbx.answers["DBDel"], len(pbx.received)
    pbx.answers["DBDel"] = lambda action: (
        f"Response: Error\r\nActionID: {action['ActionID']}\r\nMessage: Permission denied\r\n\r\n".encode()
    )
    pbx.trunk("acme-primary", reachable=True)
    await until(lambda: house.verdict() is Verdict.RECOVERING)
    house.clock.ahead = HOLD
    await until(lambda: "DBDel" in [a["Action"] for a in pbx.received[asked:]])
    assert (await house.desk.status(a_caller())).audio == (), "callers hear of it no more"
    pbx.answers["DBDel"] = remove
    assert pbx.line_state is not None
    house.clock.ahead += timedelta(seconds=21)
    await until(lambda: pbx.line_state is None)


async def test_an_announcement_still_true_is_given_more_time(house: House, pbx: Pbx) -> None:
    await house.start()
    pbx.trunk("acme-primary", reachable=False)
    await until(lambda: told(pbx) not in {first_word(house), ""})
    before, words = int((pbx.line_state or "").split("-")[3]), told(pbx)
    house.clock.ahead = timedelta(seconds=7200 * 0.25 + 1)
    await until(lambda: int((pbx.line_state or "").split("-")[3]) > before)
    assert told(pbx) == words


async def test_a_time_that_has_passed_is_not_told(house: House, pbx: Pbx) -> None:
    """The next word cannot be made: callers hear the words without a time."""
    await house.start()
    pbx.trunk("acme-primary", reachable=False)
    await until(lambda: told(pbx) not in {first_word(house), ""})
    house.library.broken = True
    house.clock.ahead = timedelta(seconds=2400)
    [audio] = (await house.desk.status(a_caller())).audio
    assert audio.url.endswith(f"{first_word(house)}.wav")
    await until(lambda: told(pbx) == first_word(house))


async def test_after_a_restart_callers_are_told_before_the_first_push(house: House, pbx: Pbx, tmp_path: Path) -> None:
    await house.start()
    pbx.trunk("acme-primary", reachable=False)
    await until(lambda: told(pbx) not in {first_word(house), ""})
    await house.stop()
    async with a_house(tmp_path, pbx) as second:
        [audio] = (await second.desk.status(a_caller())).audio
        assert audio.url.endswith(f"{first_word(second)}.wav")
