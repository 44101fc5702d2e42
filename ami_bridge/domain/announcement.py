"""Which words, for whom: what a line's callers are to hear now, before anything is rendered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ami_bridge.domain.incident import Incident, IncidentState, Story
from ami_bridge.domain.line import Attendance
from ami_bridge.domain.names import LineName
from ami_bridge.domain.orders import Maintenance
from ami_bridge.domain.promise import Kind
from ami_bridge.domain.saying import CALLBACK_KEYS, Key, Saying
from ami_bridge.domain.signal import SCOPES, scope_rank

MOST_TOLD = 3  # faults named in one message; who is touched by more has heard enough


def about_faults(faults: Sequence[Incident], line: LineName, now: datetime) -> tuple[Saying, Saying]:
    """What callers of `line` are told of open `faults`, the one that matters most to them first; and, to be said the
    moment that one is found, words without a time."""
    lead = faults[0]
    phrase = _phrase(lead)
    what = lead.what_on(line)
    then = [*_expected(lead, now), *_also(lead, faults[1:], line)]
    then.append(Saying(phrase="next_word", params={"next_word": min(fault.next_word for fault in faults)}))
    full = Saying(
        phrase=phrase,
        params={"what": what, "since": lead.since},
        keys=_keys(phrase),
        then=(*then, _offering(phrase)),
        recording=lead.recording_on(line),
    )
    return full, _first(phrase, what)


def first_words(what: str, *, suspected: bool) -> tuple[Saying, ...]:
    """What may have to be said the moment `what` fails, or may have failed, prepared long before."""
    phrases = (*_PHRASES.values(), *((_SUSPECTED,) if suspected else ()))
    return tuple(_first(phrase, what) for phrase in phrases)


def about_surge(incident: Incident) -> tuple[Saying, Saying]:
    """That far more people call than usual, and the same in words without a time."""
    phrase = "incident_surge"
    full = Saying(phrase=phrase, params={"since": incident.since}, keys=FIRST_SURGE.keys, then=FIRST_SURGE.then)
    return full, FIRST_SURGE


def about_work(work: Maintenance) -> tuple[Saying, Saying]:
    """Planned work that is being done, and the same in words without a time."""
    full = Saying(phrase="maintenance", params={"what": work.what, "until": work.end}, keys=_TURN, then=(KEYS_TURN,))
    return full, Saying(phrase="maintenance_first", params={"what": work.what}, keys=_TURN, then=(KEYS_TURN,))


def _phrase(incident: Incident) -> str:
    if incident.state is IncidentState.SUSPECTED:
        return _SUSPECTED
    return _PHRASES[incident.story]


def _first(phrase: str, what: str) -> Saying:
    return Saying(phrase=f"{phrase}_first", params={"what": what}, keys=_keys(phrase), then=(_offering(phrase),))


def _expected(lead: Incident, now: datetime) -> list[Saying]:
    """When it should be fixed; of a time that has passed, that it takes longer."""
    if lead.expected is None:
        return []
    if lead.overdue(now):
        return [Saying(phrase="expected_passed")]
    return [Saying(phrase="expected", params={"expected": lead.expected})]


def _also(lead: Incident, others: Sequence[Incident], line: LineName) -> Iterator[Saying]:
    """What else is out of order for these callers, each thing once."""
    named = {lead.what_on(line)}
    for other in others:
        what = other.what_on(line)
        if what not in named and len(named) < MOST_TOLD:
            named.add(what)
            yield Saying(phrase=f"also_{_phrase(other).removeprefix('incident_')}", params={"what": what})


def _keys(phrase: str) -> str:
    """What is only suspected has no end that one could wait for."""
    return _TURN if phrase == _SUSPECTED else _TURN + Key.WHEN_FIXED.value


def _offering(phrase: str) -> Saying:
    return KEYS_TURN if phrase == _SUSPECTED else KEYS_TURN_FIXED


_SUSPECTED = "incident_suspected"
_PHRASES = {Story.OUTAGE: "incident", Story.AUDIO: "incident_audio"}
_TURN = Key.AGAIN.value + Key.IN_TURN.value
KEYS_TURN = Saying(phrase="keys_turn")
KEYS_TURN_FIXED = Saying(phrase="keys_turn_fixed")
FIRST_SURGE = Saying(phrase="incident_surge_first", keys=_TURN, then=(KEYS_TURN,))
LINE_UNANSWERED = Saying(phrase="line_unanswered", keys=_TURN, then=(KEYS_TURN,))


def for_line(
    line: LineName,
    incidents: Iterable[Incident],
    work: Maintenance | None,
    attendance: Attendance,
    now: datetime,
) -> tuple[Saying, Saying] | None:
    """What callers of `line` hear on arrival, and the same in words without a time; None while there is nothing to say.

    Faults are told before planned `work`, and both before that nobody answers, since they are the reason people call;
    that many call is told last. Several faults become one message, led by the one `leading` puts first.
    """
    touching = leading(line, incidents)
    faults = [incident for incident in touching if incident.story in _PHRASES]
    if faults:
        return about_faults(faults, line, now)
    if work is not None:
        return about_work(work)
    # Whoever is back is there at once: only a fault is told until it has held.
    lasting = {incident.story for incident in touching if incident.state is not IncidentState.MONITORING}
    if attendance is Attendance.UNANSWERED or Story.UNANSWERED in lasting:
        return LINE_UNANSWERED, LINE_UNANSWERED
    return next((about_surge(i) for i in touching if i.story is Story.SURGE and i.story in lasting), None)


def leading(line: LineName, incidents: Iterable[Incident]) -> list[Incident]:
    """The told incidents that touch `line`, what matters most to its callers first.

    What is known comes before what is suspected, what concerns the line alone before its site, its tenant, a trunk and
    the whole PBX, and of those alike what began first.
    """
    touching = [incident for incident in incidents if incident.told and incident.open and line in incident.lines]
    return sorted(touching, key=lambda i: (i.state is IncidentState.SUSPECTED, scope_of(i, line), i.since))


def scope_of(incident: Incident, line: LineName) -> int:
    """How narrowly an incident concerns `line`: the rank of the narrowest of its causes that touch it."""
    ranks = [scope_rank(cause.subject.kind) for cause in incident.lasting() if line in cause.lines]
    return min(ranks, default=len(SCOPES))


def while_waiting(saying: Saying) -> Saying:
    """The same as news for a caller who waits already: no keys are offered, since nobody listens for them there."""
    told = tuple(part for part in saying.then if part not in (KEYS_TURN, KEYS_TURN_FIXED))
    return Saying(phrase="waiting_news", then=(replace(saying, keys="", then=()), *told, WAITING_PLACE))


def over_while_waiting(saying: Saying) -> Saying:
    """That what was told with `saying` is over, for a caller who still waits."""
    what = saying.params.get("what")
    return Saying(phrase="waiting_over", params={"what": what}) if what else Saying(phrase="waiting_over_general")


def is_news(saying: Saying | None) -> bool:
    """Whether callers who wait already are told of it: a fault or planned work, and not that they wait."""
    return saying is not None and saying.phrase in _NEWS


_NEWS = frozenset({*_PHRASES.values(), _SUSPECTED, "maintenance"})
WAITING_PLACE = Saying(phrase="waiting_place")


def next_word_after(now: datetime, every: timedelta) -> datetime:
    """When the next word is due: `every` from `now`, rounded up to five minutes, as people name times."""
    due = now + every
    surplus = timedelta(minutes=due.minute % 5, seconds=due.second, microseconds=due.microsecond)
    return due if not surplus else due - surplus + timedelta(minutes=5)


def callback_greeting(tenant: str) -> Saying:
    """What a customer hears first when we call them back, and the keys they answer with."""
    return Saying(phrase="callback", params={"tenant": tenant}, keys=CALLBACK_KEYS)


def callback_missed(tenant: str, called: datetime) -> Saying:
    """The same to a customer who called in vain and asked for nothing."""
    return Saying(phrase="callback_missed", params={"tenant": tenant, "asked": called}, keys=CALLBACK_KEYS)


def calling_back(kind: Kind, tenant: str, called: datetime) -> Saying:
    """What a customer hears first whom we call to be joined with an agent; `called` is when they called us."""
    return callback_missed(tenant, called) if kind is Kind.MISSED else callback_greeting(tenant)


def agent_callback(kind: Kind, number: str, asked: datetime, what: str | None) -> Saying:
    """What the agent hears before being joined: who it is, since when they wait, and `what` was out of order then."""
    about = (Saying(phrase="agent_about", params={"what": what}),) if what else ()
    phrase = "agent_missed" if kind is Kind.MISSED else "agent_callback"
    return Saying(phrase=phrase, params={"asked": asked, "number": number}, then=about)


def restored(tenant: str, what: str, fixed: datetime) -> Saying:
    """The news that what failed works again."""
    return Saying(phrase="restored", params={"tenant": tenant, "what": what, "fixed": fixed})


def known_promise(asked: datetime, due: datetime | None) -> Saying:
    """For a caller whom a call back is owed, asked for at `asked`; with when it is to be expected, if that is known."""
    if due is None:
        return Saying(phrase="known_promise", params={"asked": asked})
    return Saying(phrase="known_promise_due", params={"asked": asked, "due": due})


def known_scheduled(asked: datetime, due: datetime) -> Saying:
    """For a caller who chose a time: not before `due`."""
    return Saying(phrase="known_scheduled", params={"asked": asked, "due": due})


def known_missed(called: datetime) -> Saying:
    """For a caller who is to be called because nobody answered them at `called`."""
    return Saying(phrase="known_missed", params={"asked": called})


def known_restored(asked: datetime, what: str) -> Saying:
    """For a caller who will be called when `what` is fixed."""
    return Saying(phrase="known_restored", params={"asked": asked, "what": what})


def known_ticket(opened: datetime, reference: str) -> Saying:
    """For a caller who has reported it."""
    return Saying(phrase="known_ticket", params={"opened": opened, "reference": reference})


OFFER = Saying(phrase="offer", keys=_TURN)
OFFER_NO_NUMBER = Saying(phrase="offer_no_number")
NOTED_IN_TURN = Saying(phrase="noted_in_turn")
NOTED_RESTORED = Saying(phrase="noted_restored")
NOTED_OFFLINE = Saying(phrase="noted_offline")
ALREADY_PROMISED = Saying(phrase="already_promised")
NOT_NOTED = Saying(phrase="not_noted")
CALLBACK_CONNECTING = Saying(phrase="callback_connecting")
CALLBACK_LATER = Saying(phrase="callback_later")
CALLBACK_DECLINED = Saying(phrase="callback_declined")
CALLBACK_UNMET = Saying(phrase="callback_unmet")
SOLVED_QUESTION = Saying(phrase="solved_question", keys="12")
SOLVED_THANKS = Saying(phrase="solved_thanks")
AGENT_HOLD = Saying(phrase="agent_hold")
AGENT_UNMET = Saying(phrase="agent_unmet")

# Everything a line may have to say without time to render it.
STANDING = (
    LINE_UNANSWERED,
    FIRST_SURGE,
    OFFER,
    OFFER_NO_NUMBER,
    NOTED_IN_TURN,
    NOTED_RESTORED,
    NOTED_OFFLINE,
    ALREADY_PROMISED,
    NOT_NOTED,
    CALLBACK_CONNECTING,
    CALLBACK_LATER,
    CALLBACK_DECLINED,
    CALLBACK_UNMET,
    SOLVED_QUESTION,
    SOLVED_THANKS,
    AGENT_HOLD,
    AGENT_UNMET,
)
