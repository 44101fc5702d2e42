"""The do-not-call list: numbers in any form, and a file that changes while we run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ami_bridge.denylist import LOOK_EVERY, BadList, DoNotCall, read
from ami_bridge.numbering import Numbering

FACTS = Numbering("DE").facts


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_listed_number_is_found_in_every_form_it_is_written_in() -> None:
    listed = DoNotCall(("030901820", "+4940*"), facts=FACTS)
    assert all(
        listed.has(FACTS(given)) for given in ("030901820", "+4930901820", "004930901820", "+494012345", "04012345")
    )
    assert not listed.has(FACTS("+4930901821"))


def test_the_file_has_one_a_line_and_words_beside_them(tmp_path: Path) -> None:
    file = tmp_path / "list"
    file.write_text("# asked not to be called\n+49 30 901820  # in May\n\n+4940*\n", encoding="utf-8")
    assert read(file) == ("+4930901820", "+4940*")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("+4930\nnobody\n", "line 2: 'nobody' is not a number"),
        ("*\n", "line 1: '*' is not a number"),
        (None, "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_the_line(tmp_path: Path, content: str | None, said: str) -> None:
    file = tmp_path / "list"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(BadList, match="list") as error:
        DoNotCall((), file)
    assert said in str(error.value)


def test_a_change_counts_within_seconds_and_a_broken_one_leaves_the_list_as_it_was(tmp_path: Path) -> None:
    file, clock = tmp_path / "list", Clock()
    file.write_text("+4930901820\n", encoding="utf-8")
    listed = DoNotCall((), file, FACTS, clock)

    def after(text: str) -> list[bool]:
        file.write_text(text, encoding="utf-8")
        os.utime(file, ns=(int(clock.now) * 10**9, int(clock.now) * 10**9))
        clock.now += LOOK_EVERY
        return [listed.has(FACTS(given)) for given in ("+4930901820", "+4930901821")]

    assert after("+4930901820\n+4930901821\n") == [True, True]
    assert after("no number\n") == [True, True]
    assert after("+4930901821\n") == [False, True]
    file.unlink()
    clock.now += LOOK_EVERY
    assert listed.has(FACTS("+4930901821"))
