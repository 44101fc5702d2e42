"""Whose voice is it? Every phone of the lab sounds its own tone; a recording tells who its owner talked with, in order.

The tones lie 100 Hz and more apart, clear of the music on hold. Ringback and keys are two tones at once; a voice is one
alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from docker.lab.hearing import RATE, load

TONES = {
    "101": 440,
    "102": 660,
    "103": 780,
    "104": 900,
    "105": 1050,
    "106": 1180,
    "107": 1310,
    "108": 1460,
    "109a": 1620,
    "109b": 1790,
    "15551230001": 1970,
    "15551230002": 2160,
    "15551239001": 2380,
}

_PIECE = 400  # samples, 50 ms: tones 40 Hz apart are told apart
_ALONE = 0.7  # share of a piece's power from which a tone is all that sounds; of two equal tones each has half
_AUDIBLE = 0.01  # RMS against full scale
_LEAST = 5  # pieces in which a voice sounds without a break


def voices(recording: Path, tones: Mapping[str, float] | None = None) -> list[str]:
    """The names of those heard for a quarter of a second or more, in order; who goes on after a break is there once."""
    known = TONES if tones is None else tones
    samples = load(recording)
    pieces = samples[: len(samples) - len(samples) % _PIECE].reshape(-1, _PIECE)
    taper = np.hanning(_PIECE)
    wheels = np.exp(-2j * np.pi * np.outer(np.arange(_PIECE), list(known.values())) / RATE)
    power = np.maximum(((pieces * taper) ** 2).sum(axis=1) / (taper**2).sum(), 1e-12)
    share = 2 * np.abs((pieces * taper) @ wheels) ** 2 / taper.sum() ** 2 / power[:, None]
    names = list(known)
    who = [
        names[int(row.argmax())] if loud > _AUDIBLE**2 and row.max() > _ALONE else ""
        for row, loud in zip(share, power, strict=True)
    ]
    return _in_order(who)


def _in_order(who: list[str]) -> list[str]:
    heard: list[str] = []
    run = 0
    for index, name in enumerate(who):
        run = run + 1 if index and name == who[index - 1] else 1
        if name and run == _LEAST and heard[-1:] != [name]:
            heard.append(name)
    return heard
