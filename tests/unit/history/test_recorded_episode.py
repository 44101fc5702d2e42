"""One stretch of calls as a PBX's records tell it, against what was true of them: judged by whom was heard, live."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ami_bridge.domain.ending import EndedUnseen, Ending
from ami_bridge.domain.facts import CallOutcome
from ami_bridge.domain.names import Linkedid, Uniqueid
from ami_bridge.history import cdr, cel, queue_log
from ami_bridge.history.records import merged

EPISODES = sorted(path for path in (Path(__file__).parents[2] / "traces" / "history").iterdir() if path.is_dir())


class Truth:
    """What is known to have become of each call, by its Linkedid."""

    def __init__(self, episode: Path) -> None:
        facts: list[dict[str, Any]] = [
            json.loads(line) for line in (episode / "episode.facts.jsonl").read_text().splitlines()
        ]
        self.ended = {fact["call"]: fact for fact in facts if fact["fact"] == "call_ended"}
        self.by = {fact["call"]: fact["by"] for fact in reversed(facts) if fact["fact"] == "answered"}
        self.left = {fact["call"]: fact["reason"] for fact in facts if fact["fact"] == "queue_left"}
        self.gone = [
            EndedUnseen(
                call=Linkedid(call),
                caller=Uniqueid(call),
                channels=frozenset({Uniqueid(call)}),
                began=datetime(2026, 3, 1, tzinfo=UTC),
                answered=False,
                waited_in_queue=call in self.left,
            )
            for call in self.ended
        ]


def read(episode: Path, name: str) -> list[str]:
    return (episode / name).read_text(encoding="utf-8").splitlines()


def same(ending: Ending, truth: Truth, call: str) -> bool:
    ended = truth.ended[call]
    return (ending.outcome.value, ending.answered) == (ended["outcome"], ended["answered"])


@pytest.mark.parametrize("episode", EPISODES, ids=lambda path: path.name)
def test_all_records_together_tell_what_was_true_of_every_call(episode: Path) -> None:
    truth = Truth(episode)
    assert len(truth.ended) >= 15
    told = merged(
        cel.endings(read(episode, "cel-custom-calls.csv"), truth.gone),
        queue_log.endings(read(episode, "queue_log"), truth.gone),
        cdr.endings(read(episode, "cdr-csv-Master.csv"), truth.gone),
    )
    assert told.keys() == truth.ended.keys()
    assert [call for call, ending in told.items() if not same(ending, truth, call)] == []
    for call, ending in told.items():
        assert ending.by == truth.by.get(call)
        assert (ending.queue_exit.value if ending.queue_exit else None) == truth.left.get(call)


@pytest.mark.parametrize("episode", EPISODES, ids=lambda path: path.name)
def test_one_kind_of_record_alone_tells_less_and_nothing_that_is_not_true(episode: Path) -> None:
    truth = Truth(episode)
    cdrs = cdr.endings(read(episode, "cdr-csv-Master.csv"), truth.gone)
    queues = queue_log.endings(read(episode, "queue_log"), truth.gone)
    cels = cel.endings(read(episode, "cel-custom-calls.csv"), truth.gone)
    assert len(cels) > len(cdrs) > 5
    assert len(queues) == len(truth.left)
    for alone in (cdrs, queues, cels):
        for call, ending in alone.items():
            assert ending.outcome is CallOutcome.UNSEEN or same(ending, truth, call)
            assert ending.by is None or ending.by == truth.by[call]
