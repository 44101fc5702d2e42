"""When an outage should be fixed: a time that people named, that callers are told, and that may pass.

A time that has passed is never told, and never moved by anybody but people: until they name another, callers hear that
it takes longer, and operators that the time is over.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ami_bridge.domain.incident import Incident
from ami_bridge.domain.orders import Refused
from ami_bridge.domain.signal import Evidence, Source

AT_MOST = timedelta(days=30)  # ahead
PASSED = "the time named to callers has passed"


def check(expected: datetime | None, now: datetime) -> None:
    """Raise Refused for a time that cannot be told."""
    if expected is None:
        return
    if expected <= now:
        raise Refused("the time by which it should be fixed has passed already; name a later one, or none")
    if expected - now > AT_MOST:
        raise Refused(f"it should be fixed more than {AT_MOST.days} days from now; name an earlier time, or none")


def expect(incident: Incident, expected: datetime | None, by: str, now: datetime) -> Incident:
    """Name a time for `incident`, or take back what was named; naming it again is no news. Raise Refused."""
    check(expected, now)
    if incident.expected == expected:
        return incident
    if expected is None:
        words = f"{by} takes back when it should be fixed"
    else:
        words = f"it should be fixed by {expected.astimezone(UTC):%Y-%m-%d %H:%M} UTC, says {by}"
    return _noted(replace(incident, expected=expected), words, now)


def passed(incident: Incident, now: datetime) -> Incident:
    """With a line of evidence, once, when the time that was named has passed; else as it is.

    What tells that it was noted is that line, so that a restart does not note it again.
    """
    if incident.expected is None or not incident.overdue(now):
        return incident
    if any(seen.words == PASSED and seen.at >= incident.expected for seen in incident.evidence):
        return incident
    return _noted(incident, PASSED, now)


def _noted(incident: Incident, words: str, now: datetime) -> Incident:
    return incident.with_word(Evidence(at=now, source=Source.OPERATOR, words=words))
