"""Plays every scenario on the test PBX and keeps what its AMI said, beside what was true: tests/traces/asterisk-N/.

python -m docker.lab.traces [--asterisk 22|16] [--check] [NAME...]: all scenarios, or those whose names begin so.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path

from docker.lab.play import CALLEE, CALLER, MOBILE, PHONES, WITHHELD, Play, describe
from docker.lab.recorder import Recorder
from docker.lab.scenarios import SCENARIOS, VERSIONS, Scenario
from docker.lab.stack import STATE, Lab, Stack, driver_secret

TRACES = Path(__file__).resolve().parents[2] / "tests" / "traces"


LOGS = ("cdr-csv/Master.csv", "cel-custom/calls.csv", "queue_log")
HISTORY = (
    "answered-caller-hangs-up",
    "busy",
    "rejected",
    "cancelled",
    "no-answer",
    "phone-not-there",
    "withheld-number",
    "internal",
    "outbound",
    "group-one-answers",
    "group-nobody",
    "hung-up-in-a-menu",
    "queue-answered",
    "queue-abandoned-while-ringing",
    "queue-timed-out",
    "queue-became-empty",
    "queue-ring-no-answer",
    "queue-local-member",
)


@dataclass(frozen=True, slots=True)
class Trace:
    """What the PBX said, and what was true."""

    stream: bytes
    facts: list[str]


@dataclass(frozen=True, slots=True)
class Studio:
    """The lab with its phones in, ready to record."""

    lab: Lab
    recorder: Recorder
    pbx_address: str

    async def record(self, scenario: Scenario) -> Trace:
        """Play one scenario; raise what says why when somebody heard something else than was declared."""
        await self.recorder.begin()
        play = Play(self.lab, self.recorder, self.pbx_address)
        try:
            await asyncio.wait_for(scenario.play(play), 60)
            stream = await play.finished()
            return Trace(stream, play.truth.lines())
        finally:
            await play.clear()


@contextlib.asynccontextmanager
async def studio(stack: Stack, version: int = 22) -> AsyncIterator[Studio]:
    """Bring all phones in; send them away afterwards."""
    settings, old = await stack.settings(), version == 16
    port = settings["KEEPLINE_PORT_PBX16_AMI" if old else "KEEPLINE_PORT_PBX_AMI"]
    async with stack.connected(old=old) as lab, await Recorder.connect(int(port), driver_secret()) as recorder:
        await lab.carrier.reset()
        for who in (*PHONES, CALLER, CALLEE, MOBILE, WITHHELD):
            await describe(lab, who)
        await asyncio.gather(*(lab.carrier.agent_arrives(phone) for phone in PHONES))
        try:
            yield Studio(lab, recorder, f"{settings['KEEPLINE_NET']}.{16 if old else 10}")
        finally:
            await lab.carrier.reset()


def write(folder: Path, name: str, trace: Trace) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.ami").write_bytes(trace.stream)
    (folder / f"{name}.facts.jsonl").write_text("".join(f"{line}\n" for line in trace.facts))


async def record_history(room: Studio, logs: Path, folder: Path) -> None:
    """One stretch of time as AMI, CDR, CEL and the queue log tell it, for whoever must close calls nobody watched."""
    before = {log: (logs / log).stat().st_size for log in LOGS}
    traces = [await room.record(SCENARIOS[name]) for name in HISTORY]
    write(folder, "episode", Trace(b"".join(t.stream for t in traces), [line for t in traces for line in t.facts]))
    for log, size in before.items():
        with (logs / log).open("rb") as file:
            file.seek(size)
            (folder / log.replace("/", "-")).write_bytes(file.read())


def chosen(version: int, beginnings: Iterable[str]) -> list[Scenario]:
    wanted = tuple(beginnings)
    return [s for s in SCENARIOS.values() if version in s.versions and (not wanted or s.name.startswith(wanted))]


async def record_all(version: int, names: list[str], *, keep: bool) -> int:
    """Record what was chosen; return how many failed, having said why."""
    failed = 0
    async with studio(Stack(), version) as room:
        if keep and not names:
            logs = STATE / ("pbx16-logs" if version == 16 else "pbx-logs")
            await record_history(room, logs, TRACES / "history" / f"asterisk-{version}")
        for scenario in chosen(version, names):
            started = time.monotonic()
            try:
                trace = await room.record(scenario)
            except Exception as error:  # noqa: BLE001 - one that fails must not keep the others from being recorded
                failed += 1
                print(f"FAILED  {scenario.name}: {type(error).__name__}: {error}", flush=True)
                continue
            if keep:
                write(TRACES / f"asterisk-{version}", scenario.name, trace)
            print(f"{time.monotonic() - started:5.1f} s {scenario.name}", flush=True)
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--asterisk", type=int, choices=VERSIONS, default=22)
    parser.add_argument("--check", action="store_true", help="play and listen, keep nothing")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    return 1 if asyncio.run(record_all(arguments.asterisk, arguments.names, keep=not arguments.check)) else 0


if __name__ == "__main__":
    sys.exit(main())
