"""The state of the house as the page shows it and /api/status tells it: plain values, in words, numbers masked.

The template and the browser both render this one document, so that the page served and the page kept live are the same.
Lines, trunks and waiting callers of a PBX that is not watched are last knowledge: they are shown as such, whatever was
known last. Times are ISO 8601 in UTC.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ami_bridge.domain.incident import IncidentState
from ami_bridge.domain.promise import ENDS
from ami_bridge.domain.status import (
    BlindSpot,
    LineStatus,
    Link,
    PbxStatus,
    SiteStatus,
    Status,
    TrunkStatus,
    WaitingCaller,
)
from ami_bridge.web import outages, owing, words
from ami_bridge.web.masking import LONGEST_WORDS, clean, clean_and_mask, mask_number
from ami_bridge.web.rows import Blind, Row, evidence, iso, tone
from ami_bridge.web.words import Tone, counted

SHOWN = 200  # rows of one list: this is drawn again for every change, by people who can read that many
LATE_MS = 1000.0  # events handled later than this are worth an operator's eye


def present(status: Status) -> Row:
    """Return the document for `status`."""
    blind = _blind(status)
    owed = [p for p in status.promises if p.state not in ENDS]
    ended = [p for p in status.promises if p.state in ENDS]
    waiting = sorted(((c, line) for line in status.lines for c in line.waiting), key=lambda pair: pair[0].since)
    owed_lines = owing.lines(owed, status.now)
    document: Row = {
        "as_of": iso(status.now),
        "lines": [_line(line, blind) for line in status.lines],
        "incidents": [outages.incident(i, status.now) for i in status.incidents if i.open],
        "waiting": _waiting(waiting[:SHOWN], blind),
        "waiting_more": _more(len(waiting)),
        "owed_lines": owed_lines,
        "owed": [owing.promise(p, status.now) for p in owed[:SHOWN]],
        "owed_more": _more(len(owed)),
        "ended_promises": [owing.promise(p, status.now) for p in ended[:SHOWN]],
        "ended_incidents": [outages.incident(i, status.now) for i in status.incidents if not i.open],
        "pbxs": [_pbx(p, blind) for p in status.pbxs],
        "blind_spots": _spots(status.blind_spots),
        "trunks": [_trunk(t, blind) for t in status.trunks],
        "sites": [_site(s, blind) for s in status.sites],
        "maintenance": outages.maintenance(status.maintenance, status.now),
        "subjects": outages.subjects(status),
    }
    sure = bool(status.pbxs) and not blind  # nothing seen means something only where one looked
    but = "but not every PBX is watched" if status.pbxs else "but no PBX is watched"
    document["waiting_none"] = "Nobody is waiting." if sure else f"Nobody is known to wait, {but}."
    document["incidents_none"] = "No outage." if sure else f"No outage is known, {but}."
    document["summary"] = _summary(document, len(waiting), len(owed), sure)
    document["title"] = f"{document['summary'][0]['words']} · Keepline"
    return document


def _more(number: int) -> str:
    return f"and {number - SHOWN} more, not shown here" if number > SHOWN else ""


def _blind(status: Status) -> Blind:
    """The PBXs not watched now, and since when. One that is mentioned but not listed was never watched at all."""
    mentioned = {line.pbx for line in status.lines} | {trunk.pbx for trunk in status.trunks}
    mentioned |= {site.pbx for site in status.sites}
    blind: Blind = dict.fromkeys(mentioned - {p.name for p in status.pbxs})
    blind |= {p.name: p.since for p in status.pbxs if p.link is not Link.UP}
    # A blind spot knows when watching stopped; the link's own `since` moves on with every state it passes through.
    return blind | {spot.pbx: spot.begin for spot in status.blind_spots if spot.end is None}


def _summary(document: Row, waiting: int, owed: int, sure: bool) -> list[Row]:
    """The house at a glance, the most pressing first."""
    blind = sum(1 for pbx in document["pbxs"] if not pbx["watched"])
    nothing = Tone.QUIET if sure else Tone.UNKNOWN
    suspected = sum(1 for i in document["incidents"] if i["state"] == IncidentState.SUSPECTED.value)
    known = len(document["incidents"]) - suspected
    late = sum(1 for i in document["incidents"] if i["late"])
    works = sum(1 for work in document["maintenance"] if work["running"])
    endangered = sum(line["endangered"] for line in document["owed_lines"])
    told = sum(1 for line in document["lines"] if line["announcing"])
    unanswered = sum(1 for line in document["lines"] if line["verdict"] == "unanswered" and line["watched"])
    candidates = (
        (blind > 0, "blind", Tone.BAD, f"{counted(blind, 'PBX', 'PBXs')} not watched"),
        (late > 0, "late", Tone.BAD, f"{counted(late, 'named time')} passed: name a new one"),
        (known > 0, "incidents", Tone.BAD, counted(known, "open incident")),
        (suspected > 0, "suspected", Tone.WARN, counted(suspected, "suspected incident")),
        (unanswered > 0, "unanswered", Tone.BAD, f"{counted(unanswered, 'line')} unanswered"),
        (endangered > 0, "endangered", Tone.BAD, f"{counted(endangered, 'promise')} about to expire"),
        (told > 0, "told", Tone.WARN, f"{counted(told, 'line')} announcing"),
        (not document["pbxs"], "blind", Tone.UNKNOWN, "no PBX to watch"),
        (not document["incidents"], "incidents", Tone.GOOD if sure else Tone.UNKNOWN, "no open incident"),
        (works > 0, "maintenance", Tone.BUSY, f"planned work under way: {works}"),
        (waiting >= 0, "waiting", Tone.BUSY if waiting else nothing, f"{counted(waiting, 'caller')} waiting"),
        (owed >= 0, "owed", Tone.BUSY if owed else Tone.QUIET, f"{counted(owed, 'promise')} open"),
    )
    return [{"key": key, "tone": tone.value, "words": text} for shown, key, tone, text in candidates if shown]


def _line(line: LineStatus, blind: Blind) -> Row:
    text, colour = words.verdict(words.LINE, line.verdict)
    watched = line.pbx not in blind
    sayings = _sayings(line)
    announcing = sayings[0]["text"] if sayings else ""
    if colour is Tone.GOOD and (announcing or line.health != "up"):
        colour = Tone.WARN
    if line.verdict == "unanswered":
        silence = "No announcement. Nobody answers, and callers are told nothing."
    else:
        silence = "No announcement. Calls go on to the agents as usual."
    return {
        "key": f"{line.pbx}/{line.tenant}/{line.name}",
        "name": clean(line.name),
        "tenant": clean(line.tenant),
        "pbx": clean(line.pbx),
        "verdict": line.verdict,
        "words": clean(text) if watched else f"not watched, last known: {clean(text)}",
        "tone": tone(colour, watched),
        "health": line.health,
        "health_words": words.health(line.health),
        "watched": watched,
        "unwatched_since": None if watched else iso(blind[line.pbx]),
        "announcing": announcing,
        "sayings": sayings,
        "announced_until": iso(line.announced_until) if announcing else None,
        "silence": "" if announcing else silence,
        "free_agents": line.free_agents,
        "agents": line.agents,
        "agents_words": f"{line.free_agents} of {counted(line.agents, 'agent')} free" if line.agents else "no agents",
        "callers": len(line.waiting),
        "callers_words": f"{counted(len(line.waiting), 'caller')} waiting",
        "told_waiting": line.told_waiting,
        "told_words": f"{counted(line.told_waiting, 'caller')} told while waiting" if line.told_waiting else "",
        **evidence(line.evidence),
    }


def _sayings(line: LineStatus) -> list[Row]:
    """What callers hear in each language; that of most callers first. One language alone needs no name."""
    said = [(clean(tag), clean(text, LONGEST_WORDS)) for tag, text in line.announcing.items() if text]
    return [
        {
            "key": tag,
            "language": tag.replace("_", "-"),
            "language_words": words.language(tag) if len(said) > 1 else "",
            "text": text,
        }
        for tag, text in said
    ]


def _waiting(callers: list[tuple[WaitingCaller, LineStatus]], blind: Blind) -> list[Row]:
    """Two callers may look the same once masked, so keys are counted."""
    seen: Counter[str] = Counter()
    return [_caller(caller, line, line.pbx not in blind, seen) for caller, line in callers]


def _caller(caller: WaitingCaller, line: LineStatus, watched: bool, seen: Counter[str]) -> Row:
    number = mask_number(caller.number)
    key = f"{line.pbx}/{line.name}/{number}/{caller.since.timestamp()}"
    seen[key] += 1
    return {
        "key": f"{key}/{seen[key]}",
        "number": number,
        "line": clean(line.name),
        "pbx": clean(line.pbx),
        "since": iso(caller.since),
        "watched": watched,
        "doubt": "" if watched else "when last watched",
    }


def _pbx(pbx: PbxStatus, blind: Blind) -> Row:
    text, colour = words.LINK[pbx.link]
    watched = pbx.name not in blind
    if pbx.link is Link.UP and not watched:
        text, colour = "not watched: catching up", Tone.BAD
    if colour is Tone.GOOD:
        colour = words.verdict(words.HEALTH, pbx.verdict)[1]
    late = watched and pbx.lag_ms >= LATE_MS
    return {
        "key": pbx.name,
        "name": clean(pbx.name),
        "link": pbx.link.value,
        "words": text,
        "tone": (Tone.WARN if late and colour is Tone.GOOD else colour).value,
        "verdict": pbx.verdict,
        "health_words": words.health(pbx.verdict),
        "watched": watched,
        "since": iso(pbx.since if watched else blind[pbx.name]),
        "detail": clean_and_mask(pbx.detail),
        "version": clean(pbx.version),
        "started": clean(pbx.started),
        "calls": pbx.calls,
        "calls_words": f"{counted(pbx.calls, 'call')} in progress" if watched else "calls unknown",
        "lag_ms": round(pbx.lag_ms, 1),
        "lag_words": f"events {pbx.lag_ms / 1000:.1f} s late" if late else "",
        **evidence(pbx.evidence),
    }


def _trunk(trunk: TrunkStatus, blind: Blind) -> Row:
    watched = trunk.pbx not in blind
    return {
        "key": f"{trunk.pbx}/{trunk.name}",
        "name": clean(trunk.name),
        "pbx": clean(trunk.pbx),
        **_verdict(trunk.health, watched),
        "registration": clean(trunk.registration),
        "registration_words": _registration(trunk, watched),
        "since": iso(trunk.since),
        **evidence(trunk.evidence),
    }


def _site(site: SiteStatus, blind: Blind) -> Row:
    return {
        "key": f"{site.pbx}/{site.tenant}/{site.name}",
        "name": clean(site.name),
        "tenant": clean(site.tenant),
        "pbx": clean(site.pbx),
        **_verdict(site.verdict, site.pbx not in blind),
        "since": iso(site.since),
        **evidence(site.evidence),
    }


def _verdict(said: str, watched: bool) -> Row:
    text, colour = words.verdict(words.HEALTH, said)
    return {
        "verdict": said,
        "words": clean(text) if watched else f"not watched, last known: {clean(text)}",
        "tone": tone(colour, watched),
        "watched": watched,
    }


def _registration(trunk: TrunkStatus, watched: bool) -> str:
    """One witness of several, and told as such: the verdict is the trunk's."""
    said = words.REGISTRATION.get(trunk.registration, clean(trunk.registration))
    return said if watched or not said else f"last known: {said}"


def _spots(spots: Iterable[BlindSpot]) -> list[Row]:
    return [
        {
            "key": f"{spot.pbx}/{spot.begin.timestamp()}",
            "pbx": clean(spot.pbx),
            "begin": iso(spot.begin),
            "end": iso(spot.end),
            "lasting": iso(spot.begin) if spot.end is None else None,
            "span": f"for {words.elapsed(spot.end - spot.begin)}" if spot.end else "",
            "reason": clean_and_mask(spot.reason),
            "tone": (Tone.QUIET if spot.end else Tone.BAD).value,
            "words": "over" if spot.end else "lasting",
        }
        for spot in spots
    ]
