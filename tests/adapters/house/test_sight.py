"""Losing a PBX and finding it again: what is remembered, what its records tell, what operators are told of the gap."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from ami_bridge.domain import events as ev
from ami_bridge.domain import facts as fa
from ami_bridge.domain.names import Linkedid, TrunkName
from ami_bridge.domain.status import BlindSpot, Link
from ami_bridge.domain.tracker import Tracker
from ami_bridge.domain.watch import Watch
from ami_bridge.history.records import Records
from ami_bridge.picture import picture
from ami_bridge.store import Beat, StoreBusy
from tests.adapters.ami.manager import until
from tests.adapters.house.house import LINE, PBX, QUICK_LINK, TENANT, House, Pbx, a_house

CALLER = "100.1"


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the tracker made of each reconnection."""
    facts: list[Any] = []
    steps = Tracker.resync_steps

    def kept(tracker: Tracker, *args: Any) -> Iterator[list[Any]]:
        for made in steps(tracker, *args):
            facts.extend(made)
            yield made

    monkeypatch.setattr(Tracker, "resync_steps", kept)
    return facts


def ended(facts: list[Any]) -> list[tuple[str, str, bool]]:
    return [(f.call, f.outcome.value, f.answered) for f in facts if isinstance(f, fa.CallEnded)]


async def away(house: House, pbx: Pbx) -> None:
    """Lose the link and find it again."""
    since = house.runner.state.since
    pbx.cut()
    await until(lambda: house.runner.state.link is Link.UP and house.runner.state.since != since)


async def blind(house: House, *, spots: int = 1) -> BlindSpot:
    """The newest blind spot, once `spots` of them are over."""
    async with asyncio.timeout(5):
        while len([s for s in await house.store.blind_spots.recent(9) if s.end is not None]) < spots:  # noqa: ASYNC110 - the ledger has no event
            await asyncio.sleep(0.01)
    return (await house.store.blind_spots.recent(1))[0]


async def calling(house: House, pbx: Pbx, uniqueid: str = CALLER) -> None:
    pbx.channel(uniqueid, f"PJSIP/acme-primary-{uniqueid}", exten="5550100")
    pbx.event("QueueCallerJoin", Uniqueid=uniqueid, Queue="support", Position=1)
    await until(lambda: bool((call := house.runner.watch.tracker.calls.get(Linkedid(uniqueid))) and call.queues))


async def test_a_call_that_lives_on_is_the_same_call(house: House, pbx: Pbx, told: list[Any]) -> None:
    await house.start()
    await calling(house, pbx)
    waiting = dict(house.runner.watch.lines[LINE].waiting)
    assert waiting.keys() == {CALLER}
    pbx.waiting = [CALLER]
    await away(house, pbx)
    assert house.runner.watch.lines[LINE].waiting == waiting
    assert told == []


async def test_a_call_that_ended_meanwhile_is_unseen_where_nothing_tells_of_it(
    house: House, pbx: Pbx, told: list[Any]
) -> None:
    await house.start()
    await calling(house, pbx)
    pbx.channels.clear()
    with structlog.testing.capture_logs() as logs:
        await away(house, pbx)
    assert ended(told) == [(CALLER, "unseen", False)]
    assert house.runner.watch.tracker.calls == {}
    assert house.runner.watch.lines[LINE].waiting == {}
    [watching] = [entry for entry in logs if entry["event"] == "Watching"]
    assert (watching["calls"], watching["ended_meanwhile"], watching["ended_unseen"]) == (0, 1, 1)


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        ("ABANDON|1|1|5", ("abandoned", False)),
        ("CONNECT|1|100.2|1", ("completed", True)),
        ("RINGNOANSWER|10000", ("unseen", False)),
        (None, ("unseen", False)),
    ],
)
async def test_a_call_that_ended_meanwhile_is_closed_as_the_pbx_wrote_it_down(
    tmp_path: Path,
    pbx: Pbx,
    told: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    line: str | None,
    outcome: tuple[str, bool],
) -> None:
    monkeypatch.setattr("ami_bridge.runner.TICK", 0.05)
    log = tmp_path / "queue_log"
    pbx.records = {"queue_log": str(log)}
    async with a_house(tmp_path, pbx) as house:
        await house.start()
        await calling(house, pbx)
        pbx.channels.clear()
        if line is not None:
            log.write_text(f"9|{CALLER}|support|NONE|ENTERQUEUE||+1|1\n9|{CALLER}|support|PJSIP/101|{line}\n")
        await away(house, pbx)
        assert ended(told) == [(CALLER, *outcome)]


async def test_callers_who_were_there_before_us_are_known_by_what_they_dialled(house: House, pbx: Pbx) -> None:
    """In a ring group nothing else tells: the dialplan has led them on to `s` of some context."""
    pbx.channels = {CALLER: "PJSIP/acme-primary-1", "100.2": "PJSIP/acme-primary-2"}
    pbx.dialled = {"PJSIP/acme-primary-1": "5550100", "PJSIP/acme-primary-2": "911"}
    await house.start()
    assert house.runner.watch.lines[LINE].waiting.keys() == {CALLER}
    asked = pbx.names().count("Getvar")
    assert asked == 2
    await away(house, pbx)
    assert pbx.names().count("Getvar") == asked  # they are known by now
    assert house.runner.watch.lines[LINE].waiting.keys() == {CALLER}


async def test_what_is_reported_while_it_is_asked_for_is_counted_once(house: House, pbx: Pbx, told: list[Any]) -> None:
    """A caller comes and one goes between the first list and the last: both are in the lists and in the events."""
    await house.start()
    await calling(house, pbx)
    queue, pbx.waiting = pbx.answers["QueueStatus"], [CALLER]

    def meanwhile(action: Any) -> Any:
        if len(pbx.channels) == 1:
            pbx.channel("100.7", "PJSIP/acme-primary-7", exten="5550100")
            pbx.channel("100.8", "PJSIP/acme-primary-8", exten="5550100")
            pbx.hung_up("100.8")
            pbx.hung_up(CALLER)
        return queue(action)

    pbx.answers["QueueStatus"] = meanwhile
    await away(house, pbx)
    await until(lambda: house.runner.watch.tracker.calls.keys() == {"100.7"})
    assert house.runner.watch.lines[LINE].waiting.keys() == {"100.7"}
    assert ended(told) == []


async def test_a_link_that_is_lost_again_before_it_was_looked_at_is_not_asked_about(house: House, pbx: Pbx) -> None:
    """What is asked would be answered over the link after it, and older events would be taken for newer ones."""
    await house.start()
    async with house.locked(patience=60):  # the reader is held up while it notes the blind spot
        pbx.cut()
        await until(lambda: pbx.logins == 2 and house.room.session.up)
        pbx.channel("100.9", "PJSIP/acme-primary-9", exten="5550100")
        pbx.channels.clear()
        pbx.cut()
        await until(lambda: pbx.logins == 3 and house.room.session.up)
        assert house.runner.state.link is Link.CONNECTING
        assert pbx.names().count("CoreShowChannels") == 1
    await until(lambda: house.runner.state.link is Link.UP)
    assert house.runner.watch.tracker.calls == {}
    assert pbx.names().count("CoreShowChannels") == 2


async def test_our_own_reconnection_and_a_restart_of_the_pbx_are_told_apart(house: House, pbx: Pbx) -> None:
    await house.start()
    assert house.runner.state.started == "2026-03-01 08:00:00"
    await away(house, pbx)
    assert "restarted" not in (await blind(house)).reason
    pbx.started = "09:15:00"
    with structlog.testing.capture_logs() as logs:
        await away(house, pbx)
    assert (await blind(house, spots=2)).reason.endswith("; the PBX restarted")
    assert [e["started"] for e in logs if e["event"].startswith("The PBX restarted")] == ["2026-03-01 09:15:00"]
    assert house.runner.state.started == "2026-03-01 09:15:00"


async def test_a_pbx_that_says_it_shuts_down_is_taken_at_its_word(house: House, pbx: Pbx) -> None:
    await house.start()
    pbx.event("Shutdown", Shutdown="Cleanly", Restart="False")
    await until(lambda: house.runner.sight._stopping)
    await away(house, pbx)
    assert (await blind(house)).reason.startswith("the PBX was shut down (")
    await away(house, pbx)
    assert "shut down" not in (await blind(house, spots=2)).reason


async def test_a_gap_begins_when_the_pbx_was_last_heard_of(house: House, pbx: Pbx) -> None:
    house.room.session.deadlines = replace(QUICK_LINK, reply=0.4, ping_every=0.1)
    await house.start()
    pbx.pongs = False
    await until(lambda: house.runner.state.link is not Link.UP)
    noticed = house.clock()
    pbx.pongs = True
    assert noticed - (await blind(house)).begin >= timedelta(seconds=0.4)


async def test_a_gap_that_opens_again_before_all_was_caught_up_is_not_lost(
    house: House, pbx: Pbx, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The link goes between the snapshot and the settling of callbacks: the PBX was never watched in between."""
    await house.start()
    tree = pbx.answers["DBGetTree"]
    pbx.answers["DBGetTree"] = lambda _action: pbx.cut()  # type: ignore[func-returns-value]
    pbx.cut()
    await until(lambda: pbx.logins >= 3)
    pbx.answers["DBGetTree"] = tree
    await until(lambda: house.runner.state.link is Link.UP)
    spots = await house.store.blind_spots.recent(9)
    assert len(spots) == 1  # one gap, whatever happened in it
    await blind(house)


async def test_the_registrations_of_trunks_are_shown_and_followed(house: House, pbx: Pbx) -> None:
    pbx.registrations = {"acme-primary": "Registered", "somebody-else": "Rejected"}
    await house.start()

    async def shown() -> dict[str, str]:
        status = await picture(house.store, [house.runner], {LINE: TENANT}, house.clock())
        return {trunk.name: trunk.registration for trunk in status.trunks}

    assert await shown() == {"acme-primary": "registered", "acme-backup": ""}
    pbx.event("Registry", ChannelType="pjsip", Username="sip:acme-primary@us", Domain="sip:carrier", Status="Rejected")
    of = house.runner.watch.trunks.registrations.of
    await until(lambda: (state := of(TrunkName("acme-primary"))) is not None and state.value == "rejected")
    assert (await shown())["acme-primary"] == "rejected"
    pbx.registrations = {"acme-primary": "Stopped"}
    await away(house, pbx)
    assert (await shown())["acme-primary"] == "stopped"


async def test_a_companion_that_was_killed_has_been_blind_since_its_last_beat(
    house: House, pbx: Pbx, tmp_path: Path
) -> None:
    await house.start()
    until_then = house.runner.watched_until
    assert until_then is not None
    await house.store.blind_spots.beat([Beat(pbx=PBX, at=until_then, started=house.runner.state.started)])
    await house.stop()
    await house.store.close()
    pbx.started = "10:00:00"
    async with a_house(tmp_path, pbx, house.clock) as second:
        await second.start()
        spot = await blind(second)
        assert spot.begin == until_then
        assert spot.reason.startswith("the companion ended without a word")
        assert spot.reason.endswith("; the PBX restarted")


async def test_a_gap_the_store_could_not_tell_of_at_the_start_is_noted_once_it_can(
    house: House, pbx: Pbx, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ami_bridge.runner.LOOK_EVERY", 0.2)
    await house.start()
    last = Beat(pbx=PBX, at=house.clock() - timedelta(seconds=60), started="")
    await house.store.blind_spots.beat([last])
    await house.stop()
    await house.store.close()
    async with a_house(tmp_path, pbx, house.clock) as second:
        async with second.locked():
            reads = second.store._backend.read

            async def busy(_work: Any) -> Any:
                raise StoreBusy("not now")

            monkeypatch.setattr(second.store._backend, "read", busy)
            await second.start(settled=False)
            await until(lambda: second.runner.state.link is Link.UP)
            assert second.runner.watched_until is None
            monkeypatch.setattr(second.store._backend, "read", reads)
        spot = await blind(second)
        assert spot.begin == last.at
        assert second.runner.watched_until is not None


async def test_a_snapshot_is_dropped_when_the_link_was_another_at_its_end(
    house: House, pbx: Pbx, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lost and found again while the records are read: what came in between is in no list and in no event."""
    await house.start()
    await calling(house, pbx)
    pbx.waiting = [CALLER]
    used: list[set[str]] = []
    seeing_again, endings = Watch.seeing_again, Records.endings

    def counted(watch: Watch, snapshot: Any, *more: Any) -> Any:
        used.append({event.uniqueid for event in snapshot if isinstance(event, ev.ChannelCreated)})
        return seeing_again(watch, snapshot, *more)

    async def meanwhile(records: Records, gone: Any) -> Any:
        if "100.2" not in pbx.channels:
            pbx.channels["100.2"] = "PJSIP/acme-primary-2"
            logins = pbx.logins
            pbx.cut()
            await until(lambda: pbx.logins > logins and house.room.session.up)
        return await endings(records, gone)

    monkeypatch.setattr(Watch, "seeing_again", counted)
    monkeypatch.setattr(Records, "endings", meanwhile)
    await away(house, pbx)
    assert used == [{CALLER, "100.2"}]
    assert len(await house.store.blind_spots.recent(9)) == 1
