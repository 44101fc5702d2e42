"""A watched PBX with one trunk and three lines, and the events that happen to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ami_bridge.domain import events as ev
from ami_bridge.domain.effects import Effect
from ami_bridge.domain.events import DeviceState
from ami_bridge.domain.line import Line, LineLimits
from ami_bridge.domain.names import (
    Bridgeid,
    ChannelName,
    Device,
    IncidentId,
    LineName,
    Linkedid,
    PbxName,
    QueueName,
    TenantName,
    TrunkName,
    Uniqueid,
)
from ami_bridge.domain.outage import Outages, Touched
from ami_bridge.domain.trunk import Limits, Trunk
from ami_bridge.domain.watch import Routes, Watch

T0 = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
MAIN = TrunkName("acme-primary")
SUPPORT, SALES, VIP = LineName("support"), LineName("sales"), LineName("vip")
QUEUE, VIP_QUEUE = QueueName("support-q"), QueueName("vip-q")
ANN = Device("PJSIP/101")
ATTEMPT = "keepline-a1"


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def a_watch() -> Watch:
    limits = LineLimits(patience=timedelta(seconds=20))
    return Watch(
        lines={name: Line(name, limits) for name in (SUPPORT, SALES, VIP)},
        trunks={MAIN: Trunk(MAIN, Limits())},
        outages=Outages(
            pbx=PbxName("lab"),
            touched={MAIN: Touched(tenant=TenantName("acme"), lines=(SUPPORT,))},
            word_every=timedelta(minutes=30),
            new_id=lambda: IncidentId("i1"),
        ),
        routes=[
            Routes(line=SUPPORT, dids=("5550100",), queue=QUEUE),
            Routes(line=SALES, dids=("5550200",), ring=(ANN,)),
            Routes(line=VIP, dids=("5550300",), queue=VIP_QUEUE),
        ],
    )


def created(uniqueid: str, name: str, *, linkedid: str = "", dialled: str = "s") -> ev.ChannelCreated:
    return ev.ChannelCreated(
        uniqueid=Uniqueid(uniqueid),
        linkedid=Linkedid(linkedid or uniqueid),
        name=ChannelName(name),
        state=ev.ChannelState.DOWN,
        caller_number="+4930123",
        dialled=dialled,
    )


def state(uniqueid: str, to: ev.ChannelState) -> ev.ChannelStateChanged:
    return ev.ChannelStateChanged(uniqueid=Uniqueid(uniqueid), state=to)


def hung_up(uniqueid: str, cause: int = 16) -> ev.ChannelHungUp:
    return ev.ChannelHungUp(uniqueid=Uniqueid(uniqueid), cause=cause)


def enters(uniqueid: str) -> ev.BridgeEntered:
    return ev.BridgeEntered(bridge=Bridgeid("b1"), uniqueid=Uniqueid(uniqueid))


def joins(uniqueid: str, queue: QueueName = QUEUE) -> ev.QueueCallerJoined:
    return ev.QueueCallerJoined(uniqueid=Uniqueid(uniqueid), queue=queue, position=1)


def member(to: DeviceState, *, device: Device = ANN, rung: Device | None = None) -> ev.QueueMemberChanged:
    return ev.QueueMemberChanged(queue=QUEUE, device=device, state=to, paused=False, rung=rung)


def contact(*, reachable: bool | None, uri: str = "sip:carrier") -> ev.ContactChanged:
    return ev.ContactChanged(endpoint=MAIN, uri=uri, reachable=reachable)


def play(watch: Watch, *events: ev.Event, now: datetime = T0) -> list[Effect]:
    return [effect for event in events for effect in watch.feed(event, now)]


def waiting(watch: Watch) -> dict[LineName, list[Linkedid]]:
    return {name: list(line.waiting) for name, line in watch.lines.items() if line.waiting}
