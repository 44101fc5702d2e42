"""The composed house on a real store and AMI session, against a scripted PBX that keeps an AstDB and channels."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

from agi.desk import Caller
from ami_bridge.ami.session import Deadlines
from ami_bridge.controls import Controls
from ami_bridge.desk import HouseDesk
from ami_bridge.domain.incident import Cause, Incident, IncidentState, Story
from ami_bridge.domain.names import AnnouncementHash, IncidentId, LineName, PbxName, PromiseId, TenantName
from ami_bridge.domain.promise import Kind, Policy, Promise, State
from ami_bridge.domain.signal import Kind as SubjectKind
from ami_bridge.domain.signal import Subject
from ami_bridge.domain.status import Link
from ami_bridge.domain.tickets import Tickets
from ami_bridge.domain.verdict import Verdict
from ami_bridge.furnish import Furnisher
from ami_bridge.places import Line as LineSettings
from ami_bridge.promising import PbxDesk
from ami_bridge.runner import Runner
from ami_bridge.settings import Settings, seconds
from ami_bridge.store import Store
from ami_bridge.voice.errors import SpeechFailed
from ami_bridge.voice.library import AudioLibrary, Recording
from dialplan_templates import contract
from tests.adapters.ami.manager import SECRET, Action, Manager, listing, response, until

PBX, LINE, TENANT = PbxName("lab"), LineName("support"), TenantName("acme")
HOLD = timedelta(seconds=5)
SPACING = timedelta(seconds=60)
ATTEMPTS = 2
# Tests are run at night and on Sundays, and call the same few numbers again and again.
AT_ANY_HOUR = {
    "calling": ["daily 00:00-24:00"],
    "calling_uninvited": ["daily 00:00-24:00"],
    "calling_on_holidays": True,
    "calls_per_number": 1000,
}
QUICK_LINK = Deadlines(connect=2, reply=1, listing=2, boot=2, ping_every=5, first_wait=0.02, longest_wait=0.1)


class Clock:
    """The wall clock, which a test may put forward."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class QuickLibrary(AudioLibrary):
    """Recordings without speech, at once, or when `ready` is set; `broken` ones cannot be made."""

    def __init__(self) -> None:
        self.ready = asyncio.Event()
        self.ready.set()
        self.broken = False
        self.asked: list[str] = []
        self.made: dict[str, Recording] = {}

    async def render(self, text: str, language: str, *, recorded_as: str | None = None) -> Recording:
        self.asked.append(text)
        await self.ready.wait()
        if self.broken:
            raise SpeechFailed("the engine is not there")
        none = Path("none.wav")
        made = Recording(hash=hash_of(text), path=none, wide=none, seconds=1.0, text=text, language=language)
        return self.made.setdefault(made.hash, made)

    async def join(self, recordings: Sequence[Recording]) -> Recording:
        return await self.render(" ".join(one.text for one in recordings), recordings[0].language)

    def get(self, hash: str) -> Recording | None:  # noqa: A002 - as the library names it
        return self.made.get(hash)


def hash_of(text: str) -> AnnouncementHash:
    return AnnouncementHash(sha256(text.encode()).hexdigest())


@dataclass
class Pbx(Manager):
    """A PBX with AstDB, a queue and channels. `originate` says what becomes of our calls."""

    astdb: dict[str, dict[str, str]] = field(default_factory=dict)
    members: dict[str, int] = field(default_factory=dict)  # device -> ast_device_state
    waiting: list[str] = field(default_factory=list)  # Uniqueids in the queue
    channels: dict[str, str] = field(default_factory=dict)  # Uniqueid -> name
    trunks: dict[str, bool] = field(default_factory=dict)
    calls: list[Action] = field(default_factory=list)
    originate: str = "accepted"  # refused, unanswered (by the PBX), cut
    plays: Callable[[str], bool] = lambda _hash: True
    rehearses: bool = True
    started: str = "08:00:00"  # when this Asterisk was started
    ahead: timedelta | None = None  # of its clock over the real time; None: its pongs do not tell the time
    dialled: dict[str, str] = field(default_factory=dict)  # channel name -> the number its caller dialled
    languages: dict[str, str] = field(default_factory=dict)  # channel name -> CHANNEL(language)
    whispers: list[dict[str, str]] = field(default_factory=list)  # the variables of each
    registrations: dict[str, str] = field(default_factory=dict)  # trunk -> Status
    records: dict[str, str] = field(default_factory=dict)  # where the companion reads what this PBX wrote down
    desk: HouseDesk | None = None
    rehearsals: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.answers |= {
            "DBPut": self._put,
            "DBDel": self._del,
            "DBGetTree": self._tree,
            "Originate": self._originate,
            "CoreShowChannels": lambda action: listing(
                action,
                *(
                    f"CoreShowChannel|Channel: {name}|ChannelState: 6|CallerIDNum: +15559999|Exten: s"
                    f"|Uniqueid: {uniqueid}|Linkedid: {uniqueid}|BridgeId: "
                    for uniqueid, name in self.channels.items()
                ),
            ),
            "QueueStatus": self._queue,
            "DeviceStateList": listing,
            "BridgeList": listing,
            "PJSIPShowRegistrationsOutbound": lambda action: listing(
                action,
                *(
                    f"OutboundRegistrationDetail|ObjectName: {trunk}|ClientUri: sip:{trunk}@us|ServerUri: sip:carrier"
                    f"|Endpoint: |Status: {status}"
                    for trunk, status in self.registrations.items()
                ),
            ),
            "CoreStatus": lambda action: response(
                action,
                "Success",
                *(f"Core{what}" for what in ("StartupDate: 2026-03-01", f"StartupTime: {self.started}")),
            ),
            "Getvar": lambda action: response(
                action,
                "Success",
                f"Variable: {action['Variable']}",
                f"Value: {self._variable(action['Variable']).get(action['Channel'], '')}",
            ),
            "PJSIPShowEndpoint": self._endpoint,
            "Ping": self._pong,
        }

    def time(self) -> float:
        """Epoch seconds by its clock."""
        return (datetime.now(UTC) + (self.ahead or timedelta())).timestamp()

    @property
    def line_state(self) -> str | None:
        return self.astdb.get(contract.LINES, {}).get(LINE)

    @property
    def marks(self) -> dict[str, str]:
        return self.astdb.setdefault(contract.ATTEMPTS, {})

    @property
    def keys(self) -> dict[str, str]:
        return self.astdb.setdefault(contract.KEYS, {})

    def event(self, name: str, **headers: object) -> None:
        lines = [f"Event: {name}", *(f"{key}: {value}" for key, value in headers.items()), "", ""]
        self.push("\r\n".join(lines).encode())

    def member(self, device: str, status: int) -> None:
        self.members[device] = status
        self.event(
            "QueueMemberStatus", Queue="support", Interface=device, StateInterface=device, Status=status, Paused=0
        )

    def trunk(self, name: str, *, reachable: bool) -> None:
        self.trunks[name] = reachable
        status = "Reachable" if reachable else "Unreachable"
        self.event("ContactStatus", EndpointName=name, URI="sip:carrier", ContactStatus=status)

    def channel(self, uniqueid: str, name: str, *, linkedid: str = "", exten: str = "s", state: int = 0) -> None:
        self.channels[uniqueid] = name
        self.event(
            "Newchannel",
            Uniqueid=uniqueid,
            Linkedid=linkedid or uniqueid,
            Channel=name,
            ChannelState=state,
            CallerIDNum="+15559999",
            Exten=exten,
        )

    def answered(self, uniqueid: str) -> None:
        self.marks[uniqueid] = "answered"
        self.event("Newstate", Uniqueid=uniqueid, ChannelState=6)

    def joined(self, uniqueid: str) -> None:
        self.channel("agent.1", "PJSIP/101-00000001", linkedid=uniqueid)
        for channel in (uniqueid, "agent.1"):
            self.event("BridgeEnter", BridgeUniqueid="b1", BridgeTechnology="simple_bridge", Uniqueid=channel)

    def hung_up(self, uniqueid: str, cause: int = 16) -> None:
        self.channels.pop(uniqueid, None)
        self.event("Hangup", Uniqueid=uniqueid, Cause=cause)

    def waits(self, uniqueid: str, name: str, language: str = "en") -> None:
        """A caller was answered by the dialplan and stands in the queue."""
        self.languages[name] = language
        self.channel(uniqueid, name, exten="5550100", state=6)
        self.event("QueueCallerJoin", Uniqueid=uniqueid, Queue="support", Position=1)

    def _variable(self, name: str) -> dict[str, str]:
        return self.languages if name == "CHANNEL(language)" else self.dialled

    def _pong(self, action: Action) -> bytes | None:
        stamp = () if self.ahead is None else (f"Timestamp: {self.time():.6f}",)
        return response(action, "Success", "Ping: Pong", *stamp) if self.pongs else None

    def _put(self, action: Action) -> bytes:
        self.astdb.setdefault(action["Family"], {})[action["Key"]] = action["Val"]
        return response(action, "Success", "Message: Updated database successfully")

    def _del(self, action: Action) -> bytes:
        gone = self.astdb.get(action["Family"], {}).pop(action["Key"], None)
        return response(action, "Success" if gone is not None else "Error", "Message: Database entry")

    def _tree(self, action: Action) -> bytes:
        family = action["Family"]
        if not (kept := self.astdb.get(family)):
            return response(action, "Error", "Message: Database entry not found")
        return listing(action, *(f"DBGetTreeResponse|Key: /{family}/{key}|Val: {value}" for key, value in kept.items()))

    def _queue(self, action: Action) -> bytes:
        members = (
            f"QueueMember|Queue: support|Location: {device}|StateInterface: {device}|Status: {status}|Paused: 0"
            for device, status in self.members.items()
        )
        entries = (
            f"QueueEntry|Queue: support|Position: {place}|Channel: x|Uniqueid: {uniqueid}|Wait: 1"
            for place, uniqueid in enumerate(self.waiting, 1)
        )
        return listing(action, *members, *entries)

    def _endpoint(self, action: Action) -> bytes:
        name = action["Endpoint"]
        status = "Reachable" if self.trunks.get(name, True) else "Unreachable"
        return listing(action, f"ContactStatusDetail|EndpointName: {name}|URI: sip:carrier|Status: {status}")

    def _originate(self, action: Action) -> bytes | None:
        if action["Channel"] == contract.REHEARSE_CHANNEL:
            if self.rehearses:
                task = asyncio.get_running_loop().create_task(self._rehearse())
                self.rehearsals.add(task)
                task.add_done_callback(self.rehearsals.discard)
            return response(action, "Success", "Message: Originate successfully queued")
        if action["Channel"] == contract.WHISPER_CHANNEL:
            variables = dict(one.split("=", 1) for one in action["Variable"].split("\n"))
            self.whispers.append(variables | {"ChannelId": action["ChannelId"]})
            return response(action, "Success", "Message: Originate successfully queued")
        self.calls.append(action)
        if self.originate == "refused":
            return response(action, "Error", "Message: Extension does not exist.")
        if self.originate == "cut":
            self.cut()
        if self.originate != "accepted":
            return None
        self.channel(action["ChannelId"], "PJSIP/acme-primary-00000009")
        return response(action, "Success", "Message: Originate successfully queued")

    async def _rehearse(self) -> None:
        assert self.desk is not None
        caller = a_caller("rehearsal")
        wanted = (await self.desk.rehearsal(caller)).urls
        await self.desk.rehearsed(caller, {url: self.plays(url[-68:-4]) for url in wanted})


def a_caller(
    uniqueid: str = "100.1",
    *,
    number: str | None = "+15550001",
    line: str = LINE,
    attempt: str = "",
    language: str = "en",
) -> Caller:
    return Caller(
        pbx=PBX,
        channel="PJSIP/acme-primary-1",
        uniqueid=uniqueid,
        line=line,
        number=number,
        attempt=attempt or None,
        language=language,
    )


def settings(tmp_path: Path, pbx: Pbx, detection: dict[str, Any] | None = None) -> Settings:
    return Settings.model_validate({
        "store": {"url": f"sqlite:///{tmp_path}/keepline.db"},
        "agi": {"token": "token-of-the-test", "listen": "127.0.0.1:0", "drain_seconds": 5},
        "audio": {"listen": "127.0.0.1:0"},
        "web": {"listen": "127.0.0.1:0"},
        "detection": {
            "verdict": {"hold_seconds": HOLD.total_seconds()},
            "qualify": {"confirm_seconds": 0},
            **(detection or {}),
        },
        "callback": {"attempts": ATTEMPTS, "spacing_seconds": SPACING.total_seconds(), "ring_seconds": 20},
        "tenant": [{"name": TENANT, "spoken": "Acme Hosting", "callback_numbers": ["+1555*", "555*"], **AT_ANY_HOUR}],
        "pbx": [
            {
                "name": PBX,
                "host": "127.0.0.1",
                "port": pbx.port,
                "secret": SECRET,
                "records": pbx.records,
                "trunk": [
                    {"name": "acme-primary", "spoken": "our main telephone line"},
                    {"name": "acme-backup", "spoken": "our second telephone line"},
                ],
            }
        ],
        "line": [
            {
                "name": LINE,
                "tenant": TENANT,
                "pbx": PBX,
                "dids": ["5550100"],
                "queue": "support",
                "trunks": ["acme-primary"],
                "callback_trunks": ["acme-primary", "acme-backup"],
                "caller_id": "5550100",
            }
        ],
    })  # fmt: skip


def ended(name: str, at: datetime) -> Incident:
    """An incident that has been over since `at`."""
    cause = Cause(subject=Subject(SubjectKind.TRUNK, "acme-primary"), since=at, lines=(LINE,), over=True)
    return Incident(
        id=IncidentId(name),
        pbx=PBX,
        tenants=(TENANT,),
        causes=(cause,),
        lines=(),
        story=Story.OUTAGE,
        what="our line",
        told=True,
        state=IncidentState.RESOLVED,
        since=at,
        changed=at,
        next_word=at,
    )


@dataclass
class House:
    """One furnished PBX, its desk and its runner at work."""

    store: Store
    desk: HouseDesk
    room: PbxDesk
    runner: Runner
    library: QuickLibrary
    clock: Clock
    pbx: Pbx
    controls: Controls
    file: Path
    task: asyncio.Task[None] | None = None
    rounds: int = 0  # of the runner's clock

    def verdict(self, trunk: str = "acme-primary") -> Verdict:
        return self.runner.watch.court.judges[Subject(SubjectKind.TRUNK, trunk)].verdict

    async def start(self, *, settled: bool = True) -> None:
        self.task = asyncio.create_task(self.runner.run())
        if settled:
            await until(lambda: self.runner.state.link is Link.UP)
            await until(lambda: self.runner.announcer._greeted or bool(self.runner.announcer.problem))

    async def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait([self.task])

    @asynccontextmanager
    async def locked(self, patience: float = 0.6) -> AsyncIterator[None]:
        """Another process holds the database. What is asked of the store meanwhile is given up after `patience` s."""
        backend = self.store._backend
        backend._deadline, patient = patience, backend._deadline
        # What was asked before has all the time of the store's own deadline: let it be done first.
        await asyncio.gather(backend.write(lambda _: None), backend.read(lambda _: None))
        other = sqlite3.connect(self.file, isolation_level=None, timeout=0)
        async with asyncio.timeout(5):
            while not _begun(other):  # noqa: ASYNC110 - the store may be writing; it cannot say when it is done
                await asyncio.sleep(0.005)
        try:
            yield
        finally:
            other.execute("ROLLBACK")
            other.close()
            backend._deadline = patient

    async def owe(
        self, number: str = "+15550001", *, kind: Kind = Kind.IN_TURN, incident: str = "", line: LineName = LINE
    ) -> Promise:
        now = self.clock()
        promise = Promise(
            id=PromiseId(uuid4().hex),
            tenant=TENANT,
            pbx=PBX,
            line=line,
            kind=kind,
            number=number,
            origin=uuid4().hex,
            arrived=now,
            expires=now + timedelta(days=1),
            not_before=now,
            incident=IncidentId(incident) if incident else None,
        )
        return (await self.store.promises.make(promise))[0]

    async def state(self, promise: Promise) -> State:
        found = await self.store.promises.get(promise.id)
        assert found is not None
        return found.state

    async def becomes(self, promise: Promise, state: State) -> Promise:
        async with asyncio.timeout(5):
            while await self.state(promise) is not state:  # noqa: ASYNC110 - the ledger has no event to wait for
                await asyncio.sleep(0.01)
        found = await self.store.promises.get(promise.id)
        assert found is not None
        return found

    async def calls(self, count: int) -> list[str]:
        """The attempts of the first `count` calls that reached the PBX."""
        await until(lambda: len(self.pbx.calls) >= count)
        assert len(self.pbx.calls) == count
        return [call["ChannelId"] for call in self.pbx.calls]

    async def ticks(self, count: int = 2) -> None:
        """Let the runner's clock go round: what it would do by then, it has done."""
        rounds = self.rounds
        await until(lambda: self.rounds > rounds + count)


def _begun(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return False
    return True


@asynccontextmanager
async def a_house(
    tmp_path: Path,
    pbx: Pbx,
    clock: Clock | None = None,
    lines: tuple[LineSettings, ...] = (),
    detection: dict[str, Any] | None = None,
    languages: tuple[str, ...] = (),
    tickets: Tickets | None = None,
    rules: dict[str, Any] | None = None,
) -> AsyncIterator[House]:
    """A house that is furnished but not at work yet; on the same `tmp_path`, on the same store."""
    clock, library, wanted = clock or Clock(), QuickLibrary(), settings(tmp_path, pbx, detection)
    tenant = wanted.tenant[0].model_copy(update={"languages": languages, **(rules or {})})
    wanted = wanted.model_copy(update={"line": lines or wanted.line, "tenant": (tenant,)})
    policy = Policy(attempts=ATTEMPTS, spacing=SPACING, lifetime=seconds(wanted.callback.lifetime_seconds))
    store = await Store.open(wanted.store.url, policy, deadline=5)
    desk = HouseDesk(store, clock)
    controls = Controls(store, clock)
    furnisher = Furnisher(wanted, store, library, orders=controls, changed=lambda: None, clock=clock, tickets=tickets)
    runner, room = await furnisher.furnish(wanted.pbx[0], desk.drain)
    desk.add(PBX, room)
    controls.add(runner)
    room.session.deadlines = QUICK_LINK
    pbx.desk = desk
    house = House(store, desk, room, runner, library, clock, pbx, controls, tmp_path / "keepline.db")
    end_overdue = store.promises.end_overdue

    async def counted(now: datetime) -> list[Promise]:
        house.rounds += 1
        return await end_overdue(now)

    store.promises.end_overdue = counted  # type: ignore[method-assign]
    try:
        yield house
    finally:
        library.ready.set()
        await house.stop()
        await store.close()
