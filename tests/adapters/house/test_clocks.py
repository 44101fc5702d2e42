"""A PBX whose clock is not ours: callers hear what is true while it is true, and what they press is dated by ours."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ami_bridge.domain.trace import Match
from ami_bridge.explaining import Explainer
from ami_bridge.picture import picture
from dialplan_templates import contract
from tests.adapters.ami.manager import until
from tests.adapters.house.house import LINE, PBX, QUICK_LINK, TENANT, House, Pbx, a_caller, settings

HOURS = timedelta(hours=3)
LIFETIME = timedelta(hours=2)  # of an announcement: the default
ROOM = 60.0  # seconds; what a slow machine may take
OFF = pytest.mark.parametrize("ahead", [timedelta(), HOURS, -HOURS, timedelta(days=-15_000)])


def times(pbx: Pbx) -> tuple[float, float]:
    """How long the line's words are true and may be said by the PBX's own clock, in seconds from now."""
    fields = (pbx.line_state or "").split("-")
    return int(fields[0]) - pbx.time(), int(fields[3]) - pbx.time()


def right(pbx: Pbx) -> bool:
    """What the PBX holds is true by its own clock, and expires when it should."""
    if not pbx.line_state:
        return False
    until_, standby_until = times(pbx)
    return until_ > 0 and abs(standby_until - LIFETIME.total_seconds()) < ROOM


def pushes(pbx: Pbx) -> int:
    return len([a for a in pbx.received if a["Action"] == "DBPut" and a["Family"] == contract.LINES])


async def announcing(house: House, pbx: Pbx) -> None:
    """An incident is on and live in full."""
    house.room.session.deadlines = replace(QUICK_LINK, ping_every=0.05)
    await house.start()
    pbx.trunk("acme-primary", reachable=False)
    await until(lambda: "en" in house.runner.announcer.live.get(LINE, {}))
    await until(lambda: "since" in house.runner.announcer.live[LINE]["en"].saying.params)
    await until(lambda: not house.runner.announcer._behind)


async def detail(house: House) -> str:
    """What operators are told about the PBX."""
    [shown] = (await picture(house.store, [house.runner], {LINE: TENANT}, house.clock())).pbxs
    return shown.detail


@OFF
async def test_what_a_pbx_is_told_is_true_by_its_own_clock(house: House, pbx: Pbx, ahead: timedelta) -> None:
    pbx.ahead = ahead
    await announcing(house, pbx)
    assert right(pbx)
    live, now = house.runner.announcer.live[LINE]["en"], house.clock()
    assert now < live.state.until <= now + LIFETIME, "and what we compare with our clock stays in ours"
    assert (await house.desk.status(a_caller())).audio != ()


@OFF
async def test_what_it_holds_is_explained_in_our_time(house: House, pbx: Pbx, ahead: timedelta) -> None:
    pbx.ahead = ahead
    await announcing(house, pbx)
    wanted = settings(house.file.parent, pbx)
    explainer = Explainer({PBX: house.runner}, {LINE: wanted.tenant[0]}, house.store, house.library, house.clock)
    [line] = await explainer.trace("+15550001", None, None)
    assert line.on_pbx.match is Match.SAME
    now = house.clock()
    assert [now < spell.until < now + LIFETIME + timedelta(seconds=2) for spell in line.without_us] == [True, True]


@pytest.mark.parametrize("ahead", [HOURS, -HOURS])
async def test_when_its_clock_jumps_it_is_told_anew_at_once_and_again_when_it_is_put_right(
    house: House, pbx: Pbx, ahead: timedelta
) -> None:
    pbx.ahead = timedelta()
    await announcing(house, pbx)
    pbx.ahead = ahead
    assert not right(pbx)
    await until(lambda: right(pbx))
    assert "is 3 h" in await detail(house)
    pbx.ahead = timedelta()
    await until(lambda: right(pbx))
    assert await detail(house) == ""


@pytest.mark.parametrize("ahead", [HOURS, -HOURS])
async def test_when_our_clock_jumps_what_it_holds_goes_on_being_right(house: House, pbx: Pbx, ahead: timedelta) -> None:
    pbx.ahead = timedelta()
    await announcing(house, pbx)
    before = pushes(pbx)
    house.clock.ahead = ahead
    await until(lambda: pushes(pbx) > before and not house.runner.announcer._behind)
    assert right(pbx)
    live, now = house.runner.announcer.live[LINE]["en"], house.clock()
    assert abs(live.state.standby_until - now - LIFETIME) < timedelta(seconds=ROOM)


@pytest.mark.parametrize("ahead", [HOURS, -HOURS])
async def test_who_calls_the_moment_after_our_clock_was_set_is_told(house: House, pbx: Pbx, ahead: timedelta) -> None:
    """Before anything could be said anew: what lives longer on the PBX than its lifetime is still true."""
    await announcing(house, pbx)
    house.clock.ahead = ahead
    assert (await house.desk.status(a_caller())).audio != ()


async def test_clocks_that_drift_apart_by_a_second_are_left_alone(house: House, pbx: Pbx) -> None:
    pbx.ahead = timedelta()
    await announcing(house, pbx)
    before = pushes(pbx)
    pbx.ahead = timedelta(seconds=1)
    await until(lambda: house.runner.announcer.clocks.ahead() > timedelta(seconds=0.9))
    await house.ticks()
    assert (pushes(pbx), await detail(house)) == (before, "")


async def test_a_pbx_that_does_not_tell_the_time_is_taken_to_have_ours(house: House, pbx: Pbx) -> None:
    await announcing(house, pbx)
    assert house.runner.announcer.clocks.ahead() == timedelta()
    assert right(pbx)
    assert await detail(house) == ""


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (9, ""),
        (-9, ""),
        (13, "the clock of PBX lab is 13 s ahead of ours: one of the two is wrong, and so may be the times"),
        (-300, "the clock of PBX lab is 5 min behind ours"),
        (10_800, "the clock of PBX lab is 3 h ahead of ours"),
        (-1_728_000, "the clock of PBX lab is 20 days behind ours"),
    ],
)
async def test_operators_are_told_when_the_clocks_differ(house: House, pbx: Pbx, seconds: int, said: str) -> None:
    pbx.ahead = timedelta(seconds=seconds)
    await house.start()
    assert (await detail(house)).startswith(said) if said else await detail(house) == ""


async def test_it_is_told_beside_what_else_is_wrong_there(house: House, pbx: Pbx) -> None:
    pbx.ahead, pbx.plays = HOURS, lambda _hash: False
    await house.start()
    said = await detail(house)
    assert "could not play" in said
    assert "3 h ahead" in said


# ---- keys that callers pressed, as the PBX kept them


async def arrived(house: House, number: str) -> timedelta:
    """How long ago the caller with `number` pressed, as it is in the ledger."""
    [promise] = [p for p in await house.store.promises.open() if p.number == number]
    return house.clock() - promise.arrived


@OFF
async def test_a_key_that_was_kept_is_dated_by_our_clock(house: House, pbx: Pbx, ahead: timedelta) -> None:
    pbx.ahead = ahead
    pbx.keys["100.7-1"] = f"{int(pbx.time()) - 600}:support:1:+15550007:en"
    await house.start()
    await until(lambda: pbx.keys == {})
    assert timedelta(seconds=599) < await arrived(house, "+15550007") < timedelta(seconds=600 + ROOM)


@pytest.mark.parametrize("epoch", [86_400, "in three hours"])
async def test_a_key_of_a_clock_that_was_wrong_then_is_neither_to_come_nor_over_for_years(
    house: House, pbx: Pbx, epoch: int | str
) -> None:
    """The PBX started in 1970, or three hours ahead, and was put right before we came."""
    pbx.ahead = timedelta()
    noted = int(pbx.time() + HOURS.total_seconds()) if isinstance(epoch, str) else epoch
    pbx.keys["100.7-1"] = f"{noted}:support:1:+15550007:en"
    await house.start()
    await until(lambda: pbx.keys == {})
    assert timedelta() <= await arrived(house, "+15550007") < timedelta(seconds=ROOM)


async def test_a_key_that_was_not_there_when_we_last_looked_was_pressed_after_that(house: House, pbx: Pbx) -> None:
    pbx.ahead = timedelta()
    await house.start()
    await until(lambda: PBX in house.desk._promising._drained)
    looked = house.desk._promising._drained[PBX]
    pbx.keys["100.7-1"] = f"{int(pbx.time() - HOURS.total_seconds())}:support:1:+15550007:en"
    await house.desk.drain(PBX)
    [promise] = await house.store.promises.open()
    assert looked <= promise.arrived <= house.clock()


async def test_what_could_not_be_taken_over_is_not_thought_to_be(
    house: House, pbx: Pbx, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store was busy while a key lay there: its time is not bounded by a look that came to nothing."""
    monkeypatch.setattr("ami_bridge.runner.LOOK_EVERY", 1e9)
    await house.start()
    await until(lambda: PBX in house.desk._promising._drained)
    looked = house.desk._promising._drained[PBX]
    pbx.keys["100.7-1"] = f"{int(pbx.time())}:support:1:+15550007:en"
    async with house.locked():
        with pytest.raises(Exception, match="locked"):
            await house.desk.drain(PBX)
    assert house.desk._promising._drained[PBX] == looked
    assert await house.desk.drain(PBX) == 1
    assert house.desk._promising._drained[PBX] > looked
