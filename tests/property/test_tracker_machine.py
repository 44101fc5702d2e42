"""Any legal life of calls on a PBX, interleaved, its events doubled or lost: what the tracker and the watch say of it.

The machine plays a PBX: it keeps what is really so (the model) and sends the events Asterisk would. A run ends with
every channel hung up; then nothing may be left anywhere.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ami_bridge.domain import events as ev
from ami_bridge.domain import tracker as tr
from ami_bridge.domain.line import Line, LineLimits
from ami_bridge.domain.names import (
    Bridgeid,
    ChannelName,
    IncidentId,
    LineName,
    Linkedid,
    PbxName,
    QueueName,
    TrunkName,
    Uniqueid,
)
from ami_bridge.domain.outage import Outages
from ami_bridge.domain.trunk import Limits, Trunk
from ami_bridge.domain.watch import Routes, Watch

T0 = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
QUEUES = {QueueName("support-q"): LineName("support"), QueueName("vip-q"): LineName("vip")}
pick = st.integers(0, 1000)


class RecordingTracker(tr.Tracker):
    """The tracker, and all it ever said."""

    def __init__(self) -> None:
        super().__init__()
        self.facts: list[tr.Fact] = []

    def feed(self, event: ev.Event, now: datetime) -> list[tr.Fact]:
        facts = super().feed(event, now)
        self.facts += facts
        return facts


def a_watch() -> tuple[Watch, RecordingTracker]:
    lines = [*QUEUES.values(), LineName("sales")]
    tracker = RecordingTracker()
    watch = Watch(
        lines={name: Line(name, LineLimits()) for name in lines},
        trunks={TrunkName("main"): Trunk(TrunkName("main"), Limits())},
        outages=Outages(PbxName("lab"), {}, timedelta(minutes=30), lambda: IncidentId("i")),
        routes=[
            *(Routes(line=line, dids=(f"did-{line}",), queue=queue) for queue, line in QUEUES.items()),
            Routes(line=LineName("sales"), dids=("did-sales",), ring=()),
        ],
        tracker=tracker,
    )
    return watch, tracker


class Calls(RuleBasedStateMachine):
    """A PBX at work. `lossless` runs lose no event; both kinds may see events twice."""

    lossless = True

    def __init__(self) -> None:
        super().__init__()
        self.watch, self.tracker = a_watch()
        self.now, self.number = T0, 0
        self.names: dict[str, str] = {}  # live channels
        self.link: dict[str, str] = {}
        self.first: dict[str, str] = {}  # a call's caller
        self.bridge: dict[str, str] = {}
        self.pairs: dict[str, str] = {}
        self.queued: dict[str, QueueName] = {}
        self.talked: set[str] = set()  # calls whose caller was bridged with a person

    def send(self, event: ev.Event, *, twice: bool = False, lost: bool = False) -> None:
        self.now += timedelta(milliseconds=700)
        for _ in range(0 if lost and not self.lossless else 2 if twice else 1):
            self.watch.feed(event, self.now)
        self.note_talk()

    def one(self, which: int, among: list[str]) -> str:
        return among[which % len(among)]

    def channel(self, name: str, call: str | None, dialled: str, *, twice: bool = False, lost: bool = False) -> str:
        self.number += 1
        uniqueid = f"100.{self.number}"
        linkedid = call or uniqueid
        self.names[uniqueid], self.link[uniqueid] = name, linkedid
        self.first.setdefault(linkedid, uniqueid)
        self.send(
            ev.ChannelCreated(
                uniqueid=Uniqueid(uniqueid),
                linkedid=Linkedid(linkedid),
                name=ChannelName(name),
                state=ev.ChannelState.DOWN,
                caller_number="+4930",
                dialled=dialled,
            ),
            twice=twice,
            lost=lost,
        )
        return uniqueid

    def calls(self) -> list[str]:
        return sorted(set(self.link.values()))

    @rule(twice=st.booleans(), lost=st.booleans(), to=st.sampled_from(["did-support", "did-sales", "elsewhere"]))
    def somebody_calls(self, twice: bool, lost: bool, to: str) -> None:
        self.channel(f"PJSIP/main-{self.number:08x}", None, to, twice=twice, lost=lost)

    @precondition(lambda self: self.names)
    @rule(which=pick, twice=st.booleans(), lost=st.booleans())
    def a_phone_is_rung(self, which: int, twice: bool, lost: bool) -> None:
        call = self.one(which, self.calls())
        phone = self.channel(f"PJSIP/101-{self.number:08x}", call, "s", lost=lost)
        caller, target = Uniqueid(self.first[call]), Uniqueid(phone)
        self.send(ev.DialBegun(caller=caller, target=target), twice=twice)
        self.send(ev.ChannelStateChanged(uniqueid=target, state=ev.ChannelState.RINGING), twice=twice)

    @precondition(lambda self: self.names)
    @rule(which=pick, lost=st.booleans())
    def a_local_pair_is_made(self, which: int, lost: bool) -> None:
        call, base = self.one(which, self.calls()), f"Local/x@y-{self.number:08x}"
        one, two = (self.channel(f"{base};{half}", call, "x") for half in (1, 2))
        self.pairs[one], self.pairs[two] = two, one
        self.send(ev.LocalPaired(one=Uniqueid(one), two=Uniqueid(two)), lost=lost)

    @precondition(lambda self: self.names)
    @rule(which=pick, bridge=st.sampled_from(["b1", "b2", "b3"]), twice=st.booleans(), lost=st.booleans())
    def a_channel_moves_into_a_bridge(self, which: int, bridge: str, twice: bool, lost: bool) -> None:
        uniqueid = self.one(which, sorted(self.names))
        self.leave(uniqueid, lost=lost)
        self.bridge[uniqueid] = bridge
        self.send(ev.BridgeEntered(bridge=Bridgeid(bridge), uniqueid=Uniqueid(uniqueid)), twice=twice)

    @precondition(lambda self: self.bridge)
    @rule(which=pick, lost=st.booleans())
    def a_channel_leaves_its_bridge(self, which: int, lost: bool) -> None:
        self.leave(self.one(which, sorted(self.bridge)), lost=lost)

    def leave(self, uniqueid: str, *, lost: bool = False) -> None:
        if (bridge := self.bridge.pop(uniqueid, None)) is not None:
            self.send(ev.BridgeLeft(bridge=Bridgeid(bridge), uniqueid=Uniqueid(uniqueid)), lost=lost)

    @precondition(lambda self: self.names)
    @rule(which=pick, queue=st.sampled_from(sorted(QUEUES)), twice=st.booleans(), lost=st.booleans())
    def a_caller_goes_to_a_queue(self, which: int, queue: QueueName, twice: bool, lost: bool) -> None:
        uniqueid = self.one(which, sorted(self.names))
        if uniqueid == self.first[self.link[uniqueid]] and uniqueid not in self.queued:
            self.queued[uniqueid] = queue
            event = ev.QueueCallerJoined(uniqueid=Uniqueid(uniqueid), queue=queue, position=1)
            self.send(event, twice=twice, lost=lost)

    @precondition(lambda self: self.queued)
    @rule(which=pick, lost=st.booleans())
    def a_queue_lets_go(self, which: int, lost: bool) -> None:
        uniqueid = self.one(which, sorted(self.queued))
        queue = self.queued.pop(uniqueid)
        self.send(ev.QueueCallerLeft(uniqueid=Uniqueid(uniqueid), queue=queue), lost=lost)

    @precondition(lambda self: self.names)
    @rule(which=pick, twice=st.booleans(), cause=st.sampled_from([0, 16, 17, 38, 127]))
    def a_channel_hangs_up(self, which: int, twice: bool, cause: int) -> None:
        self.hang_up(self.one(which, sorted(self.names)), cause, twice=twice)

    def hang_up(self, uniqueid: str, cause: int, *, twice: bool = False) -> None:
        self.leave(uniqueid)
        del self.names[uniqueid], self.link[uniqueid]
        self.pairs.pop(self.pairs.pop(uniqueid, ""), None)
        queue = self.queued.pop(uniqueid, None)
        self.send(ev.ChannelHungUp(uniqueid=Uniqueid(uniqueid), cause=cause), twice=twice)
        if queue is not None:
            self.send(ev.QueueCallerLeft(uniqueid=Uniqueid(uniqueid), queue=queue))

    @rule(seconds=st.floats(0, 90))
    def time_passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.watch.tick(self.now)

    def hears(self, bridge: str) -> set[str]:
        """The real channels that hear each other through `bridge`, by trial until nothing is added."""
        bridges = {bridge}
        while True:
            more = {
                self.bridge[far]
                for near, far in self.pairs.items()
                if self.bridge.get(near) in bridges and far in self.bridge
            }
            if more <= bridges:
                break
            bridges |= more
        return {c for c, b in self.bridge.items() if b in bridges and not self.names[c].startswith("Local/")}

    def note_talk(self) -> None:
        for bridge in set(self.bridge.values()):
            parties = self.hears(bridge)
            if len(parties) > 1:
                self.talked |= {self.link[p] for p in parties if self.first[self.link[p]] == p}

    @invariant()
    def nothing_is_known_that_is_not_so(self) -> None:
        assert set(self.tracker.channels) <= set(self.names)
        assert set(self.tracker.calls) <= set(self.link.values())

    @invariant()
    def nobody_waits_on_two_lines(self) -> None:
        waiting = [call for line in self.watch.lines.values() for call in line.waiting]
        assert len(waiting) == len(set(waiting))

    def teardown(self) -> None:
        for uniqueid in sorted(self.names):
            self.hang_up(uniqueid, 16)
        self.nothing_is_left()
        self.each_call_has_one_story()

    def nothing_is_left(self) -> None:
        left = [*self.tracker.channels, *self.tracker.calls, *self.tracker.bridges]
        assert left == []
        assert not any(line.waiting for line in self.watch.lines.values())
        assert not self.watch._line_of

    def each_call_has_one_story(self) -> None:
        def of(kind: type[tr.CallStarted | tr.CallEnded | tr.CallAnswered]) -> list[Linkedid]:
            return sorted(fact.call for fact in self.tracker.facts if isinstance(fact, kind))

        assert of(tr.CallStarted) == of(tr.CallEnded)
        assert len(of(tr.CallAnswered)) == len(set(of(tr.CallAnswered)))
        in_and_out = [
            (f.call, f.queue, type(f)) for f in self.tracker.facts if isinstance(f, tr.QueueJoined | tr.QueueLeft)
        ]
        for call, queue, _kind in in_and_out:
            times = [in_and_out.count((call, queue, kind)) for kind in (tr.QueueJoined, tr.QueueLeft)]
            assert times[0] == times[1]
        answered = {fact.call for fact in self.tracker.facts if isinstance(fact, tr.CallEnded) and fact.answered}
        assert answered == set(of(tr.CallAnswered))
        if self.lossless:
            assert answered == self.talked


class LossyCalls(Calls):
    """The same with events lost: less is known, and still nothing is wrong or left behind."""

    lossless = False

    def each_call_has_one_story(self) -> None:
        started = [fact.call for fact in self.tracker.facts if isinstance(fact, tr.CallStarted)]
        ended = [fact.call for fact in self.tracker.facts if isinstance(fact, tr.CallEnded)]
        assert sorted(started) == sorted(ended)


TestCalls = Calls.TestCase
TestCalls.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
TestLossyCalls = LossyCalls.TestCase
TestLossyCalls.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
