"""Incidents and planned work as the page shows them: what is at fault, who is told, what an operator may do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ami_bridge.domain.incident import Cause, Incident, IncidentState
from ami_bridge.domain.orders import Maintenance
from ami_bridge.domain.signal import Kind, Subject
from ami_bridge.domain.status import Status
from ami_bridge.web import words
from ami_bridge.web.masking import clean
from ami_bridge.web.rows import Row, evidence, iso
from ami_bridge.web.words import Tone

NAMED = 2  # causes named in a title; all are listed below it


def incident(of: Incident, now: datetime) -> Row:
    text, tone = words.INCIDENT[of.state]
    late = of.overdue(now)
    return {
        "key": of.id,
        "title": title(of),
        "story": of.story.value,
        "story_words": words.STORY[of.story],
        "what": clean(of.what),
        "tenants": [clean(tenant) for tenant in of.tenants],
        "tenants_words": clean(", ".join(of.tenants)) or "no tenant",
        "pbx": clean(of.pbx),
        "lines": [clean(line) for line in of.lines],
        "told": of.told,
        "told_words": told(of),
        "causes": [_cause(cause) for cause in of.causes],
        "state": of.state.value,
        "words": text,
        "tone": tone.value,
        "since": iso(of.since),
        "changed": iso(of.changed),
        "next_word": iso(of.next_word) if of.open and of.told else None,
        "until": iso(of.until) if of.open else None,
        "expected": iso(of.expected) if of.open else None,
        "to_come": iso(of.expected) if of.open and not late else None,
        "late": late,
        "late_words": _late(of) if late else "",
        "own_words": "told in an operator's own words" if of.open and of.recording else "",
        "steps": [
            {"key": state.value, "words": state.value, "current": "step" if state is of.state else ""}
            for state in IncidentState
        ],
        "can_confirm": of.open and (of.state is IncidentState.SUSPECTED or not of.told),
        "can_investigate": of.open and of.state is not IncidentState.INVESTIGATING,
        "can_end": of.open,
        **evidence(of.evidence),
    }


def title(of: Incident) -> str:
    """What is at fault, the causes that last before those that are over: `Trunk a, site b and 2 more on pbx1`."""
    causes = sorted(of.causes, key=lambda cause: cause.over)
    if not causes:
        return clean(f"{of.what or 'Something'} on {of.pbx}")
    names = [subject_words(cause.subject) for cause in causes[:NAMED]]
    names[1:] = [name[0].lower() + name[1:] for name in names[1:]]
    more = len(causes) - NAMED
    listed = f"{', '.join(names)} and {more} more" if more > 0 else " and ".join(names)
    whole = all(cause.subject == Subject(Kind.PBX, of.pbx) for cause in causes)
    return clean(listed if whole else f"{listed} on {of.pbx}")


def _late(of: Incident) -> str:
    """What it means that the time by which it should be fixed has passed, and what is to be done."""
    if of.told and of.lines:
        return "The time named to callers has passed: callers now hear that it takes longer. Name a new time."
    return "The time by which it should be fixed has passed. Name a new time."


def told(of: Incident) -> str:
    """Who hears of it, or why nobody does."""
    if not of.told:
        if of.state is IncidentState.SUSPECTED:
            return "callers are not told: waiting for an operator"
        return "callers are not told" if of.open else "callers were not told"
    lines = ", ".join(of.lines)
    if not of.open:
        return clean(f"told to callers of: {lines}" if lines else "touched no line: no caller was told")
    return clean(f"told to callers of: {lines}" if lines else "touches no line now: no caller is told")


def subject_words(subject: Subject) -> str:
    return f"{words.SUBJECT[subject.kind]} {subject.name}"


def _cause(cause: Cause) -> Row:
    text, tone = ("over", Tone.QUIET) if cause.over else ("not over", Tone.BAD)
    return {
        "key": str(cause.subject),
        "kind": cause.subject.kind.value,
        "name": clean(cause.subject.name),
        "subject": clean(subject_words(cause.subject)),
        "since": iso(cause.since),
        "over": cause.over,
        "words": text,
        "tone": tone.value,
    }


def maintenance(planned: Sequence[Maintenance], now: datetime) -> list[Row]:
    """What runs and what is planned, the nearest first; what is over is left out."""
    return [_work(work, now) for work in sorted(planned, key=lambda work: work.begin) if work.end > now]


def _work(work: Maintenance, now: datetime) -> Row:
    running = work.begin <= now
    whole = work.subject == Subject(Kind.PBX, work.pbx)
    subject = subject_words(work.subject)
    return {
        "key": work.id,
        "title": clean(f"{subject} and all that is on it" if whole else f"{subject} on {work.pbx}"),
        "pbx": clean(work.pbx),
        "kind": work.subject.kind.value,
        "name": clean(work.subject.name),
        "what": clean(work.what),
        "by": clean(work.by),
        "begin": iso(work.begin),
        "end": iso(work.end),
        "left": iso(work.end) if running else None,
        "running": running,
        "words": "running" if running else "planned",
        "tone": (Tone.BUSY if running else Tone.QUIET).value,
        "announced": work.announced,
        "announced_words": "its callers are told of it" if work.announced else "callers are not told",
    }


def subjects(status: Status) -> list[Row]:
    """Everything an order may name: its key is `PBX/kind/name`, none of which has a slash in it."""
    tenants = dict.fromkeys((line.pbx, line.tenant) for line in status.lines)
    found = [
        *((pbx.name, Subject(Kind.PBX, pbx.name)) for pbx in status.pbxs),
        *((trunk.pbx, Subject(Kind.TRUNK, trunk.name)) for trunk in status.trunks),
        *((site.pbx, Subject(Kind.SITE, site.name)) for site in status.sites),
        *((line.pbx, Subject(Kind.LINE, line.name)) for line in status.lines),
        *((pbx, Subject(Kind.TENANT, tenant)) for pbx, tenant in tenants),
    ]
    return [
        {
            "key": f"{pbx}/{subject.kind.value}/{subject.name}",
            "pbx": clean(pbx),
            "kind": subject.kind.value,
            "name": clean(subject.name),
            "words": clean(subject_words(subject) + ("" if subject.kind is Kind.PBX else f" on {pbx}")),
        }
        for pbx, subject in found
    ]
