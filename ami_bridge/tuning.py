"""The settings of detection, made from the limits that detectors take: one section for each, with the same names.

A duration `hold` is set as `hold_seconds`, a share `loss` as `loss_percent`, and how much a detector says alone as a
word. So a threshold has one home, and a default one place where it stands with its reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, TypeVar, get_type_hints

from pydantic import ConfigDict, PlainValidator, create_model, model_validator
from pydantic import Field as Setting

from ami_bridge.domain.detectors.abandons import AbandonsLimits
from ami_bridge.domain.detectors.agents import AgentsLimits
from ami_bridge.domain.detectors.audio import AudioLimits
from ami_bridge.domain.detectors.failed_calls import FailedCallsLimits
from ami_bridge.domain.detectors.link import LinkLimits
from ami_bridge.domain.detectors.phones import PhonesLimits
from ami_bridge.domain.detectors.qualify import QualifyLimits
from ami_bridge.domain.detectors.registration import RegistrationLimits
from ami_bridge.domain.detectors.ringing import RingingLimits
from ami_bridge.domain.detectors.round_trip import RoundTripLimits
from ami_bridge.domain.detectors.silence import SilenceLimits
from ami_bridge.domain.detectors.surge import SurgeLimits
from ami_bridge.domain.detectors.waiting import WaitingLimits
from ami_bridge.domain.line import LineLimits
from ami_bridge.domain.outage import OutageLimits
from ami_bridge.domain.signal import Source, Strength
from ami_bridge.domain.verdict import VerdictLimits
from ami_bridge.forms import Part

L = TypeVar("L")

LONGEST = timedelta(days=90)
ENABLED = "whether its testimony is heard"
MANY = 10_000  # calls, phones, callers: no count of theirs needs more
_TO_ONE = 1_000_000_000_000  # odds: so many to one
_MAY_BE_NONE = frozenset({"years"})
# Settings of a section of which the first must not be above the second: else it would never count.
_NOT_ABOVE: Mapping[str, tuple[tuple[str, str], ...]] = {
    "registration": (("settle_seconds", "grace_seconds"),),
    "failed_calls": (("numbers", "row"),),
    "silence": (("odds", "odds_down"), ("least_seconds", "at_most_seconds")),
    "surge": (("calm_seconds", "at_most_seconds"),),
    "audio": (("loss_percent", "loss_down_percent"),),
    "verdict": (("hold_seconds", "hold_at_most_seconds"),),
}
WORDS = {Strength.HINT: "hint", Strength.SUSPECT: "suspect", Strength.DOWN: "down"}


@dataclass(frozen=True, slots=True)
class Section:
    """`[detection.<name>]`: which limits it sets, and which of their fields are set elsewhere."""

    limits: type
    without: frozenset[str] = frozenset()


SECTIONS: Mapping[str, Section] = {
    "registration": Section(RegistrationLimits),
    "qualify": Section(QualifyLimits),
    "round_trip": Section(RoundTripLimits),
    "failed_calls": Section(FailedCallsLimits),
    "silence": Section(SilenceLimits),
    "surge": Section(SurgeLimits),
    "audio": Section(AudioLimits),
    "phones": Section(PhonesLimits),
    "agents": Section(AgentsLimits),
    "waiting": Section(WaitingLimits),
    "abandons": Section(AbandonsLimits),
    "ringing": Section(RingingLimits),
    "link": Section(LinkLimits),
    "attendance": Section(LineLimits, frozenset({"patience"})),  # [[line]] patience_seconds
    "verdict": Section(VerdictLimits),
    "incident": Section(OutageLimits, frozenset({"word_every", "announce_suspected"})),  # [announcement]
}
# Which section switches which witness off.
_SOURCES = {
    "registration": Source.REGISTRATION,
    "qualify": Source.QUALIFY,
    "round_trip": Source.ROUND_TRIP,
    "failed_calls": Source.CALLS,
    "silence": Source.SILENCE,
    "surge": Source.SURGE,
    "audio": Source.AUDIO,
    "phones": Source.PHONES,
    "agents": Source.AGENTS,
    "waiting": Source.WAITING,
    "abandons": Source.ABANDONS,
    "ringing": Source.RINGING,
    "link": Source.LINK,
}


def _strength(value: object) -> Strength:
    for strength, word in WORDS.items():
        if value == word or value is strength:
            return strength
    raise ValueError('one of "hint", "suspect" and "down" is needed')


@dataclass(frozen=True, slots=True)
class Form:
    """How one field of limits is written as a setting, and how it is read back."""

    name: str
    type: Any
    default: Any
    read: Callable[[Any], Any]


def form(field: Field[Any], hint: Any) -> Form:
    """The setting for a limit."""
    default: Any = field.default if field.default is not MISSING else ...
    if hint is timedelta:
        longest = LONGEST.total_seconds()
        seconds = Annotated[float, Setting(ge=0, le=longest)]
        return Form(f"{field.name}_seconds", seconds, default.total_seconds(), lambda value: timedelta(seconds=value))
    if hint is float and default >= 1:  # so many times as much
        return Form(field.name, Annotated[float, Setting(ge=1, le=1000)], default, float)
    if hint is float:
        percent = Annotated[float, Setting(gt=0, le=100)]
        return Form(f"{field.name}_percent", percent, round(default * 100, 3), lambda value: value / 100)
    if hint is int:
        most = _TO_ONE if field.name.startswith("odds") else MANY
        least = 0 if field.name in _MAY_BE_NONE else 2 if field.name.startswith("odds") else 1
        return Form(field.name, Annotated[int, Setting(ge=least, le=most)], default, int)
    if hint is Strength:
        return Form(field.name, Annotated[Any, PlainValidator(_strength)], default, _strength)
    return Form(field.name, hint, default, lambda value: value)


@cache  # thousands of detectors ask
def forms(section: Section) -> Mapping[str, Form]:
    """How the fields of a section's limits are set, by the field's name."""
    hints = get_type_hints(section.limits)
    return {
        field.name: form(field, hints[field.name])
        for field in fields(section.limits)
        if field.name not in section.without
    }


class _Tuned(Part):
    """A section of detection. A TOML file says what is a number and what a text, so nothing is taken for another."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)
    section: ClassVar[Section]
    order: ClassVar[tuple[tuple[str, str], ...]]

    def limits(self, **elsewhere: object) -> Any:
        """The limits these settings come to."""
        values = {field: one.read(getattr(self, one.name)) for field, one in forms(self.section).items()}
        return self.section.limits(**values, **elsewhere)

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        for low, high in self.order:
            if getattr(self, low) > getattr(self, high):
                raise ValueError(f"{low} must not be above {high}")
        try:
            self.limits()
        except ValueError as senseless:  # what the detector's author knows to make no sense together
            _detector, _, why = str(senseless).rpartition(": ")
            raise ValueError(why) from None
        return self


def _model(name: str, section: Section) -> type[_Tuned]:
    written: dict[str, Any] = {one.name: (one.type, one.default) for one in forms(section).values()}
    if name in _SOURCES:
        written["enabled"] = (bool, True)
    model = create_model(f"Detection.{name}", __base__=_Tuned, **written)
    model.section, model.order = section, _NOT_ABOVE.get(name, ())
    return model


class _Detection(Part):
    """What all sections share."""

    def limits(self, kind: type[L], **elsewhere: object) -> L:
        """The limits of `kind` as they are set; `elsewhere` are those of its fields that other settings give."""
        name = next(name for name, section in SECTIONS.items() if section.limits is kind)
        limits: L = getattr(self, name).limits(**elsewhere)
        return limits

    @property
    def off(self) -> frozenset[Source]:
        """The witnesses that are not heard."""
        return frozenset(source for name, source in _SOURCES.items() if not getattr(self, name).enabled)


def _all() -> dict[str, Any]:
    models = {name: _model(name, section) for name, section in SECTIONS.items()}
    return {name: (model, model()) for name, model in models.items()}


if TYPE_CHECKING:
    Detection = _Detection
else:
    Detection = create_model("Detection", __base__=_Detection, **_all())
