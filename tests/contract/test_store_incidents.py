"""Outages and blind spots: stored as they are, with the way they went."""

from __future__ import annotations

from dataclasses import replace

from ami_bridge.domain.incident import IncidentState, Story, change
from ami_bridge.domain.names import NO_RECORDING, AnnouncementHash, IncidentId, LineName, PbxName, TenantName
from ami_bridge.domain.signal import Kind, Source, Subject
from ami_bridge.domain.status import BlindSpot
from ami_bridge.store import Beat, Store
from tests.contract.making import POLICY, T0, a_cause, after, an_incident, seen

BERLIN, HAMBURG = PbxName("berlin"), PbxName("hamburg")


async def test_an_incident_is_returned_as_it_was_saved(store: Store) -> None:
    incident = an_incident()
    everything = an_incident(
        "i2",
        tenants=(TenantName("acme"), TenantName("globex")),
        causes=tuple(
            a_cause(Subject(kind, f"the {kind.value}"), since=after(n), lines=(LineName("a"),) * n, over=n % 2 == 0)
            for n, kind in enumerate(Kind)
        ),
        story=Story.AUDIO,
        told=False,
        since=after(1),
        evidence=tuple(seen(source.value, n / 7, source) for n, source in enumerate(Source)),
        until=after(hours=2),
        expected=after(hours=1),
        recording=AnnouncementHash("a" * 64),
    )
    nothing = an_incident("i3", tenants=(), causes=(), lines=(), what="", evidence=(), since=after(2))
    for each in (incident, everything, nothing):
        await store.incidents.save(each)
    assert await store.incidents.open() == [incident, everything, nothing]
    changed = replace(everything, causes=everything.causes[:1], until=None, told=True, story=Story.SURGE, what="audio")
    changed = replace(changed, expected=None, recording=NO_RECORDING)
    await store.incidents.save(changed)
    assert await store.incidents.get(changed.id) == changed


async def test_each_change_of_state_is_one_line_of_the_timeline_with_its_own_evidence(store: Store) -> None:
    first, second, third = seen("unreachable"), seen("503", 3, Source.CALLS), seen("rejected", 5, Source.REGISTRATION)
    incident = an_incident(evidence=(first,))
    await store.incidents.save(incident)
    await store.incidents.save(incident)
    seen_more = an_incident(evidence=(first, second), tenants=(TenantName("acme"), TenantName("globex")))
    await store.incidents.save(seen_more)
    known = change(seen_more, IncidentState.IDENTIFIED, after(5), third)
    await store.incidents.save(known)
    over = change(known, IncidentState.RESOLVED, after(90))
    await store.incidents.save(over)
    assert [(e.at, e.state, e.evidence) for e in await store.incidents.timeline(incident.id)] == [
        (T0, IncidentState.SUSPECTED, (first,)),
        (after(5), IncidentState.IDENTIFIED, (second, third)),
        (after(90), IncidentState.RESOLVED, ()),
    ]
    touched = [e.tenants for e in await store.incidents.timeline(incident.id)]
    assert touched == [incident.tenants, known.tenants, known.tenants]
    assert await store.incidents.open() == []
    assert await store.incidents.recent(5) == [over]


async def test_evidence_that_is_put_in_between_or_left_out_later_is_told_once(store: Store) -> None:
    first, between, last = seen("unreachable"), seen("503", 3, Source.CALLS), seen("back", 5)
    incident = an_incident(evidence=(first, last))
    await store.incidents.save(incident)
    await store.incidents.save(change(replace(incident, evidence=(between, last)), IncidentState.IDENTIFIED, after(6)))
    lines = await store.incidents.timeline(incident.id)
    assert [line.evidence for line in lines] == [(first, last), (between,)]


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
