"""What a real Asterisk wrote down about calls of every kind, and what follows from it.

The recordings come from an Asterisk 22.10.1 and a 16.28 that placed the calls of CALLS to themselves; a call is named
after the extension that it dialled.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ami_bridge.domain.ending import EndedUnseen, Ending
from ami_bridge.domain.facts import CallOutcome, QueueExit
from ami_bridge.domain.names import ChannelName, Linkedid, Uniqueid
from ami_bridge.history import cdr, cel, queue_log
from ami_bridge.history.records import merged

RECORDED = Path(__file__).parent / "recorded"
# How it ended, with whom the caller was joined, and how they left the queue.
CALLS: dict[str, tuple[CallOutcome, str, QueueExit | None]] = {
    "talk": (CallOutcome.COMPLETED, "PJSIP/101-00000032", None),
    "group": (CallOutcome.COMPLETED, "PJSIP/101-00000037", None),
    "qanswered": (CallOutcome.COMPLETED, "PJSIP/101-0000000c", QueueExit.ANSWERED),
    "qlocal": (CallOutcome.COMPLETED, "PJSIP/101-00000010", QueueExit.ANSWERED),  # an agent behind a Local channel
    "qabandon": (CallOutcome.ABANDONED, "", QueueExit.ABANDONED),
    "qtimeout": (CallOutcome.NO_ANSWER, "", QueueExit.TIMED_OUT),
    "qempty": (CallOutcome.UNSEEN, "", None),  # not let in: the queue's log is silent of it
    "qdecline": (CallOutcome.NO_ANSWER, "", QueueExit.TIMED_OUT),
    "cancel": (CallOutcome.CANCELLED, "", None),
    "noanswer": (CallOutcome.NO_ANSWER, "", None),
    "ansnoanswer": (CallOutcome.NO_ANSWER, "", None),  # Answer() ran before Dial
    "busy": (CallOutcome.BUSY, "", None),
    "ansbusy": (CallOutcome.BUSY, "", None),
    "declined": (CallOutcome.REJECTED, "", None),
    "unavail": (CallOutcome.FAILED, "", None),
    "vm": (CallOutcome.CANCELLED, "", None),  # Dial(Local/...) to an announcement, hung up during it
    "park": (CallOutcome.CANCELLED, "", None),
}
Reader = Callable[[Iterable[str], Sequence[EndedUnseen]], Mapping[Linkedid, Ending]]


def gone(call: str, *, answered: bool = False, waited: bool = False) -> EndedUnseen:
    return EndedUnseen(
        call=Linkedid(call),
        caller=Uniqueid(call),
        channels=frozenset({Uniqueid(call)}),
        began=datetime(2026, 3, 1, tzinfo=UTC),
        answered=answered,
        waited_in_queue=waited,
    )


class Recording:
    """What one Asterisk wrote down. Of each call what was seen is its first channel."""

    def __init__(self, version: str) -> None:
        self.cel, self.queue_log, self.cdr, self.cdr_custom = (
            (RECORDED / f"asterisk-{version}.{kind}").read_text().splitlines()
            for kind in ("cel_sample.csv", "queue_log", "cdr_csv.csv", "cdr_custom.csv")
        )
        self.gone: dict[str, EndedUnseen] = {}
        for row in csv.reader(self.cdr):
            if row[3] == "from-trunk" and row[2] in CALLS and row[16] == row[18]:
                self.gone.setdefault(row[2], gone(row[16], waited=row[2].startswith("q")))

    @property
    def calls(self) -> list[EndedUnseen]:
        return list(self.gone.values())

    def read_by(self) -> list[tuple[Reader, list[str]]]:
        """Each reader of lines that come in the order of what they tell, with its lines."""
        return [(cel.endings, self.cel), (cdr.endings, self.cdr), (cdr.endings, self.cdr_custom)]


@pytest.fixture(scope="module", params=["22.10.1", "16.28"])
def written(request: pytest.FixtureRequest) -> Recording:
    return Recording(request.param)


def short(line: str) -> str:
    """A line of the sample mapping as the shorter recommended one has it."""
    row = next(csv.reader([line]))
    wanted = [row[n] for n in (0, 1, 14, 15, 9, 3, 7, 8, 10, 11, 16, 19)]
    return ",".join('"' + field.replace('"', '""') + '"' for field in wanted)


def expected(name: str) -> Ending:
    outcome, by, left = CALLS[name]
    return Ending(outcome=outcome, answered=bool(by), by=ChannelName(by) if by else None, queue_exit=left)


def test_every_call_was_recorded(written: Recording) -> None:
    assert written.gone.keys() == CALLS.keys()


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("mapping", [str, short])
def test_all_records_together_tell_how_each_call_ended(
    written: Recording, name: str, mapping: Callable[[str], str]
) -> None:
    told = merged(
        cel.endings(map(mapping, written.cel), written.calls),
        queue_log.endings(written.queue_log, written.calls),
        cdr.endings(written.cdr, written.calls),
    )
    assert told[written.gone[name].call] == expected(name)


@pytest.mark.parametrize("name", CALLS)
def test_cel_alone_tells_all_but_how_a_queue_let_go(written: Recording, name: str) -> None:
    told = cel.endings(written.cel, [written.gone[name]])[written.gone[name].call]
    wanted = replace(expected(name), queue_exit=QueueExit.ABANDONED if name == "qabandon" else None)
    if name in {"qtimeout", "qdecline"}:
        wanted = replace(wanted, outcome=CallOutcome.UNSEEN)
    assert told == wanted


def test_the_queues_own_log_tells_of_those_who_waited_and_of_nobody_else(written: Recording) -> None:
    told = queue_log.endings(written.queue_log, written.calls)
    by_name = {name: told[call.call] for name, call in written.gone.items() if call.call in told}
    assert {name: (e.outcome, e.answered, e.queue_exit) for name, e in by_name.items()} == {
        "qanswered": (CallOutcome.COMPLETED, True, QueueExit.ANSWERED),
        "qlocal": (CallOutcome.COMPLETED, True, QueueExit.ANSWERED),
        "qabandon": (CallOutcome.ABANDONED, False, QueueExit.ABANDONED),
        "qtimeout": (CallOutcome.UNSEEN, False, QueueExit.TIMED_OUT),
        "qdecline": (CallOutcome.UNSEEN, False, QueueExit.TIMED_OUT),
    }


def test_cdr_is_believed_where_it_is_sure(written: Recording) -> None:
    """An announcement, a parking lot, a Local channel and Answer() are ANSWERED too; who cancelled is not told."""
    for lines in (written.cdr, written.cdr_custom):
        told = cdr.endings(lines, written.calls)
        by_name = {name: told[call.call] for name, call in written.gone.items() if call.call in told}
        assert {name: (e.outcome, e.answered) for name, e in by_name.items()} == {
            "talk": (CallOutcome.COMPLETED, True),
            "group": (CallOutcome.COMPLETED, True),
            "qanswered": (CallOutcome.COMPLETED, True),
            "busy": (CallOutcome.BUSY, False),
            "ansbusy": (CallOutcome.BUSY, False),
            "unavail": (CallOutcome.FAILED, False),
        }
        assert by_name["talk"].by == "PJSIP/101-00000032"


@pytest.mark.parametrize(
    ("application", "arguments", "sure"),
    [
        ("Dial", "PJSIP/101,20,r", True),
        ("Dial", "PJSIP/101,20,rU(accept)", False),
        ("Dial", "PJSIP/101,20,M(accept)", False),
        ("Dial", "PJSIP/101,20,p", False),
        ("Queue", "support,,,,20", True),
        ("Queue", "support,,,,20,,keepline-joined", False),
        ("Playback", "demo-congrats", False),
        ("Park", "default:701", False),
    ],
)
def test_a_phone_that_may_have_been_asked_to_accept_first_is_no_proof(
    application: str, arguments: str, sure: bool
) -> None:
    row = f'"","1","2","ctx","""x"" <1>","PJSIP/t-1","PJSIP/101-1","{application}","{arguments}","a","b","c",9,9,'
    told = cdr.endings([row + '"ANSWERED","DOCUMENTATION","100.1",""'], [gone("100.1")])
    assert (Linkedid("100.1") in told) is sure


def test_what_begins_or_breaks_off_anywhere_tells_less_and_nothing_else(written: Recording) -> None:
    for reader, lines in written.read_by():
        whole = reader(lines, written.calls)
        for cut in range(0, len(lines), max(1, len(lines) // 120)):
            for part in (lines[cut:], lines[:cut]):
                assert reader(part, written.calls).items() <= whole.items()


def test_garbage_is_passed_over(written: Recording) -> None:
    rng = random.Random(1)
    noise = ["", "\x00\x01", '"', '"' * 999, "|||||", "a,b", "x" * 200_000, '"BRIDGE_ENTER",' * 20, "\ufffd" * 40]
    for reader, lines in [*written.read_by(), (queue_log.endings, written.queue_log)]:
        mixed = [text for line in lines for text in (line, rng.choice(noise))]
        assert reader(mixed, written.calls) == reader(lines, written.calls)
        for line in lines[:200]:
            cut = rng.randrange(len(line) or 1)
            reader([line[:cut], line[cut:], line[:cut] + "\x00" + line[cut:]], written.calls)


def test_a_log_that_never_tells_of_bridges_denies_no_answer(written: Recording) -> None:
    without = [line for line in written.cel if not line.startswith('"BRIDGE')]
    assert cel.endings(without, written.calls) == {}


def test_bridges_of_an_unknown_kind_decide_nothing(written: Recording) -> None:
    older = [line.replace(',""bridge_technology"":""simple_bridge""', "") for line in written.cel]
    told = cel.endings(older, [written.gone["talk"], written.gone["busy"]])
    assert told.keys() == {written.gone["busy"].call}


def test_what_was_seen_stays_seen(written: Recording) -> None:
    """Parked after having talked: the records tell of no bridge between people, and it ends as completed."""
    seen = replace(written.gone["park"], answered=True)
    for told in (cel.endings(written.cel, [seen]), cdr.endings(written.cdr, [seen])):
        assert told[seen.call] == Ending(outcome=CallOutcome.COMPLETED, answered=True)


def test_a_call_the_records_do_not_know_stays_unknown(written: Recording) -> None:
    for reader, lines in [*written.read_by(), (queue_log.endings, written.queue_log)]:
        assert reader(lines, [gone("999.9")]) == {}


def test_a_queue_that_held_the_caller_again_is_the_one_that_counts() -> None:
    lines = [
        "1|100.1|support|NONE|ENTERQUEUE||+49|1",
        "2|100.1|support|NONE|EXITWITHTIMEOUT|1|1|9",
        "3|100.1|support|NONE|ENTERQUEUE||+49|1",
    ]
    assert queue_log.endings(lines, [gone("100.1")]) == {}
    told = queue_log.endings([*lines, "4|100.1|support|NONE|ABANDON|1|1|5"], [gone("100.1")])
    assert told[Linkedid("100.1")].outcome is CallOutcome.ABANDONED
