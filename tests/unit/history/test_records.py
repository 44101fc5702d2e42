"""Reading a PBX's files: their ends, across a rotation, while they are written, and for no longer than the deadline."""

from __future__ import annotations

import asyncio
import os
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog

from ami_bridge.domain.ending import EndedUnseen
from ami_bridge.domain.facts import CallOutcome
from ami_bridge.domain.names import Linkedid, Uniqueid
from ami_bridge.history import records as room
from ami_bridge.history.records import Files, Records
from ami_bridge.history.tail import tail

GONE = [
    EndedUnseen(
        call=Linkedid("100.1"),
        caller=Uniqueid("100.1"),
        channels=frozenset({Uniqueid("100.1")}),
        began=datetime(2026, 3, 1, tzinfo=UTC),
        answered=False,
        waited_in_queue=True,
    )
]
ABANDON = "9|100.1|support|NONE|ABANDON|1|1|5\n"


@pytest.mark.parametrize("limit", range(1, 40))
def test_only_whole_lines_are_read_wherever_the_tail_begins(tmp_path: Path, limit: int) -> None:
    lines = ["alpha", "", "beta\r", "gamma", "delta"]
    path = tmp_path / "log"
    path.write_text("\n".join(lines) + "\nunfini")
    whole = [line.removesuffix("\r") for line in lines]
    read = tail(path, limit)
    assert read == whole[len(whole) - len(read) :]
    assert not read or len("\n".join([*read, "unfini"])) <= limit
    assert read or limit < len("delta\nunfini")


def test_what_was_rotated_away_comes_before_the_new_file(tmp_path: Path) -> None:
    path = tmp_path / "queue_log"
    path.write_text("new\n")
    (tmp_path / "queue_log.1").write_text("old\nolder\n")
    (tmp_path / "queue_log.2.gz").write_bytes(b"\x1f\x8b")
    (tmp_path / "queue_log-20260101").write_text("ancient\n")
    os.utime(tmp_path / "queue_log-20260101", (1, 1))
    (tmp_path / "queue_logger").write_text("another's\n")
    assert tail(path) == ["old", "older", "new"]
    assert tail(path, limit=9) == ["new"]
    assert tail(path, limit=4) == ["new"]


async def test_the_files_named_are_read_and_the_others_not_missed(tmp_path: Path) -> None:
    path = tmp_path / "queue_log"
    path.write_text(ABANDON)
    told = await Records("lab", Files(queue_log=path)).endings(GONE)
    assert told[Linkedid("100.1")].outcome is CallOutcome.ABANDONED
    assert await Records("lab", Files()).endings(GONE) == {}
    assert await Records("lab", Files(queue_log=path)).endings([]) == {}


async def test_a_file_that_cannot_be_read_is_named_and_the_rest_still_tells(tmp_path: Path) -> None:
    path = tmp_path / "queue_log"
    path.write_text(ABANDON)
    os.mkfifo(tmp_path / "fifo")
    records = Records("lab", Files(queue_log=path, cel=tmp_path / "fifo", cdr=tmp_path / "missing"))
    with structlog.testing.capture_logs() as logs:
        told = await records.endings(GONE)
    assert told[Linkedid("100.1")].outcome is CallOutcome.ABANDONED
    assert [(entry["setting"], entry["problem"]) for entry in logs] == [
        ("records.cel", "fifo is not a regular file"),
        ("records.cdr", "No such file or directory"),
    ]


async def test_a_file_system_that_never_answers_costs_one_thread_and_the_knowledge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, asked = threading.Event(), []

    def stuck(path: Path) -> list[str]:
        asked.append(path)
        answer.wait(5)
        return [ABANDON.strip()]

    monkeypatch.setattr(room, "tail", stuck)
    records = Records("lab", Files(queue_log=tmp_path / "queue_log"), deadline=0.05)
    assert await records.endings(GONE) == {}
    assert await records.endings(GONE) == {}
    assert len(asked) == 1
    answer.set()
    async with asyncio.timeout(5):
        # It is asked again once it has answered after all.
        while not (told := await records.endings(GONE)):  # noqa: ASYNC110 - its thread has no event to wait for
            await asyncio.sleep(0.01)
    assert told[Linkedid("100.1")].outcome is CallOutcome.ABANDONED
