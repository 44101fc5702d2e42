"""Whose tone is in a recording: tones made here stand for the phones'."""

from __future__ import annotations

import wave
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from docker.lab.voices import TONES, voices

RATE = 8000


def record(path: Path, *parts: tuple[float, ...]) -> Path:
    """Write parts of (seconds, hz, ...): the tones of a part sound together; none is silence."""
    pieces = []
    for seconds, *tones in parts:
        time = np.arange(round(seconds * RATE)) / RATE
        waves = [np.sin(2 * np.pi * hz * time) for hz in tones] or [0 * time]
        pieces.append(0.2 * np.sum(waves, axis=0) / max(len(tones), 1))
    with wave.open(str(path), "wb") as audio:
        audio.setnchannels(1)
        audio.setsampwidth(2)
        audio.setframerate(RATE)
        audio.writeframes((np.concatenate(pieces) * 32767).astype("<i2").tobytes())
    return path


@pytest.mark.parametrize("who", TONES)
def test_each_phone_is_known_by_its_tone(tmp_path: Path, who: str) -> None:
    assert voices(record(tmp_path / "one.wav", (0.2,), (0.5, TONES[who]))) == [who]


def test_who_was_heard_is_told_in_order_and_a_break_is_no_other_voice(tmp_path: Path) -> None:
    one, other = TONES["101"], TONES["102"]
    recording = record(tmp_path / "order.wav", (0.5, one), (1,), (0.5, one), (0.5, other), (0.3,), (0.5, one))
    assert voices(recording) == ["101", "102", "101"]


def test_ringback_keys_and_what_is_too_short_are_nobodys_voice(tmp_path: Path) -> None:
    recording = record(tmp_path / "noise.wav", (2, 440, 480), (0.2, 770, 1336), (0.2, TONES["103"]), (0.5,))
    assert voices(recording) == []


def test_tones_lie_far_enough_apart() -> None:
    assert min(b - a for a, b in pairwise(sorted(TONES.values()))) >= 100
