"""Reading JSON that others send: strictly, with an answer that names each field that is wrong and what it should be.

Models describe a field in the words that follow "write", such as `a whole number of minutes from 1 to 10080`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import PydanticCustomError

MOST_FAULTS = 10  # told at once; who has more mends these first

_PLAIN = {
    "missing": "it is missing",
    "model_type": "it is no JSON object",
    "string_type": "it is no text",
    "int_type": "it is no whole number",
    "int_from_float": "it is no whole number",
    "bool_type": "it is neither true nor false",
}


class Strict(BaseModel):
    """A body of which every field is known and nothing is converted: `"60"` is no number."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


@dataclass(frozen=True, slots=True)
class Fault:
    field: str  # as people write it: `alerts[2].status`
    problem: str  # what is wrong and what to write instead


def wrong(field: str, problem: str) -> PydanticCustomError:
    """What a model's own check raises about one of its fields."""
    return PydanticCustomError("of_field", "{problem}", {"field": field, "problem": problem})


class Misread(Exception):
    """What was sent cannot be read. Its message has every fault in one line; values are not repeated."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("; ".join(f"{fault.field}: {fault.problem}" for fault in faults))
        self.faults = faults


Model = TypeVar("Model", bound=BaseModel)


def read(model: type[Model], body: bytes) -> Model:
    """Return `body` as `model`, or raise Misread. Nesting is limited by the parser (to about 200 levels)."""
    try:
        return model.model_validate_json(body or b"{}")
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        raise Misread(tuple(_fault(model, one) for one in found[:MOST_FAULTS])) from None


def _fault(model: type[BaseModel], error: Any) -> Fault:
    if error["type"] == "of_field":
        return Fault(error["ctx"]["field"], error["ctx"]["problem"])
    return Fault(_where(error["loc"]), _problem(model, error))


def _where(loc: tuple[int | str, ...]) -> str:
    text = ""
    for part in loc:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return text[:80] or "the body"


def _problem(model: type[BaseModel], error: Any) -> str:
    kind, loc = error["type"], error["loc"]
    if kind == "json_invalid":
        return f"it is not JSON ({error['msg'].removeprefix('Invalid JSON: ')}); write one JSON object"
    known, hint = _described(model, loc)
    if kind == "extra_forbidden":
        return f"there is no such field; there are: {', '.join(known)}"
    problem = _PLAIN.get(kind) or str(error["msg"]).removeprefix("Value error, ")
    problem = problem.replace("Input should be", "it should be")
    return f"{problem}; write {hint}" if hint else problem


def _described(model: type[BaseModel], loc: tuple[int | str, ...]) -> tuple[list[str], str]:
    """The fields known where `loc` leads, and how the one it names is described."""
    at, hint = model, ""
    for part in loc:
        field = at.model_fields.get(part) if isinstance(part, str) else None
        if field is None:
            continue
        hint = field.description or ""
        inner = next((a for a in (field.annotation, *get_args(field.annotation)) if _is_model(a)), None)
        at = inner if inner is not None else at
    return list(at.model_fields), hint


def _is_model(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
