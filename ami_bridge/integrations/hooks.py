"""What other systems' webhooks say, turned into reports. Pure: bytes and the time in, values out.

Two shapes are read. Alertmanager's (webhook version 4: https://prometheus.io/docs/alerting/latest/configuration/) knows
nothing of trunks and lines, so rules say which labels mean which of them; it sends an alert again every
`repeat_interval` while it lasts, which renews the report. The plain one names its subject itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from ami_bridge.domain.names import PbxName
from ami_bridge.domain.orders import Report
from ami_bridge.domain.signal import Strength, Subject
from ami_bridge.integrations.reading import Fault, Misread, read
from ami_bridge.integrations.subjects import Named

MOST_ALERTS = 1000  # of one request
LONGEST_WORDS = 200  # of an alert, as evidence
WEEK = 7 * 24 * 60  # minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """An alert that has all of `labels`, with exactly these values, is about `subject` of `pbx`."""

    labels: Mapping[str, str]
    pbx: PbxName
    subject: Subject

    def matches(self, labels: Mapping[str, str]) -> bool:
        return all(labels.get(name) == value for name, value in self.labels.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class HookSettings:
    """One webhook. `strength` is what it says by itself at most; `lifetime`, how long a report holds unrenewed.

    The lifetime must be longer than the sender's pause between two reminders: Alertmanager's `repeat_interval`, 4 hours
    unless configured, plus its `group_interval`. A hook that has rules speaks of their subjects and of no other.
    """

    name: str
    token: SecretStr
    strength: Strength = Strength.SUSPECT
    rules: tuple[Rule, ...] = ()
    lifetime: timedelta = timedelta(hours=5)


@dataclass(frozen=True, slots=True)
class Heard:
    """What a request comes to. `unmatched` names, by their labels, the alerts that no rule speaks of."""

    reports: tuple[Report, ...]
    unmatched: tuple[str, ...] = field(default=())
    truncated: int = 0  # alerts the sender left out of the request


class _Lenient(BaseModel):
    """Fields that are used must be right; others may be added by newer versions."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, hide_input_in_errors=True)


class _Alert(_Lenient):
    status: Literal["firing", "resolved"] = Field(description='"firing" or "resolved"')
    labels: dict[str, str] = Field(description="an object of texts")
    annotations: dict[str, str] = Field(default={}, description="an object of texts")
    fingerprint: str = Field(default="", max_length=128, description="the text Alertmanager made")


class _Group(_Lenient):
    version: Literal["4"] = Field(description='"4", the version of Alertmanager\'s webhook that is read here')
    alerts: tuple[_Alert, ...] = Field(max_length=MOST_ALERTS, description=f"a list of at most {MOST_ALERTS} alerts")
    truncatedAlerts: int = Field(default=0, description="a whole number")  # noqa: N815 - Alertmanager's name


class _Plain(Named):
    state: Literal["down", "suspect", "up"] = Field(description='"down", "suspect" or "up"')
    words: str = Field(default="", max_length=LONGEST_WORDS, description=f"at most {LONGEST_WORDS} characters")
    minutes: int | None = Field(
        default=None, ge=1, le=WEEK, description=f"a whole number of minutes from 1 to {WEEK}, or leave it out"
    )


def alertmanager(hook: HookSettings, body: bytes, now: datetime) -> Heard:
    """Read Alertmanager's request; raise Misread."""
    group = read(_Group, body)
    reports: list[Report] = []
    unmatched: list[str] = []
    for alert in group.alerts:
        found = list(_of_alert(hook, alert, now))
        reports += found
        if not found:
            unmatched.append(_listed(alert.labels))
    return Heard(tuple(reports), tuple(unmatched), max(0, group.truncatedAlerts))


def plain(hook: HookSettings, body: bytes, now: datetime) -> Heard:
    """Read `{"pbx", "kind", "name", "state", "words", "minutes"}`; raise Misread."""
    said = read(_Plain, body)
    if hook.rules and (said.of, said.subject) not in {(rule.pbx, rule.subject) for rule in hook.rules}:
        problem = f"webhook {hook.name} has rules, and none of them is about {said.subject} on {said.pbx}; add one"
        raise Misread((Fault("name", problem),))
    strength = {"down": hook.strength, "suspect": min(hook.strength, Strength.SUSPECT), "up": Strength.CLEAR}
    lifetime = timedelta(minutes=said.minutes) if said.minutes is not None else hook.lifetime
    report = Report(
        pbx=said.of,
        subject=said.subject,
        strength=strength[said.state],
        words=_words(hook, said.words or said.state),
        until=now + lifetime,
        told_by=hook.name,
    )
    return Heard((report,))


def _of_alert(hook: HookSettings, alert: _Alert, now: datetime) -> Iterator[Report]:
    """One report for each subject that the rules name; each alert stands and falls by itself, by its fingerprint."""
    firing = alert.status == "firing"
    about = next(
        (text for name in ("summary", "description") if (text := alert.annotations.get(name, "").strip())),
        alert.labels.get("alertname", "an alert without a name"),
    )
    for pbx, subject in dict.fromkeys((rule.pbx, rule.subject) for rule in hook.rules if rule.matches(alert.labels)):
        yield Report(
            pbx=pbx,
            subject=subject,
            strength=hook.strength if firing else Strength.CLEAR,
            words=_words(hook, about if firing else f"resolved: {about}"),
            until=now + hook.lifetime,
            told_by=f"{hook.name}/{alert.fingerprint or _fingerprint(alert.labels)}",
        )


def _fingerprint(labels: Mapping[str, str]) -> str:
    told = "\0".join(f"{name}\0{value}" for name, value in sorted(labels.items()))
    return hashlib.sha256(told.encode(errors="surrogatepass")).hexdigest()[:16]


def _words(hook: HookSettings, text: str) -> str:
    said = " ".join(text.split())
    return f"{hook.name} says: {said if len(said) <= LONGEST_WORDS else said[: LONGEST_WORDS - 1] + '…'}"


def _listed(labels: Mapping[str, str]) -> str:
    said = ", ".join(f"{name}={value}" for name, value in sorted(labels.items())) or "no labels"
    return said if len(said) <= LONGEST_WORDS else said[: LONGEST_WORDS - 1] + "…"
