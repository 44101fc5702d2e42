"""What did a caller hear? A recording of the caller's ear, compared with the announcements it could hold.

An announcement is cut into windows of speech, and each window is looked for in the recording by normalised
cross-correlation, which neither a change of level nor G.711 disturbs much. A jitter buffer moves what follows by tens
of milliseconds, so windows are followed one after another instead of expected at fixed places; lost packets cost
windows, a key press costs the rest. Everything here is 8 kHz, mono; times are seconds from the start of the recording.
"""

from __future__ import annotations

import wave
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from docker.lab.correlation import (
    FAINT,
    HOP,
    RATE,
    WINDOW,
    Places,
    Recording,
    Samples,
    Search,
    correlation,
    loudness,
    nearby,
    piece,
    speech_windows,
)

__all__ = ["RATE", "Heard", "NotHeard", "first_sound", "heard", "load", "longest_silence", "match", "tone"]

_SLIP, _NEAR = (
    800,
    24,
)  # samples a window may have moved against its neighbour: at a jitter buffer's slip, and ordinarily
_FITS = 0.6  # correlation from which a window counts as heard
_LEAST = 1.0  # seconds of speech that must fit before an announcement is said to have been heard


class NotHeard(Exception):
    """The announcement is not in the recording."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One announcement in a recording, from `start_s` to `end_s`.

    `score` (0 to 1) is how well the recording fits the announcement from its beginning to the last part that was
    heard: what is missing in between counts against it, what was cut off after it does not. `covered` (0 to 1) is the
    part of the announcement's speech that was heard.
    """

    name: str
    score: float
    covered: float
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class _Fit:
    """An announcement laid on a recording: its windows of speech, where each lies there, and how well it fits."""

    starts: Places  # in the announcement
    places: Places  # in the recording
    quality: Samples

    @property
    def heard(self) -> NDArray[np.bool_]:
        """The windows that fit, up to where the announcement was cut off; what fits after that does so by chance."""
        fits = self.quality >= _FITS
        gain = np.cumsum(np.where(fits, 1, -1))
        return fits & (np.arange(fits.size) <= (int(gain.argmax()) if fits.size else 0))

    @property
    def worth(self) -> int:
        """Windows that fit less those that should have before the last one: what chance resemblance does not earn."""
        return 2 * int(self.heard.sum()) - self._reached

    @property
    def _reached(self) -> int:
        return int(np.flatnonzero(self.heard)[-1]) + 1 if self.heard.any() else 0

    @property
    def interval(self) -> tuple[int, int]:
        """From the first sample that fits to the last, in the recording."""
        fitting = self.places[self.heard]
        return (int(fitting[0]), int(fitting[-1]) + WINDOW) if fitting.size else (0, 0)

    @property
    def speech(self) -> int:
        """Samples of the announcement that were heard."""
        steps = np.diff(self.starts[self.heard], append=self.starts[-1] + 2 * WINDOW)
        return int(np.minimum(steps, WINDOW).sum()) if self.heard.any() else 0

    def as_heard(self, name: str) -> Heard:
        """Where no window fits, the score is what the best alignment came to, and the interval is empty."""
        begin, end = self.interval
        reached = self._reached
        fitting = np.where(self.heard, self.quality, 0.0)[:reached]
        score = float(fitting.mean()) if reached else float(np.clip(self.quality, 0, None).mean())
        return Heard(
            name=name,
            score=round(score, 3),
            covered=round(float(self.heard.mean()), 3),
            start_s=max(begin, 0) / RATE,
            end_s=end / RATE,
        )


def load(path: Path) -> Samples:
    """The samples of a 16-bit WAV at 8 kHz, 1.0 being full scale; both sides of a stereo file together.

    A file still being recorded holds no length yet, and is read to its present end.
    """
    with wave.open(str(path)) as audio:
        if audio.getframerate() != RATE or audio.getsampwidth() != 2:
            raise ValueError(f"{path.name} is not 16-bit audio at {RATE} Hz")
        channels = audio.getnchannels()
        data = audio.readframes(audio.getnframes()) if audio.getnframes() else path.read_bytes()[44:]
    usable = len(data) - len(data) % (2 * channels)
    samples = np.frombuffer(data[:usable], "<i2").astype(np.float64) / 32768
    return np.asarray(samples.reshape(-1, channels).mean(axis=1))


def heard(recording: Path, announcements: Mapping[str, Path], *, least_s: float = _LEAST) -> list[Heard]:
    """The announcements in `recording`, in the order in which they were heard; one played twice is there twice.

    The best explanation of a stretch takes it: an announcement that shares a phrase with the one that was played gets
    nothing for that phrase. Where what was heard fits several and ends before they differ, the one it holds to the
    end is it, or else all are named. Less than `least_s` seconds of speech are not enough to name anything, except
    most of an announcement that is shorter.
    """
    samples = load(recording)
    whole, rest = Recording(samples), samples.copy()
    searches = {name: Search(load(path), whole) for name, path in announcements.items()}
    fits = {name: _lay(search, rest) for name, search in searches.items()}
    found: list[Heard] = []
    while best := _best(fits, least_s):
        found += [fits[name].as_heard(name) for name in best]
        begin, end = fits[best[0]].interval
        rest[max(begin, 0) : end] = 0.0
        for name, search in searches.items():
            search.claimed(begin, end)
            if fits[name].interval[0] < end and begin < fits[name].interval[1]:
                fits[name] = _lay(search, rest)
    return sorted(found, key=lambda one: (one.start_s, one.name))


def match(recording: Path, announcement: Path) -> Heard:
    """How well `recording` holds `announcement` at the place it fits best, however badly that is."""
    return _found(load(announcement), load(recording)).as_heard(announcement.stem)


def first_sound(recording: Path, announcement: Path) -> float:
    """Seconds from the start of `recording` to the first sample of `announcement` that a caller could hear.

    The announcement's own leading silence is not counted as heard, nor is a beginning that never arrived. Raise
    NotHeard if less than a second of it is there.
    """
    wanted, samples = load(announcement), load(recording)
    fit = _found(wanted, samples)
    if fit.speech < min(_LEAST * RATE, fit.starts.size * HOP / 2):
        raise NotHeard(f"{announcement.name} is not in {recording.name}")
    first = int(np.flatnonzero(fit.heard)[0])
    offset = int(fit.places[first] - fit.starts[first])
    audible = np.flatnonzero(np.abs(wanted) > 0.02 * np.abs(wanted).max())
    for start in range(int(audible[0]), int(fit.starts[first]) + WINDOW, 80):
        part = wanted[start : start + 320]
        if loudness(part) > FAINT and correlation(part, piece(samples, start + offset, 320)) > _FITS:
            return max(start + offset, 0) / RATE
    return float(fit.places[first]) / RATE


def longest_silence(recording: Path, from_s: float, to_s: float | None = None, *, floor_db: float = -50.0) -> float:
    """The longest stretch between two times whose 20 ms pieces all stay under `floor_db` (RMS against full scale)."""
    pieces = _pieces(load(recording), from_s, to_s, 160)
    longest = run = 0
    for silent in np.sqrt((pieces**2).mean(axis=1)) < 10 ** (floor_db / 20):
        run = run + 1 if silent else 0
        longest = max(longest, run)
    return longest * 160 / RATE


def tone(recording: Path, hz: float, from_s: float, to_s: float | None = None) -> float:
    """The fraction of the time between two times in which a tone of `hz`, alone or with one other, is what sounds."""
    pieces = _pieces(load(recording), from_s, to_s, 400)
    if not len(pieces):
        return 0.0
    taper = np.hanning(400)
    wheel = np.exp(-2j * np.pi * hz / RATE * np.arange(400))
    power = ((pieces * taper) ** 2).sum(axis=1) / (taper**2).sum()
    share = 2 * np.abs((pieces * taper) @ wheel) ** 2 / taper.sum() ** 2 / np.maximum(power, 1e-12)
    return float(((share > 0.35) & (power > FAINT**2 * 10)).mean())


def _pieces(samples: Samples, from_s: float, to_s: float | None, size: int) -> Samples:
    end = len(samples) if to_s is None else round(to_s * RATE)
    part = samples[round(from_s * RATE) : end]
    return part[: len(part) - len(part) % size].reshape(-1, size)


def _best(fits: Mapping[str, _Fit], least_s: float) -> list[str]:
    """The names that explain most of what is left, best first; none if nothing is explained well enough."""
    enough = {
        name: fit
        for name, fit in fits.items()
        if fit.worth > 0 and fit.speech >= min(least_s * RATE, 0.8 * fit.starts.size * HOP)
    }
    if not enough:
        return []
    top = max(enough.values(), key=lambda fit: fit.worth)
    alike = [name for name, fit in enough.items() if fit.worth >= top.worth - 2 and _overlap(fit, top) > 0.8]
    whole = [name for name in alike if enough[name].heard[-2:].all()]
    return sorted(whole or alike, key=lambda name: -enough[name].worth)


def _overlap(one: _Fit, other: _Fit) -> float:
    """The part of the longer interval that two fits share."""
    (a, b), (c, d) = one.interval, other.interval
    return (min(b, d) - max(a, c)) / max(b - a, d - c)


def _found(announcement: Samples, recording: Samples) -> _Fit:
    return _lay(Search(announcement, Recording(recording)), recording)


def _lay(search: Search, recording: Samples) -> _Fit:
    """Lay an announcement on `recording` where it fits best, following its windows outwards from the best of them.

    Where not even windows side by side fit, those are all that is looked at: most announcements are not there.
    """
    starts, around = speech_windows(search.announcement), search.place()
    if not starts.size:
        raise ValueError("an announcement without speech cannot be looked for")

    def fit(index: int, offset: int, reach: int) -> tuple[int, float]:
        start = int(starts[index])
        moved, quality = nearby(search.announcement[start : start + WINDOW], recording, start + offset, reach)
        return offset + moved, quality

    rough = {index: fit(index, around, _SLIP) for index in range(0, len(starts), 4)}
    anchor = max(rough, key=lambda index: rough[index][1])
    if rough[anchor][1] < _FITS:
        return _laid(starts[list(rough)], list(rough.values()))
    found = [rough[anchor]] * len(starts)
    for indices in (range(anchor + 1, len(starts)), range(anchor - 1, -1, -1)):
        offset = rough[anchor][0]
        for index in indices:
            found[index] = fit(index, offset, _NEAR)
            if found[index][1] < 0.9:
                found[index] = max(found[index], fit(index, offset, _SLIP), key=lambda one: one[1])
            if found[index][1] >= _FITS:
                offset = found[index][0]
    return _laid(starts, found)


def _laid(starts: Places, found: list[tuple[int, float]]) -> _Fit:
    offsets, quality = np.array([offset for offset, _ in found]), np.array([quality for _, quality in found])
    return _Fit(starts, starts + offsets, quality)
