"""What the API takes: one model for each order, in which every field says what it should be."""

from __future__ import annotations

import unicodedata
from datetime import timedelta
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from ami_bridge.integrations.reading import Strict, wrong
from ami_bridge.integrations.subjects import Named

LONGEST_MINUTES = 7 * 24 * 60
AHEAD = timedelta(days=366)
TOO_FAR = f"that is too far away; write a time within the next {AHEAD.days} days"


def _on_one_line(text: str) -> str:
    if any(unicodedata.category(sign)[0] == "C" for sign in text):
        raise ValueError("it has signs that cannot be printed, such as line breaks")
    return " ".join(text.split())


def _something(text: str) -> str:
    if not (line := _on_one_line(text)):
        raise ValueError("it is empty")
    return line


What = Annotated[str, AfterValidator(_on_one_line), Field(
    max_length=80, description="how customers call what is disturbed, in at most 80 characters, such as our main line",
)]  # fmt: skip
By = Annotated[str, AfterValidator(_on_one_line), Field(
    max_length=60, description="who gives the order, in at most 60 characters",
)]  # fmt: skip
Why = Annotated[str, AfterValidator(_something), Field(
    max_length=200, description="why, in at most 200 characters, such as called by hand",
)]  # fmt: skip
Minutes = Annotated[int, Field(
    ge=1, le=LONGEST_MINUTES, description=f"a whole number of minutes from 1 to {LONGEST_MINUTES}",
)]  # fmt: skip
Expected = Annotated[AwareDatetime | None, Field(
    description="when it should be fixed, as 2026-03-01T14:30:00+01:00, or null for no time",
)]  # fmt: skip
OwnWords = Annotated[str, Field(
    pattern=r"^([0-9a-f]{64})?$", description="what POST /api/recordings answered as recording",
)]  # fmt: skip


class Declare(Named):
    what: What = ""
    minutes: Minutes
    told: bool = Field(default=True, description="true if callers shall hear of it, else false")
    expected: Expected = None
    recording: OwnWords = ""
    by: By = ""


class Steer(Strict):
    by: By = ""


class Cancel(Strict):
    why: Why
    by: By = ""


class Expect(Strict):
    expected: Expected
    by: By = ""


class Plan(Named):
    what: What = ""
    begin: AwareDatetime | None = Field(
        default=None, description="when it begins, as 2026-03-01T22:00:00+01:00; leave it out for now"
    )
    minutes: Minutes
    announced: bool = Field(default=False, description="true if callers shall hear of it, else false")
    by: By = ""

    @model_validator(mode="after")
    def _is_near(self) -> Self:
        if self.begin is not None and not 2000 <= self.begin.year < 9000:  # beyond these, sums of times overflow
            raise wrong("begin", TOO_FAR)
        return self
