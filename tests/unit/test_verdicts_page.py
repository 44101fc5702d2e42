"""The example in docs/verdicts.md, played by the real watch with all settings at their defaults."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, time
from itertools import count
from pathlib import Path

from ami_bridge.domain.names import IncidentId
from ami_bridge.domain.signal import Kind, Signal, Source, Strength, Subject
from ami_bridge.settings import Settings
from ami_bridge.watching import watch_of

PAGE = Path(__file__).parents[2] / "docs" / "verdicts.md"
ROW = re.compile(r"\| (\d\d:\d\d:\d\d) \| ([a-z: -]+) \| (\w+) (\w+) \| (\w+) \| ([a-z, ]+) \|")

SETTINGS = Settings.model_validate({
    "agi": {"token": "token-of-the-test"},
    "tenant": [{"name": "acme", "spoken": "Acme"}],
    "pbx": [
        {
            "name": "lab",
            "host": "pbx",
            "secret": "sesame",
            "trunk": [{"name": name, "spoken": f"our {name} line"} for name in ("main", "spare")],
        }
    ],
    "line": [
        {
            "name": "support",
            "tenant": "acme",
            "pbx": "lab",
            "dids": ["5550100"],
            "queue": "support",
            "trunks": ["main"],
            "callback_trunks": ["main", "spare"],
            "caller_id": "5550100",
        }
    ],
})  # fmt: skip


def rows() -> Iterator[tuple[datetime, str, Subject, str, str]]:
    for at, says, kind, name, verdict, incident in ROW.findall(PAGE.read_text(encoding="utf-8")):
        moment = datetime.combine(datetime(2026, 3, 2, tzinfo=UTC), time.fromisoformat(at), UTC)
        yield moment, says, Subject(Kind(kind), name), verdict, incident


def test_the_example_goes_as_it_is_told() -> None:
    names = count(1)
    watch = watch_of(SETTINGS, SETTINGS.pbx[0], new_id=lambda: IncidentId(f"i{next(names)}"))
    played = 0
    for now, says, subject, verdict, expected in rows():
        if says == "time passes":
            watch.court.tick(now)
        else:
            source, strength = says.split(": ")
            watch.court.hear(
                [Signal(subject=subject, source=Source(source), strength=Strength[strength.upper()], words=says)], now
            )
        open_ = [f"{i.state.value}, {'told' if i.told else 'not told'}" for i in watch.incidents] or ["none"]
        assert ([expected], verdict) == (open_, watch.court.judges[subject].verdict.value), f"{now:%H:%M:%S}"
        played += 1
    assert played == 17
    assert next(names) == 3, "two incidents, whatever was seen of them"
