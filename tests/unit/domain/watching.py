"""A watched PBX with two trunks, three lines and a site, and the events that happen to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from ami_bridge.domain import events as ev
from ami_bridge.domain.effects import Effect
from ami_bridge.domain.events import DeviceState
from ami_bridge.domain.names import (
    Bridgeid,
    ChannelName,
    Device,
    IncidentId,
    LineName,
    Linkedid,
    QueueName,
    TrunkName,
    Uniqueid,
)
from ami_bridge.domain.signal import Kind, Subject
from ami_bridge.domain.verdict import Judge
from ami_bridge.domain.watch import Watch
from ami_bridge.settings import Settings
from ami_bridge.watching import watch_of

T0 = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
MAIN = TrunkName("acme-primary")
SUPPORT, SALES, VIP = LineName("support"), LineName("sales"), LineName("vip")
QUEUE, VIP_QUEUE = QueueName("support-q"), QueueName("vip-q")
ANN = Device("PJSIP/101")
ATTEMPT = "keepline-a1"


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


SETTINGS: dict[str, Any] = {
    "agi": {"token": "only-for-tests"},
    "announcement": {"word_every_seconds": 1800},
    "detection": {"qualify": {"confirm_seconds": 0}},
    "tenant": [{"name": "acme", "spoken": "Acme"}, {"name": "zeta", "spoken": "Zeta"}],
    "pbx": [
        {
            "name": "lab",
            "host": "pbx",
            "secret": "only-for-tests",
            "trunk": [
                {"name": "acme-primary", "spoken": "our main telephone line"},
                {"name": "shared", "spoken": "our second telephone line"},
            ],
        }
    ],
    "line": [
        {"name": "support", "dids": ["5550100"], "queue": "support-q", "trunks": ["acme-primary"]},
        {"name": "sales", "dids": ["5550200"], "ring": ["PJSIP/101"], "trunks": ["shared"]},
        {"name": "vip", "dids": ["5550300"], "queue": "vip-q", "tenant": "zeta", "trunks": ["shared"]},
    ],
    "site": [
        {
            "name": "office",
            "tenant": "acme",
            "pbx": "lab",
            "spoken": "our office",
            "phones": [f"PJSIP/{n}" for n in range(111, 117)],
            "lines": ["support"],
        }
    ],
}


def settings(**changes: object) -> Settings:
    """A PBX with two trunks, three lines of two tenants, and a site; `changes` replace whole sections."""
    lines = [
        {"tenant": "acme", "pbx": "lab", "callback_trunks": ["acme-primary"], "caller_id": "5550100", **line}
        for line in SETTINGS["line"]
    ]
    return Settings.model_validate({**SETTINGS, "line": lines, **changes})


def a_watch(**changes: object) -> Watch:
    made, numbers = settings(**changes), count(1)
    return watch_of(made, made.pbx[0], new_id=lambda: IncidentId(f"i{next(numbers)}"))


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


def judge(watch: Watch, kind: Kind, name: str) -> Judge:
    return watch.court.judges[Subject(kind, name)]


def pass_time(watch: Watch, since: float, until: float, step: float = 1.0) -> list[Effect]:
    """Tick from `since` to `until`, in seconds from T0."""
    effects: list[Effect] = []
    now = since
    while now < until:
        now = min(now + step, until)
        effects += watch.tick(at(now))
    return effects
