"""What a caller would hear now, and why: put together from what the rooms know and from what the PBX itself holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ami_bridge.ami import actions
from ami_bridge.ami.errors import AmiError
from ami_bridge.domain import announcement as say
from ami_bridge.domain.incident import Incident
from ami_bridge.domain.line import Attendance
from ami_bridge.domain.names import LineName, PbxName, TenantName
from ami_bridge.domain.orders import Refused
from ami_bridge.domain.promise import Kind, Promise
from ami_bridge.domain.saying import Key, LineState
from ami_bridge.domain.signal import SCOPES
from ami_bridge.domain.trace import Heard, Match, OnPbx, Part, Spell, TracedLine
from ami_bridge.places import Tenant
from ami_bridge.runner import Runner
from ami_bridge.store import Store, StoreError
from ami_bridge.voice.library import AudioLibrary
from dialplan_templates import contract

_KEYS = {
    Key.AGAIN.value: "hear it again",
    Key.IN_TURN.value: "be called back in turn",
    Key.WHEN_FIXED.value: "be called when it is fixed",
}
_NO_ANSWER = "nobody has answered this line of late"


@dataclass(frozen=True, slots=True)
class Explainer:
    """Traces what callers hear. `tenants` are those of all lines."""

    runners: Mapping[PbxName, Runner]
    tenants: Mapping[LineName, Tenant]
    store: Store
    library: AudioLibrary
    clock: Callable[[], datetime]

    async def trace(self, number: str, line: str | None, language: str | None) -> list[TracedLine]:
        """One entry for each line, or for `line` alone, as a caller with `number` would meet it now.

        Nothing when there is no such line. Raise Refused when the ledger cannot be read.
        """
        try:
            owed = [promise for promise in await self.store.promises.open() if promise.number == number]
        except StoreError as error:
            raise Refused(f"the ledger cannot be read: {error}") from error
        traced = []
        for runner in self.runners.values():
            lines = [name for name in runner.watch.lines if line in (None, name)]
            states = await self._states(runner) if lines else None
            for name in lines:
                mine = [promise for promise in owed if promise.line == name]
                traced.append(self._line(runner, name, number, language, states, mine))
        return traced

    async def _states(self, runner: Runner) -> Mapping[str, str] | None:
        """What the PBX's AstDB holds about its lines; None when it cannot be asked."""
        try:
            return await actions.tree(runner.session, contract.LINES)
        except AmiError:
            return None

    def _line(
        self,
        runner: Runner,
        line: LineName,
        number: str,
        language: str | None,
        states: Mapping[str, str] | None,
        owed: list[Promise],
    ) -> TracedLine:
        tenant, voice = self.tenants[line], runner.announcer.voice(line)
        spoken = voice.language(language or voice.own)
        told = runner.announcer.words(line, spoken)
        segment = runner.known.segment_of(line, number)
        return TracedLine(
            line=line,
            tenant=TenantName(tenant.name),
            pbx=runner.pbx,
            language=spoken,
            on_pbx=self._on_pbx(runner, line, spoken, states),
            hears=tuple(self._hears(runner, line, number, spoken)),
            keys={key: _KEYS[key] for key in told.keys} if told else {},
            why=tuple(self._why(runner, line)),
            without_us=tuple(self._without_us(line, spoken, states or {}, runner.announcer.clocks.ahead())),
            promise=_in_words(owed),
            callback_refusal=tenant.numbers.refuses(number),
            segment=segment.name if segment else None,
            place_in_line=segment.priority if segment and segment.priority else None,
        )

    def _hears(self, runner: Runner, line: LineName, number: str, language: str) -> Iterator[Heard]:
        told = runner.announcer.words(line, language)
        if told is None:
            return
        affairs = runner.known.affairs(line, number)
        for recording in runner.known.words(line, number, language):
            part = Part.PROMISE if recording.text == affairs else Part.SEGMENT
            yield Heard(part=part, text=recording.text, recording=recording.hash)
        yield Heard(part=Part.ANNOUNCEMENT, text=told.recording.text, recording=told.recording.hash)

    def _why(self, runner: Runner, line: LineName) -> Iterator[str]:
        watch, now = runner.watch, self.clock()
        touching = say.leading(line, watch.incidents)
        silent = [incident for incident in watch.incidents if line in incident.lines and not incident.told]
        work = watch.court.work_on(line, now)
        for place, incident in enumerate(touching):
            yield _why_incident(incident, line, place)
        for incident in silent:
            state = incident.state.value
            yield f"incident {incident.id} ({state}) touches this line too, and its callers are not told of it"
        if work is not None:
            order = "after the incidents" if touching else "so its callers are told of it"
            yield f"planned work on {work.subject} goes on until {_at(work.end)}, {order}"
        if watch.lines[line].attendance is Attendance.UNANSWERED:
            yield f"{_NO_ANSWER}, which is told when there is no fault and no planned work"
        if not touching and work is None and watch.lines[line].attendance is Attendance.ANSWERED:
            yield "nothing is known to be wrong: the call goes its normal way without asking us"
        if problem := runner.announcer.problem:
            yield f"the PBX may not play what it should: {problem}"

    def _on_pbx(self, runner: Runner, line: LineName, language: str, states: Mapping[str, str] | None) -> OnPbx:
        if states is None:
            return OnPbx(match=Match.UNREACHABLE)
        live = runner.announcer.live.get(line, {})
        own = runner.announcer.voice(line).own
        key = line if language == own or f"{line}/{language}" not in states else f"{line}/{language}"
        held = states.get(key)
        wanted = live.get(language) or live.get(own)
        same = held == (wanted.on_pbx if wanted else None)
        ahead = runner.announcer.clocks.ahead()
        return OnPbx(match=Match.SAME if same else Match.DIFFERS, holds=self._holds(line, held, ahead))

    def _holds(self, line: LineName, held: str | None, ahead: timedelta) -> str:
        if held is None:
            return "nothing: callers are put through"
        state = LineState.decoded(line, held, ahead)
        if state is None:
            return "something that is no state of a line"
        return f"“{self._text(state.recording)}” until {_at(state.until)}"

    def _without_us(
        self, line: LineName, language: str, states: Mapping[str, str], ahead: timedelta
    ) -> Iterator[Spell]:
        """What the dialplan would say by itself, from what the PBX holds, whose clock is `ahead` of ours."""
        held = states.get(f"{line}/{language}", states.get(line))
        state = LineState.decoded(line, held, ahead) if held and line in states else None
        if state is None:
            return
        now = self.clock()
        if now < state.until:
            yield Spell(text=self._text(state.recording), until=state.until)
        if state.standby and max(now, state.until) < state.standby_until:
            yield Spell(text=self._text(state.standby), until=state.standby_until)

    def _text(self, hash_: str) -> str:
        recording = self.library.get(hash_)
        if recording is None:
            return f"recording {hash_[:12]}, which is not in the library"
        return recording.text or "an operator's own words"


def _why_incident(incident: Incident, line: LineName, place: int) -> str:
    scope = say.scope_of(incident, line)
    about = f"its narrowest cause here is a {SCOPES[scope].value}" if scope < len(SCOPES) else "its causes are over"
    what = f"incident {incident.id} ({incident.state.value}, since {_at(incident.since)}; {about})"
    if place == 0:
        return f"{what} comes first of those that touch this line"
    named = "is named after it" if place < say.MOST_TOLD else "is not named any more"
    return f"{what} {named}"


def _in_words(owed: list[Promise]) -> str | None:
    said = [
        f"{'a call when it is fixed' if promise.kind is Kind.RESTORED else 'a call back in turn'}, asked for at "
        f"{_at(promise.arrived)}, {promise.state.value} ({promise.reason})"
        for promise in owed
    ]
    return "; ".join(said) or None


def _at(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
