"""What is owed, line by line, as the page shows it; and a table that no spreadsheet reads as formulas."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ami_bridge.domain.names import IncidentId, LineName, PbxName, PromiseId, TenantName
from ami_bridge.domain.promise import Kind, Promise, State, Step
from ami_bridge.domain.standing import Account, Entry, standing
from ami_bridge.domain.status import Status
from ami_bridge.web import owing, words
from ami_bridge.web.exporting import _line, defused
from ami_bridge.web.owed import COLUMNS, flat, row, story
from ami_bridge.web.view import present

T0 = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
NINE = T0 + timedelta(hours=24)


def owed(n: int, **changes: object) -> Promise:
    base = Promise(
        id=PromiseId(f"p{n}"), tenant=TenantName("acme"), pbx=PbxName("pbx1"), line=LineName("support"),
        kind=Kind.IN_TURN, number=f"+1555123{n:04}", origin=f"{n}.1", arrived=T0 + timedelta(seconds=n),
        expires=T0 + timedelta(hours=96), not_before=T0, reason="pressed 1",
    )  # fmt: skip
    return replace(base, **changes)  # type: ignore[arg-type]


def test_a_line_tells_how_many_it_owes_who_is_next_and_what_is_held_and_why() -> None:
    hours, trunk = "outside calling hours", "the trunk of +15559870123 is down"
    promises = [
        owed(1, state=State.RINGING),
        owed(2, held=True, reason=hours, not_before=NINE),
        owed(3),
        owed(4, held=True, reason=hours, not_before=NINE + timedelta(hours=1)),
        owed(5, kind=Kind.SCHEDULED, not_before=NINE),
        *(owed(n) for n in (6, 7)),
        owed(8, held=True, reason=trunk),
        owed(9, line=LineName("sales")),
        owed(0, kind=Kind.MISSED),  # the first to come, and the last to be called
        owed(10, kind=Kind.RESTORED, incident=IncidentId("i1"), not_before=T0 + timedelta(days=3650)),
    ]
    support, sales = owing.lines(promises, T0)
    assert (support["words"], support["tone"], sales["words"], sales["tone"]) == ("10 owed", "warn", "1 owed", "busy")
    assert [row["key"] for row in support["next"]] == ["p1", "p3", "p6"]
    assert support["next"][0]["standing"] == "being called: the phone rings"
    assert [(row["words"], row["until"]) for row in support["held"]] == [
        (f"2 held: {hours}", "2026-03-02T09:00:00.000Z"),
        ("1 held: the trunk of •••123 is down", None),
    ]
    assert support["danger_words"] == sales["danger_words"] == ""


def test_what_is_about_to_expire_is_red_on_its_line_in_its_row_and_at_a_glance() -> None:
    came, ends = T0 - timedelta(hours=94), T0 + timedelta(hours=2)
    late = owed(1, held=True, reason="no trunk is up", arrived=came, expires=ends)
    document = present(Status(now=T0, promises=(owed(2), late)))
    [line] = document["owed_lines"]
    assert (line["tone"], line["endangered"], line["first_expires"]) == ("bad", 1, "2026-03-01T11:00:00.000Z")
    tones = {row["key"]: (row["tone"], row["words"], row["expiring"]) for row in document["owed"]}
    assert tones == {
        "p1": ("bad", "about to expire", "2026-03-01T11:00:00.000Z"),
        "p2": ("busy", "waiting", None),
    }
    assert ("bad", "1 promise about to expire") in [(row["tone"], row["words"]) for row in document["summary"]]


def test_one_that_has_ended_is_in_no_danger_and_gives_its_reason() -> None:
    over = owed(1, state=State.EXPIRED, reason="called five times", expires=T0)
    [row] = present(Status(now=T0, promises=(over,)))["ended_promises"]
    assert (row["standing"], row["expiring"], row["expires"], row["open"]) == ("called five times", None, None, False)


def test_every_kind_and_everything_that_happens_has_words() -> None:
    assert set(words.KIND) == set(Kind)
    assert set(words.STEP) == {step.value for step in Step} | {"made", "released", "asked", "solved"}


def account(**changes: object) -> Account:
    promise = owed(1, **changes)
    made = Entry(at=T0, what="made", state=State.WAITING, reason="+15559870123 pressed 1", attempt=None)
    end = Entry(at=NINE, what="withdraw", state=promise.state, reason=promise.reason, attempt=None)
    return Account(promise=promise, standing=standing(promise, T0), entries=(made, end))


@pytest.mark.parametrize("whole", [False, True])
def test_numbers_are_whole_only_where_asked_for(whole: bool) -> None:
    told = story(account(reason="+15551230001 was busy"), whole)
    assert ("5551230001" in str(told), "5559870123" in str(told)) == (whole, whole)
    assert told["number"] == ("+15551230001" if whole else "•••001")


def test_a_row_has_a_cell_for_every_column_and_its_end() -> None:
    ended = account(state=State.WITHDRAWN, kind=Kind.RESTORED, incident=IncidentId("i1"), solved=False)
    cells = dict(zip(COLUMNS, flat(row(ended, whole=False)), strict=True))
    assert (cells["ended"], cells["expires"]) == ("2026-03-02T09:00:00.000Z", "2026-03-05T09:00:00.000Z")
    assert (cells["solved"], cells["not_before"], cells["attempts"]) == ("no", "", 0)


HARMFUL = ["=1+1", "+15551230142", "-2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "\u00a0=1", "\uff1d1", "\uff0b1"]


@pytest.mark.parametrize("cell", HARMFUL)
def test_a_cell_that_would_be_a_formula_is_text(cell: str) -> None:
    assert defused(cell) == f"'{cell}"
    [[read]] = csv.reader(io.StringIO(_line([cell]), newline=""))
    assert read == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "support", "•••142", "a=1", "2026-03-01T09:00:00.000Z", '"quoted", and more'])
def test_every_other_cell_is_what_it_was(cell: str) -> None:
    [read] = csv.reader(io.StringIO(_line([cell, "x"]), newline=""))
    assert read == [cell, "x"]
