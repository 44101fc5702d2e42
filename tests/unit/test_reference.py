"""The page of all settings is what the settings are, and says of each what it means."""

from __future__ import annotations

import pytest

from ami_bridge.settings import Settings
from ami_bridge.tuning import SECTIONS, forms
from docs.reference import PAGE, Row, comments, page, tables

ROWS = [(table.title, row) for table in tables() for row in table.rows]


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "the settings have changed: run `make reference`"


def test_every_section_is_on_it() -> None:
    titles = {table.title for table in tables()}
    assert {f"[detection.{name}]" for name in SECTIONS} < titles
    plain = {name for name in Settings.model_fields if name != "detection"}
    assert {title.strip("[]") for title in titles if "." not in title} == plain
    assert {"[[pbx.trunk]]", "[pbx.records]", "[[webhook.rule]]"} < titles


@pytest.mark.parametrize(("title", "row"), ROWS, ids=[f"{title}.{row.name}" for title, row in ROWS])
def test_every_setting_says_what_it_means_and_what_it_is_by_default(title: str, row: Row) -> None:
    assert len(row.means) > 8, f"{title} {row.name} has no comment behind it"
    assert row.default
    assert "|" not in row.means


@pytest.mark.parametrize("name", SECTIONS)
def test_every_limit_of_a_detector_has_its_meaning_behind_it(name: str) -> None:
    said = comments(SECTIONS[name].limits)
    silent = [field for field in forms(SECTIONS[name]) if field != "enabled" and not said.get(field)]
    assert not silent


@pytest.mark.parametrize(
    ("title", "name", "may_be", "default"),
    [
        ("[detection.qualify]", "confirm_seconds", "0 to 7776000 s", "10"),
        ("[detection.audio]", "loss_percent", "above 0 to 100 %", "5"),
        ("[detection.surge]", "alone", "hint, suspect, down", "suspect"),
        ("[detection.link]", "enabled", "true, false", "true"),
        ("[store]", "keep_days", "8 to 3650 days", "90"),
        ("[agi]", "listen", "", "`127.0.0.1:4573`"),
        ("[[pbx]]", "secret", "", "from `KEEPLINE_PBX_<NAME>_SECRET`"),
        ("[[line]]", "dids", "", "needed"),
        ("[announcement]", "suspected", "announce, wait", "`wait`"),
    ],
)
def test_forms_and_defaults_are_shown_as_people_write_them(title: str, name: str, may_be: str, default: str) -> None:
    [row] = [row for of, row in ROWS if (of, row.name) == (title, name)]
    assert (row.may_be, row.default) == (may_be, default)
