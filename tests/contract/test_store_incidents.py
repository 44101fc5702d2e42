"""Outages and blind spots: stored as they are, with the way they went."""

from __future__ import annotations

from ami_bridge.domain.incident import IncidentState, change
from ami_bridge.domain.names import IncidentId, PbxName
from ami_bridge.domain.status import BlindSpot
from ami_bridge.store import Beat, Store
from tests.contract.making import POLICY, T0, after, an_incident

BERLIN, HAMBURG = PbxName("berlin"), PbxName("hamburg")


async def test_an_incident_is_returned_as_it_was_saved(store: Store) -> None:
    incident = an_incident()
    trunkless = an_incident("i2", trunk=None, lines=(), evidence=(), since=after(1))
    await store.incidents.save(incident)
    await store.incidents.save(trunkless)
    assert await store.incidents.open() == [incident, trunkless]


async def test_each_change_of_state_is_one_line_of_the_timeline_with_its_own_evidence(store: Store) -> None:
    incident = an_incident()
    await store.incidents.save(incident)
    await store.incidents.save(incident)
    seen_more = an_incident(evidence=(*incident.evidence, "call: 503"))
    await store.incidents.save(seen_more)
    known = change(seen_more, IncidentState.IDENTIFIED, after(5), "registration: rejected")
    await store.incidents.save(known)
    over = change(known, IncidentState.RESOLVED, after(90))
    await store.incidents.save(over)
    assert [(e.at, e.state, e.evidence) for e in await store.incidents.timeline(incident.id)] == [
        (T0, IncidentState.SUSPECTED, ("qualify: unreachable",)),
        (after(5), IncidentState.IDENTIFIED, ("call: 503", "registration: rejected")),
        (after(90), IncidentState.RESOLVED, ()),
    ]
    assert await store.incidents.open() == []
    assert await store.incidents.recent(5) == [over]


async def test_open_incidents_are_by_pbx_and_recent_ones_bounded(store: Store) -> None:
    here, there = an_incident("i1"), an_incident("i2", pbx=HAMBURG)
    for incident in (here, there):
        await store.incidents.save(incident)
    assert await store.incidents.open(HAMBURG) == [there]
    for n, incident in enumerate((there, here)):
        await store.incidents.save(change(incident, IncidentState.RESOLVED, after(n)))
    assert [i.id for i in await store.incidents.recent(1)] == [IncidentId("i1")]
    assert await store.incidents.timeline(IncidentId("i404")) == []


async def test_a_blind_spot_lasts_until_its_pbx_is_seen_again(store: Store) -> None:
    await store.blind_spots.begin(BERLIN, T0, "connection lost")
    await store.blind_spots.begin(HAMBURG, after(1), "login refused")
    await store.blind_spots.begin(BERLIN, after(5), "still lost, says a restart")
    await store.blind_spots.end(BERLIN, after(10))
    lasting = BlindSpot(pbx=HAMBURG, begin=after(1), end=None, reason="login refused")
    ended = BlindSpot(pbx=BERLIN, begin=T0, end=after(10), reason="connection lost")
    assert await store.blind_spots.recent(5) == [lasting, ended]

    await store.blind_spots.end(BERLIN, after(20))
    await store.blind_spots.begin(BERLIN, after(30), "lost again")
    assert await store.blind_spots.recent(1) == [BlindSpot(pbx=BERLIN, begin=after(30), end=None, reason="lost again")]
    assert (await store.blind_spots.recent(5))[-1] == ended


async def test_what_is_found_when_a_pbx_is_seen_again_is_added_to_the_reason(store: Store) -> None:
    await store.blind_spots.begin(BERLIN, T0, "connection lost")
    await store.blind_spots.end(BERLIN, after(10), "the PBX restarted")
    await store.blind_spots.end(BERLIN, after(20), "nothing is open any more")
    await store.blind_spots.begin(BERLIN, after(30), "lost again")
    await store.blind_spots.end(BERLIN, after(40))
    said = [(spot.reason, spot.end) for spot in await store.blind_spots.recent(5)]
    assert said == [("lost again", after(40)), ("connection lost; the PBX restarted", after(10))]


async def test_the_last_beat_of_each_pbx_is_kept_and_no_other(store: Store, url: str) -> None:
    assert await store.blind_spots.last_beat(BERLIN) is None
    first = [Beat(pbx=pbx, at=T0, started="2026-03-01 08:00:00") for pbx in (BERLIN, HAMBURG)]
    later = Beat(pbx=BERLIN, at=after(3), started="2026-03-01 08:59:59")
    await store.blind_spots.beat(first)
    await store.blind_spots.beat([])
    await store.blind_spots.beat([later])
    assert await store.blind_spots.last_beat(BERLIN) == later
    assert await store.blind_spots.last_beat(HAMBURG) == first[1]
    other = await Store.open(url, POLICY)
    assert await other.blind_spots.last_beat(BERLIN) == later
    await other.close()
