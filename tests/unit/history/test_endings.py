"""What a real Asterisk wrote down about calls of every kind, and what follows from it.

The recordings come from an Asterisk 22.10.1 that placed the calls of CALLS to itself; each is named by its caller ID.
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
# One that hung up, busy, who is called; and: was anybody joined with the caller, and how did they leave the queue?
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


def lines(name: str) -> list[str]:
    return (RECORDED / f"asterisk-22.10.1.{name}").read_text().splitlines()


def _gone() -> dict[str, EndedUnseen]:
    """The calls of the recording; what was seen of each is its first channel."""
    calls: dict[str, EndedUnseen] = {}
    for row in csv.reader(lines("cdr_csv.csv")):
        if row[3] == "from-trunk" and row[2] in CALLS and row[16] == row[18]:
            calls.setdefault(row[2], gone(row[16], waited=row[2].startswith("q")))
    return calls


def gone(call: str, *, answered: bool = False, waited: bool = False) -> EndedUnseen:
    return EndedUnseen(
        call=Linkedid(call),
        caller=Uniqueid(call),
        channels=frozenset({Uniqueid(call)}),
        began=datetime(2026, 3, 1, tzinfo=UTC),
        answered=answered,
        waited_in_queue=waited,
    )


GONE = _gone()
CEL, QUEUE_LOG, CDR, CDR_CUSTOM = (lines(n) for n in ("cel_sample.csv", "queue_log", "cdr_csv.csv", "cdr_custom.csv"))


def short(line: str) -> str:
    """A line of the sample mapping as the shorter recommended one has it."""
    row = next(csv.reader([line]))
    wanted = [row[n] for n in (0, 1, 14, 15, 9, 3, 7, 8, 10, 11, 16, 19)]
    return ",".join('"' + field.replace('"', '""') + '"' for field in wanted)


def expected(name: str) -> Ending:
    outcome, by, left = CALLS[name]
    return Ending(outcome=outcome, answered=bool(by), by=ChannelName(by) if by else None, queue_exit=left)


def test_every_call_was_recorded() -> None:
    assert GONE.keys() == CALLS.keys()


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("mapping", [str, short])
def test_all_records_together_tell_how_each_call_ended(name: str, mapping: Callable[[str], str]) -> None:
    calls = list(GONE.values())
    told = [cel.endings(map(mapping, CEL), calls), queue_log.endings(QUEUE_LOG, calls), cdr.endings(CDR, calls)]
    assert merged(*told)[GONE[name].call] == expected(name)


@pytest.mark.parametrize("name", CALLS)
def test_cel_alone_tells_all_but_how_a_queue_let_go(name: str) -> None:
    told = cel.endings(CEL, [GONE[name]])[GONE[name].call]
    wanted = replace(expected(name), queue_exit=QueueExit.ABANDONED if name == "qabandon" else None)
    if name in {"qtimeout", "qdecline"}:
        wanted = replace(wanted, outcome=CallOutcome.UNSEEN)
    assert told == wanted


def test_the_queues_own_log_tells_of_those_who_waited_and_of_nobody_else() -> None:
    told = queue_log.endings(QUEUE_LOG, list(GONE.values()))
    by_name = {name: told[call.call] for name, call in GONE.items() if call.call in told}
    assert {name: (e.outcome, e.answered, e.queue_exit) for name, e in by_name.items()} == {
        "qanswered": (CallOutcome.COMPLETED, True, QueueExit.ANSWERED),
        "qlocal": (CallOutcome.COMPLETED, True, QueueExit.ANSWERED),
        "qabandon": (CallOutcome.ABANDONED, False, QueueExit.ABANDONED),
        "qtimeout": (CallOutcome.UNSEEN, False, QueueExit.TIMED_OUT),
        "qdecline": (CallOutcome.UNSEEN, False, QueueExit.TIMED_OUT),
    }


@pytest.mark.parametrize("written", [CDR, CDR_CUSTOM])
def test_cdr_is_believed_where_it_is_sure(written: list[str]) -> None:
    """An announcement, a parking lot, a Local channel and Answer() are ANSWERED too; who cancelled is not told."""
    told = cdr.endings(written, list(GONE.values()))
    by_name = {name: told[call.call] for name, call in GONE.items() if call.call in told}
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


@pytest.mark.parametrize(("reader", "written"), [(cel.endings, CEL), (cdr.endings, CDR), (cdr.endings, CDR_CUSTOM)])
def test_what_begins_or_breaks_off_anywhere_tells_less_and_nothing_else(reader: Reader, written: list[str]) -> None:
    calls = list(GONE.values())
    whole = reader(written, calls)
    step = max(1, len(written) // 120)
    for cut in range(0, len(written), step):
        for part in (written[cut:], written[:cut]):
            assert reader(part, calls).items() <= whole.items()


@pytest.mark.parametrize(
    ("reader", "written"),
    [(cel.endings, CEL), (queue_log.endings, QUEUE_LOG), (cdr.endings, CDR), (cdr.endings, CDR_CUSTOM)],
)
def test_garbage_is_passed_over(reader: Reader, written: list[str]) -> None:
    rng = random.Random(1)
    calls = list(GONE.values())
    noise = ["", "\x00\x01", '"', '"' * 999, "|||||", "a,b", "x" * 200_000, '"BRIDGE_ENTER",' * 20, "\ufffd" * 40]
    mixed = [text for line in written for text in (line, rng.choice(noise))]
    assert reader(mixed, calls) == reader(written, calls)
    for line in written[:200]:
        cut = rng.randrange(len(line) or 1)
        reader([line[:cut], line[cut:], line[:cut] + "\x00" + line[cut:]], calls)


def test_a_log_that_never_tells_of_bridges_denies_no_answer() -> None:
    without = [line for line in CEL if not line.startswith('"BRIDGE')]
    assert cel.endings(without, list(GONE.values())) == {}


def test_bridges_of_an_unknown_kind_decide_nothing() -> None:
    older = [line.replace(',""bridge_technology"":""simple_bridge""', "") for line in CEL]
    told = cel.endings(older, [GONE["talk"], GONE["busy"]])
    assert told.keys() == {GONE["busy"].call}


def test_what_was_seen_stays_seen() -> None:
    """Parked after having talked: the records tell of no bridge between people, and it ends as completed."""
    seen = replace(GONE["park"], answered=True)
    for told in (cel.endings(CEL, [seen]), cdr.endings(CDR, [seen])):
        assert told[seen.call] == Ending(outcome=CallOutcome.COMPLETED, answered=True)


def test_a_call_the_records_do_not_know_stays_unknown() -> None:
    stranger = [gone("999.9")]
    assert merged(
        cel.endings(CEL, stranger), queue_log.endings(QUEUE_LOG, stranger), cdr.endings(CDR, stranger)
    ) == {}  # fmt: skip


def test_a_queue_that_held_the_caller_again_is_the_one_that_counts() -> None:
    lines = [
        "1|100.1|support|NONE|ENTERQUEUE||+49|1",
        "2|100.1|support|NONE|EXITWITHTIMEOUT|1|1|9",
        "3|100.1|support|NONE|ENTERQUEUE||+49|1",
    ]
    assert queue_log.endings(lines, [gone("100.1")]) == {}
    told = queue_log.endings([*lines, "4|100.1|support|NONE|ABANDON|1|1|5"], [gone("100.1")])
    assert told[Linkedid("100.1")].outcome is CallOutcome.ABANDONED
