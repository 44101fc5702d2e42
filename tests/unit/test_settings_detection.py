"""Every setting of detection is held to its form, and what is wrong with one is said in one line by its full name."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ami_bridge.domain.detectors.audio import AudioLimits
from ami_bridge.domain.detectors.qualify import QualifyLimits
from ami_bridge.domain.signal import Source, Strength
from ami_bridge.loading import load
from ami_bridge.settings import Settings, SettingsError
from ami_bridge.tuning import SECTIONS, Detection, forms

REST = """
[[tenant]]
name = "acme"
spoken = "Acme Hosting"
[[pbx]]
name = "lab"
host = "pbx.example"
[[pbx.trunk]]
name = "main"
spoken = "our main line"
[[line]]
name = "support"
tenant = "acme"
pbx = "lab"
dids = ["5550100"]
queue = "support"
callback_trunks = ["main"]
caller_id = "5550100"
"""
ENVIRONMENT = {"KEEPLINE_AGI_TOKEN": "token-of-the-test", "KEEPLINE_PBX_LAB_SECRET": "sesame"}

SETTINGS = [
    (section, name)
    for section in SECTIONS
    for name in Detection.model_fields[section].annotation.model_fields  # type: ignore[union-attr]
]


def read(folder: Path, section: str, text: str) -> Settings:
    file = folder / "keepline.toml"
    file.write_text(f"[detection.{section}]\n{text}\n{REST}", encoding="utf-8")
    return load(file, ENVIRONMENT)


def complaint(folder: Path, section: str, text: str) -> str:
    """The one line that is said, without the file's name before it."""
    with pytest.raises(SettingsError) as error:
        read(folder, section, text)
    [line] = str(error.value).splitlines()
    return line.removeprefix(f"{folder / 'keepline.toml'}: ")


def default(section: str, name: str) -> Any:
    return getattr(getattr(Detection(), section), name)


def wrong_values(section: str, name: str) -> list[str]:
    """What may stand there by mistake, as TOML: other types, less than nothing, beyond all measure, no number."""
    value = default(section, name)
    if isinstance(value, bool):
        return ['"yes"', "1", "-1", "[]"]
    if isinstance(value, Strength):
        return ['"clear"', '"Down"', "4", "true", "-1", "[]"]
    numbers = ['"10"', "true", "-1", "1e300", "nan", "inf", "[]", "2020-01-01"]
    return [*numbers, "10.5", "100000000000000000000"] if isinstance(value, int) else numbers


@pytest.mark.parametrize(("section", "name"), SETTINGS, ids=[f"{section}.{name}" for section, name in SETTINGS])
def test_every_wrong_value_is_refused_by_the_settings_full_name(tmp_path: Path, section: str, name: str) -> None:
    for value in wrong_values(section, name):
        said = complaint(tmp_path, section, f"{name} = {value}")
        assert said.startswith(f"detection.{section}.{name}: "), value
        assert len(said) > len(f"detection.{section}.{name}: ") + 10
    said = complaint(tmp_path, section, f"{name}s_ = 1")
    assert said == f"detection.{section}.{name}s_: there is no such setting; check its spelling"


@pytest.mark.parametrize(("section", "name"), SETTINGS, ids=[f"{section}.{name}" for section, name in SETTINGS])
def test_every_default_may_be_written_down(tmp_path: Path, section: str, name: str) -> None:
    value = default(section, name)
    text = f'"{value.name.lower()}"' if isinstance(value, Strength) else str(value).lower()
    assert read(tmp_path, section, f"{name} = {text}").detection == Detection()


@pytest.mark.parametrize("section", SECTIONS)
def test_the_defaults_are_those_of_the_limits(section: str) -> None:
    assert Detection().limits(SECTIONS[section].limits) == SECTIONS[section].limits()
    assert len(forms(SECTIONS[section])) <= len(Detection.model_fields[section].annotation.model_fields)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("section", "text", "said"),
    [
        ("silence", "odds = 1000\nodds_down = 100", "odds must not be above odds_down"),
        ("silence", "least_seconds = 90000", "least_seconds must not be above at_most_seconds"),
        ("surge", "least = 1", "factor must be 1 or more, odds above 1, and least 2 or more"),
        ("surge", "calm_seconds = 90000", "calm_seconds must not be above at_most_seconds"),
        ("audio", "loss_percent = 20", "loss_percent must not be above loss_down_percent"),
        ("registration", "grace_seconds = 5", "settle_seconds must not be above grace_seconds"),
        ("failed_calls", "row = 1", "numbers must not be above row"),
        ("verdict", "hold_seconds = 3600", "hold_seconds must not be above hold_at_most_seconds"),
    ],
)
def test_settings_that_make_no_sense_together_are_named(tmp_path: Path, section: str, text: str, said: str) -> None:
    assert complaint(tmp_path, section, text) == f"detection.{section}: {said}"


def test_an_unknown_detector_is_refused_by_name(tmp_path: Path) -> None:
    assert complaint(tmp_path, "qualifying", "") == "detection.qualifying: there is no such setting; check its spelling"


def test_what_is_set_reaches_the_limits(tmp_path: Path) -> None:
    text = 'confirm_seconds = 1.5\nalone = "suspect"\nenabled = false'
    detection = read(tmp_path, "qualify", text).detection
    limits = detection.limits(QualifyLimits)
    assert (limits.confirm, limits.alone, limits.enabled) == (timedelta(seconds=1.5), Strength.SUSPECT, False)
    assert detection.off == {Source.QUALIFY}
    assert read(tmp_path, "audio", "loss_percent = 2.5").detection.limits(AudioLimits).loss == 0.025
    assert read(tmp_path, "failed_calls", "years = 0").detection.off == frozenset()
