"""Promises on the real test PBX by the dozen: key presses into AstDB, the ledger read back, the carrier's own account.

A key press is put where the dialplan keeps it when the companion does not answer, and the companion takes it over from
there: the caller's side is the delivery tests' business. What became of it the carrier knows by itself: which calls
came for which number, which were answered, and, from each customer's own recording, whether they heard an agent.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from dialplan_templates.contract import KEYS
from docker.lab.ami import Ami, Event, NotSeen
from docker.lab.carrier import whole
from docker.lab.hearing import tone
from docker.lab.side import LEDGER, Side
from docker.lab.story import TONES

CONNECTED = 1.0  # seconds of an agent's tone in a customer's ear
LINE = "support"
AGENTS = ("101", "102")

# Read by the companion's own user, so that no file of its database is made that it could not write.
_READ = """
import json, sqlite3
db = sqlite3.connect("file:{ledger}?mode=ro", uri=True, timeout=5)
db.row_factory = sqlite3.Row
print(json.dumps({{table: [dict(row) for row in db.execute("select * from " + table)]
                  for table in ("promises", "attempts", "ledger")}}))
"""


@dataclass(frozen=True, slots=True)
class Owed:
    """One promise as it stands in the ledger: `began` are the attempts' ids, `noted` what happened to it in order."""

    number: str
    state: str
    reason: str
    ended: bool
    began: tuple[str, ...]
    noted: tuple[str, ...]


@dataclass(slots=True)
class Leg:
    """One call that reached a customer's phone. Times are monotonic seconds; None: not yet."""

    number: str
    label: str
    rang: float
    answered: float | None = None
    ended: float | None = None
    heard: float = 0.0  # seconds of an agent's tone


@dataclass(slots=True)
class Account:
    """What the carrier saw of the customers' phones from `since` on, in its AMI's events."""

    recordings: Path
    legs: dict[str, Leg] = field(default_factory=dict)  # by the leg's Uniqueid at the carrier
    agents: list[float] = field(default_factory=list)  # when an agent's phone was answered
    _read: int = 0

    def take(self, ami: Ami) -> None:
        """Take what has come since the last time."""
        for event in ami.events(self._read):
            self._one(event)
        self._read = ami.mark()

    def of(self, number: str) -> list[Leg]:
        return sorted((leg for leg in self.legs.values() if leg.number == number), key=lambda leg: leg.rang)

    def _one(self, event: Event) -> None:
        leg = self.legs.get(event["Uniqueid"])
        if event.name == "UserEvent" and event["UserEvent"] == "LabRing":
            if event["Number"] not in AGENTS:
                self.legs[event["Uniqueid"]] = Leg(event["Number"], event["Label"], event.at)
        elif event.name == "UserEvent" and event["UserEvent"] == "LabHears":
            if event["Number"] in AGENTS:
                self.agents.append(event.at)
            elif leg is not None:
                leg.answered = event.at
        elif event.name == "Hangup" and leg is not None:
            leg.ended = event.at

    async def listen(self, numbers: Iterable[str]) -> None:
        """Look in what the customers of `numbers` heard for an agent; call it when they have hung up."""
        wanted = set(numbers)
        for leg in self.legs.values():
            if leg.number in wanted and leg.answered is not None and not leg.heard:
                leg.heard = await asyncio.to_thread(_heard, self.recordings / f"{leg.label}.wav")


def _heard(recording: Path) -> float:
    """Seconds of an agent's tone in a recording; of both agents', the one that sounded longer."""
    if not whole(recording):
        return 0.0
    lasts = (recording.stat().st_size - 44) / 16000
    return lasts * max(tone(recording, hz, 0.0) for hz in TONES.values())


async def owe(side: Side, numbers: Iterable[str], *, first: int | None = None) -> None:
    """Callers of `numbers` pressed 1, one each second; the last of them now, or the first at epoch `first`."""
    wanted = list(numbers)
    began = first if first is not None else int(await side.pbx_time()) - len(wanted)
    for n, number in enumerate(wanted):
        await side.lab.pbx.db_put(KEYS, f"owed-{number}-1", f"{began + n}:{LINE}:1:{number}:en")


async def ledger(side: Side) -> dict[str, Owed]:
    """Every promise there is, by number; the companion may be at work or dead."""
    script = _READ.format(ledger=LEDGER)
    user = ("setpriv", "--reuid", "keepline", "--regid", "keepline", "--clear-groups")
    tables = json.loads(await side.stack.execute(side.keepline, *user, "python3", "-c", script))
    found = {}
    for row in tables["promises"]:
        found[row["number"]] = Owed(
            number=row["number"],
            state=row["state"],
            reason=row["reason"],
            ended=row["ended"] is not None,
            began=tuple(one["id"] for one in tables["attempts"] if one["promise"] == row["id"]),
            noted=tuple(one["what"] for one in tables["ledger"] if one["promise"] == row["id"]),
        )
    return found


async def settled(side: Side, numbers: Iterable[str], deadline: float) -> dict[str, Owed]:
    """The ledger once each of `numbers` has its end; as it is when `deadline` seconds have passed."""
    wanted, end = set(numbers), time.monotonic() + deadline
    while True:
        found = await ledger(side)
        if all(number in found and found[number].ended for number in wanted) or time.monotonic() > end:
            return found
        await asyncio.sleep(1)


async def no_calls(side: Side, deadline: float = 30) -> None:
    """Wait until nobody is on the phone."""
    end = time.monotonic() + deadline
    while await side.lab.carrier.ami.listing("CoreShowChannels"):
        if time.monotonic() > end:
            raise NotSeen(f"somebody is still on the phone after {deadline:g} s")
        await asyncio.sleep(0.2)
