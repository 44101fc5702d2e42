"""Any signals, orders, time and restarts over one PBX: what incidents there are, what is stored, what callers hear."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import count

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ami_bridge.domain.announcement import for_line
from ami_bridge.domain.effects import Effect, PushLine, SaveIncident
from ami_bridge.domain.expecting import PASSED
from ami_bridge.domain.incident import Incident, IncidentState, change
from ami_bridge.domain.line import Attendance
from ami_bridge.domain.names import NO_RECORDING, AnnouncementHash, IncidentId, LineName, MaintenanceId
from ami_bridge.domain.orders import Declaration, Maintenance, Refused, Report
from ami_bridge.domain.outage import OutageLimits
from ami_bridge.domain.saying import Saying
from ami_bridge.domain.signal import Kind, Source, Strength, Subject
from ami_bridge.domain.verdict import Verdict
from tests.unit.domain.courts import CLEAR, ESTATE, LONE, PBX_NAME, T0, VERDICTS, a_court, says

WITNESSES = {
    Kind.TRUNK: (Source.QUALIFY, Source.CALLS, Source.AUDIO),
    Kind.SITE: (Source.PHONES,),
    Kind.LINE: (Source.SURGE, Source.WAITING, Source.AGENTS, Source.UNANSWERED),
    Kind.TENANT: (),
    Kind.PBX: (Source.LINK,),
}
AFTERMATH = OutageLimits().consequence
LONGEST = VERDICTS.hold_at_most + VERDICTS.suspected_after + AFTERMATH

subjects = st.sampled_from(sorted(ESTATE.touched, key=str))
watched = st.sampled_from(sorted((subject for subject in ESTATE.touched if WITNESSES[subject.kind]), key=str))
told_about = st.sampled_from(sorted(set(ESTATE.touched) - {LONE}, key=str))
strengths = st.sampled_from(Strength)
minutes = st.integers(1, 40).map(lambda n: timedelta(minutes=n))
spans = st.none() | minutes
recordings = st.sampled_from([NO_RECORDING, AnnouncementHash("a" * 64), AnnouncementHash("b" * 64)])
pick = st.integers(0, 1000)


class ACourt(RuleBasedStateMachine):
    """The model keeps what is true, what is stored, and what callers of each line were told last."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.numbers = T0, count(1)
        self.court = a_court(self.numbers)
        self.blind = False
        self.true: dict[tuple[Subject, Source], Strength] = {}
        self.unspoken: set[tuple[Subject, Source]] = set()  # which detectors have to say after a restart
        self.stored: dict[IncidentId, Incident] = {}
        self.told: dict[LineName, Saying | None] = dict.fromkeys(ESTATE.tenant_of)
        self.freed: dict[LineName, datetime] = {}  # when a fault that touched a line ended last
        self.orders: list[Declaration | Report] = []
        self.works: dict[MaintenanceId, Maintenance] = {}

    # ---- what the shell does

    def perform(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, SaveIncident):
                self.save(effect.incident)
            elif isinstance(effect, PushLine):
                self.told[effect.line] = self.wanted(effect.line)

    def save(self, incident: Incident) -> None:
        before = self.stored.get(incident.id)
        if before is not None:
            assert before.open, "what is resolved is saved again"
            assert before.told <= incident.told or self.is_declared(incident)
            if incident.state is not before.state:
                change(before, incident.state, self.now)
            over = {cause.subject for cause in before.lasting()} - {cause.subject for cause in incident.lasting()}
            ended = over if incident.open else {cause.subject for cause in before.causes}
            for subject in ended:
                self.freed.update(dict.fromkeys(ESTATE.lines_of(subject), self.now))
        self.stored[incident.id] = incident

    def is_declared(self, incident: Incident) -> bool:
        declared = {order.subject for order in self.orders if isinstance(order, Declaration)}
        return any(cause.subject in declared for cause in incident.causes)

    def wanted(self, line: LineName) -> Saying | None:
        """What callers hear, by what is stored."""
        work = self.court.work_on(line, self.now)
        said = for_line(line, self.stored.values(), work, Attendance.ANSWERED, self.now)
        return said[0] if said else None

    # ---- what happens

    @rule(subject=watched, which=pick, strength=strengths)
    def a_detector_speaks(self, subject: Subject, which: int, strength: Strength) -> None:
        source = WITNESSES[subject.kind][which % len(WITNESSES[subject.kind])]
        if source is Source.UNANSWERED:
            strength = min(strength, Strength.HINT)
        self.speak(subject, source, strength)

    @rule(line=st.sampled_from(sorted(ESTATE.tenant_of)))
    def callers_crowd(self, line: LineName) -> None:
        self.speak(Subject(Kind.LINE, line), Source.SURGE, Strength.SUSPECT)

    def speak(self, subject: Subject, source: Source, strength: Strength) -> None:
        self.unspoken.discard((subject, source))
        self.true[subject, source] = strength
        self.perform(self.court.hear([says(subject, source, strength)], self.now))

    @rule(seconds=st.sampled_from([1, 31, 31, 200, 1000]))
    def time_passes(self, seconds: float) -> None:
        for _ in range(4):
            self.now += timedelta(seconds=seconds / 4)
            self.forget_what_is_over()
            self.perform(self.court.tick(self.now, blind=self.blind))

    def forget_what_is_over(self) -> None:
        self.orders = [order for order in self.orders if order.until > self.now]
        self.works = {id_: work for id_, work in self.works.items() if work.end > self.now}

    @rule()
    def the_link_goes_or_comes(self) -> None:
        self.blind = not self.blind
        self.perform(self.court.tick(self.now, blind=self.blind))

    @rule(
        subject=told_about,
        lasts=minutes,
        told=st.booleans(),
        what=st.sampled_from(["", "our hotline"]),
        fixed=st.booleans(),
        recording=recordings,
    )
    def an_operator_declares(
        self, subject: Subject, lasts: timedelta, told: bool, what: str, fixed: bool, recording: AnnouncementHash
    ) -> None:
        order = Declaration(
            pbx=PBX_NAME,
            subject=subject,
            until=self.now + lasts,
            told=told,
            what=what,
            expected=self.now + lasts / 2 if fixed else None,
            recording=recording,
        )
        self.orders = [o for o in self.orders if isinstance(o, Report) or o.subject != subject] + [order]
        incident, effects = self.court.declare(order, self.now)
        self.perform(effects)
        assert incident.cause_of(subject) is not None
        assert (incident.until, incident.told) == (order.until, told)
        assert incident.expected == order.expected or order.expected is None
        assert incident.recording == recording or not recording
        assert incident.cause_of(subject).what == (what or ESTATE.what(subject))  # type: ignore[union-attr]

    @precondition(lambda self: self.court.outages.open)
    @rule(which=pick, fixed=spans)
    def an_operator_names_a_time(self, which: int, fixed: timedelta | None) -> None:
        ids = sorted(self.court.outages.open)
        id_, expected = ids[which % len(ids)], self.now + fixed if fixed else None
        self.perform(self.court.expect(id_, expected, "ann", self.now))
        assert self.stored[id_].expected == expected

    @rule(subject=subjects, strength=strengths, lasts=minutes)
    def another_system_reports(self, subject: Subject, strength: Strength, lasts: timedelta) -> None:
        order = Report(
            pbx=PBX_NAME, subject=subject, strength=strength, words="a probe", until=self.now + lasts, told_by="probe"
        )
        self.orders = [o for o in self.orders if isinstance(o, Declaration) or o.subject != subject]
        self.orders += [order] if strength else []
        self.perform(self.court.report(order, self.now))

    @precondition(lambda self: self.court.outages.open)
    @rule(which=pick, state=st.sampled_from([IncidentState.IDENTIFIED, IncidentState.INVESTIGATING]))
    def an_operator_moves_one(self, which: int, state: IncidentState) -> None:
        ids = sorted(self.court.outages.open)
        self.perform(self.court.move(ids[which % len(ids)], state, "ann", self.now))

    @precondition(lambda self: self.court.outages.open)
    @rule(which=pick)
    def an_operator_ends_one(self, which: int) -> None:
        ids = sorted(self.court.outages.open)
        id_ = ids[which % len(ids)]
        gone = set(self.court.outages.cases.subjects_of(id_))
        self.orders = [o for o in self.orders if isinstance(o, Report) or o.subject not in gone]
        self.perform(self.court.end(id_, "ann", self.now))
        assert self.stored[id_].state is IncidentState.RESOLVED
        assert all(self.court.judges[subject].verdict is Verdict.UP for subject in gone)

    @rule(subject=subjects, begins=st.integers(0, 10), lasts=minutes, which=st.integers(1, 2), announced=st.booleans())
    def work_is_planned(self, subject: Subject, begins: int, lasts: timedelta, which: int, announced: bool) -> None:
        begin = self.now + timedelta(minutes=begins)
        order = Maintenance(
            id=MaintenanceId(f"m{which}"),
            pbx=PBX_NAME,
            subject=subject,
            begin=begin,
            end=begin + lasts,
            what="a cable",
            announced=announced,
        )
        self.works[order.id] = order
        self.perform(self.court.plan(order, self.now))
        self.perform(self.court.tick(self.now, blind=self.blind))  # the work it replaces explains nothing any more

    @rule(which=st.integers(1, 2))
    def work_is_cancelled(self, which: int) -> None:
        with suppress(Refused):
            self.perform(self.court.cancel(MaintenanceId(f"m{which}"), self.now))
        self.works.pop(MaintenanceId(f"m{which}"), None)
        self.perform(self.court.tick(self.now, blind=self.blind))

    @rule(away=st.sampled_from([0, 0, 1000]))
    def the_companion_restarts(self, away: float) -> None:
        """Detectors begin anew: what is wrong they find again, and who had spoken says when it is not."""
        self.now += timedelta(seconds=away)
        self.forget_what_is_over()
        before, self.court = self.court, a_court(self.numbers)
        self.unspoken |= {key for key, strength in self.true.items() if strength}
        for incident in [incident for incident in self.stored.values() if incident.open]:
            for subject, sources in self.court.adopt(incident):
                self.unspoken |= {(subject, source) for source in sources}
        assert set(self.court.outages.open) == set(before.outages.open)
        for order in self.orders:
            if isinstance(order, Declaration):
                self.perform(self.court.stand_by(order, self.now)[1])
            else:
                self.perform(self.court.report(order, self.now))
        self.court.works.update(self.works)
        self.perform(self.court.tick(self.now, blind=self.blind))
        for line in self.told:
            self.told[line] = self.wanted(line)

    @rule()
    def what_is_so_is_seen_again(self) -> None:
        for subject, source in sorted(self.unspoken, key=str):
            self.speak(subject, source, self.true.get((subject, source), CLEAR))

    # ---- what must be so whatever happens

    @invariant()
    def what_is_open_is_stored_as_it_is(self) -> None:
        assert {id_: one for id_, one in self.stored.items() if one.open} == self.court.outages.open

    @invariant()
    def callers_hear_what_is_stored(self) -> None:
        for line, told in self.told.items():
            assert told == self.wanted(line)

    @invariant()
    def no_time_that_has_passed_is_told(self) -> None:
        for saying in self.told.values():
            until = saying.true_until if saying else None
            assert until is None or until > self.now

    @invariant()
    def a_time_that_has_passed_is_noted_once(self) -> None:
        for incident in self.court.outages.open.values():
            noted = [seen for seen in incident.evidence if seen.words == PASSED]
            assert len({seen.at for seen in noted}) == len(noted)
            if incident.overdue(self.now) and incident.expected is not None:
                assert len([seen for seen in noted if seen.at >= incident.expected]) == 1

    @invariant()
    def own_words_are_those_of_a_declaration(self) -> None:
        spoken = {(o.subject, o.recording) for o in self.orders if isinstance(o, Declaration)}
        for incident in self.court.outages.open.values():
            stands = any((cause.subject, incident.recording) in spoken for cause in incident.lasting())
            assert not incident.recording or stands
            for line in incident.lines:
                assert incident.recording_on(line) in (incident.recording, NO_RECORDING)

    @invariant()
    def an_incident_has_causes_that_last_and_touches_their_lines(self) -> None:
        for incident in self.court.outages.open.values():
            assert incident.lasting()
            assert set(incident.lines) == {line for cause in incident.lasting() for line in cause.lines}
            assert set(ESTATE.tenants_of(incident.lines)) <= set(incident.tenants)
            for cause in incident.lasting():
                assert self.court.outages.cases.incident_of(cause.subject) == incident
                assert self.court.judges[cause.subject].verdict is not Verdict.UP

    @invariant()
    def what_is_watched_for_its_recovery_works(self) -> None:
        for incident in self.court.outages.open.values():
            bad = any(self.court.judges[cause.subject].bad for cause in incident.lasting())
            if incident.state is IncidentState.MONITORING:
                assert not bad

    @invariant()
    def what_is_bad_is_in_an_incident(self) -> None:
        """Unless nobody is told of it, planned work explains it, or a fault that ended a while ago."""
        if self.blind:
            return
        for subject, judge in self.court.judges.items():
            is_known = self.court.outages.cases.incident_of(subject) is not None
            if not judge.bad or not ESTATE.lines_of(subject) or is_known:
                continue
            worked_on = any(
                work.begin <= self.now < work.end and ESTATE.contains(work.subject, subject)
                for work in self.works.values()
            )
            freed = self.freed.get(LineName(subject.name), T0 - AFTERMATH)
            aftermath = subject.kind is Kind.LINE and self.now - freed < AFTERMATH
            assert worked_on or aftermath

    @invariant()
    def not_being_watched_is_told_to_nobody(self) -> None:
        for incident in self.stored.values():
            if incident.told:
                assert {evidence.source for evidence in incident.evidence} != {Source.LINK}

    def teardown(self) -> None:
        """All is well again: after the holds nothing is left of it, in the house or in memory."""
        self.blind = False
        for subject in ESTATE.touched:
            for source in WITNESSES[subject.kind]:
                self.perform(self.court.hear([says(subject, source, CLEAR)], self.now))
        self.true.clear()
        self.unspoken.clear()
        self.orders.clear()
        self.works.clear()
        end = self.now + timedelta(hours=1) + LONGEST
        while self.now < end:
            self.now += timedelta(minutes=1)
            self.perform(self.court.tick(self.now))
        self.callers_hear_what_is_stored()
        outages = self.court.outages
        assert not outages.open
        assert all(not one.open for one in self.stored.values())
        assert all(judge.verdict is Verdict.UP and not judge.evidence for judge in self.court.judges.values())
        assert not any(self.told.values())
        cases = outages.cases
        left = (cases.of, cases.good, cases.sure, cases.telling._declared, self.court._restless)
        assert left == ({}, set(), set(), {}, set())


TestACourt = ACourt.TestCase
TestACourt.settings = settings(max_examples=settings().max_examples, stateful_step_count=40, deadline=None)
