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
from typing import Any

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.signedinteger[Any]]
Samples = NDArray[np.floating[Any]]
Spectrum = NDArray[np.complexfloating[Any, Any]]

RATE = 8000
_WINDOW, _HOP = (
    3200,
    800,
)  # samples: long enough that another word in the same voice does not fit, short enough to follow
_BLOCK, _BIN = 8000, 400  # for finding the place at all: whole seconds of speech, to within 50 ms
_SLIP, _NEAR = (
    800,
    24,
)  # samples a window may have moved against its neighbour: at a jitter buffer's slip, and ordinarily
_FITS = 0.6  # correlation from which a window counts as heard
_FAINT = 1e-3  # RMS against full scale (-60 dB), under which a stretch is silence whatever it resembles
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
        return self.quality >= _FITS

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
        return (int(fitting[0]), int(fitting[-1]) + _WINDOW) if fitting.size else (0, 0)

    @property
    def speech(self) -> int:
        """Samples of the announcement that were heard."""
        steps = np.diff(self.starts[self.heard], append=self.starts[-1] + 2 * _WINDOW)
        return int(np.minimum(steps, _WINDOW).sum()) if self.heard.any() else 0

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
    rest, sought = load(recording), {name: load(path) for name, path in announcements.items()}
    fits = {name: _lay(samples, rest) for name, samples in sought.items()}
    found: list[Heard] = []
    while best := _best(fits, least_s):
        found += [fits[name].as_heard(name) for name in best]
        begin, end = fits[best[0]].interval
        rest = rest.copy()
        rest[max(begin, 0) : end] = 0.0
        for name, fit in fits.items():
            if fit.interval[0] < end and begin < fit.interval[1]:
                fits[name] = _lay(sought[name], rest)
    return sorted(found, key=lambda one: (one.start_s, one.name))


def match(recording: Path, announcement: Path) -> Heard:
    """How well `recording` holds `announcement` at the place it fits best, however badly that is."""
    return _lay(load(announcement), load(recording)).as_heard(announcement.stem)


def first_sound(recording: Path, announcement: Path) -> float:
    """Seconds from the start of `recording` to the first sample of `announcement` that a caller could hear.

    The announcement's own leading silence is not counted as heard, nor is a beginning that never arrived. Raise
    NotHeard if less than a second of it is there.
    """
    wanted, samples = load(announcement), load(recording)
    fit = _lay(wanted, samples)
    if fit.speech < min(_LEAST * RATE, fit.starts.size * _HOP / 2):
        raise NotHeard(f"{announcement.name} is not in {recording.name}")
    first = int(np.flatnonzero(fit.heard)[0])
    offset = int(fit.places[first] - fit.starts[first])
    audible = np.flatnonzero(np.abs(wanted) > 0.02 * np.abs(wanted).max())
    for start in range(int(audible[0]), int(fit.starts[first]) + _WINDOW, 80):
        piece, there = wanted[start : start + 320], _slice(samples, start + offset, 320)
        if _loudness(piece) > _FAINT and _correlation(piece, there) > _FITS:
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
    return float(((share > 0.35) & (power > _FAINT**2 * 10)).mean())


def _pieces(samples: Samples, from_s: float, to_s: float | None, size: int) -> Samples:
    end = len(samples) if to_s is None else round(to_s * RATE)
    part = samples[round(from_s * RATE) : end]
    return part[: len(part) - len(part) % size].reshape(-1, size)


def _best(fits: Mapping[str, _Fit], least_s: float) -> list[str]:
    """The names that explain most of what is left, best first; none if nothing is explained well enough."""
    enough = {
        name: fit
        for name, fit in fits.items()
        if fit.worth > 0 and fit.speech >= min(least_s * RATE, 0.8 * fit.starts.size * _HOP)
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


def _lay(announcement: Samples, recording: Samples) -> _Fit:
    """Lay `announcement` on `recording` where it fits best, following its windows outwards from the best of them.

    Where not even windows side by side fit, those are all that is looked at: most announcements are not there.
    """
    starts = _speech_windows(announcement)
    if not starts.size:
        raise ValueError("an announcement without speech cannot be looked for")
    around = _place(announcement, recording)
    rough = {
        index: _fit(announcement, recording, int(starts[index]), around, _SLIP) for index in range(0, len(starts), 4)
    }
    anchor = max(rough, key=lambda index: rough[index][1])
    if rough[anchor][1] < _FITS:
        return _laid(starts[list(rough)], list(rough.values()))
    found = [rough[anchor]] * len(starts)
    for indices in (range(anchor + 1, len(starts)), range(anchor - 1, -1, -1)):
        offset = rough[anchor][0]
        for index in indices:
            found[index] = _follow(announcement, recording, int(starts[index]), offset)
            if found[index][1] >= _FITS:
                offset = found[index][0]
    return _laid(starts, found)


def _laid(starts: Places, found: list[tuple[int, float]]) -> _Fit:
    offsets, quality = np.array([offset for offset, _ in found]), np.array([quality for _, quality in found])
    return _Fit(starts, starts + offsets, quality)


def _follow(announcement: Samples, recording: Samples, start: int, offset: int) -> tuple[int, float]:
    """The offset and correlation of the window at `start`, whose neighbour had `offset`: near it unless it slipped."""
    near = _fit(announcement, recording, start, offset, _NEAR)
    if near[1] > 0.9:
        return near
    return max(near, _fit(announcement, recording, start, offset, _SLIP), key=lambda found: found[1])


def _fit(announcement: Samples, recording: Samples, start: int, offset: int, reach: int) -> tuple[int, float]:
    """The offset within `reach` samples of `offset` at which the window at `start` fits best, and how well."""
    piece = announcement[start : start + _WINDOW]
    there = _slice(recording, start + offset - reach, len(piece) + 2 * reach)
    quality = _correlations(piece, there)
    best = int(np.argmax(quality))
    return offset - reach + best, float(quality[best])


def _place(announcement: Samples, recording: Samples) -> int:
    """The offset of `announcement` in `recording` on which most seconds of it agree, to within two bins.

    At half the rate and in single precision: it is the slow part, and only has to come near.
    """
    ahead = _bins(len(announcement))  # an offset can be negative: the recording may begin within the announcement
    sought, there = _halved(announcement), np.pad(_halved(recording), _BLOCK // 2)
    size = 1 << (len(there) + _BLOCK // 2).bit_length()
    spectrum, votes = np.fft.rfft(there, size), np.zeros(ahead + _bins(len(recording)) + 2)
    for start in range(0, len(announcement), _BLOCK):
        block = sought[start // 2 : (start + _BLOCK) // 2]
        if _loudness(block) > _FAINT:
            quality = _correlations(block, there, spectrum)
            best = np.pad(quality, (0, -len(quality) % (_BIN // 2))).reshape(-1, _BIN // 2).max(axis=1)
            wide = np.maximum(best, np.maximum(np.roll(best, 1), np.roll(best, -1)))
            first = ahead - (start + _BLOCK) // _BIN  # the vote that the first bin's place is worth
            part = slice(max(first, 0), min(first + len(best), len(votes)))
            worth = np.clip(wide - 0.4, 0, None) + 0.01 * best
            votes[part] += worth[part.start - first : part.stop - first]
    return (int(np.argmax(votes)) - ahead) * _BIN + _BIN // 2


def _bins(samples: int) -> int:
    return -(-samples // _BIN)


def _halved(samples: Samples) -> Samples:
    return np.asarray(samples[: len(samples) // 2 * 2].reshape(-1, 2).mean(axis=1), np.float32)


def _speech_windows(announcement: Samples) -> Places:
    """Where the windows begin that hold speech: not the pauses, which fit any silence."""
    loud = _loudness(announcement)
    last = max(len(announcement) - _WINDOW, 0)
    return np.array(
        [s for s in range(0, last + 1, _HOP) if _loudness(announcement[s : s + _WINDOW]) > 0.25 * loud], np.int64
    )


def _correlations(piece: Samples, there: Samples, spectrum: Spectrum | None = None) -> Samples:
    """The normalised correlation of `piece` with every stretch of `there` as long as it; 0 where that is silent.

    `spectrum` is that of `there`, where it is at hand.
    """
    if spectrum is None:
        spectrum = np.fft.rfft(there, 1 << (len(there) + len(piece) - 1).bit_length())
    size = 2 * (len(spectrum) - 1)
    product = np.fft.irfft(spectrum * np.conj(np.fft.rfft(piece, size)), size)
    energy = np.concatenate([[0.0], np.cumsum(np.square(there, dtype=np.float64))])
    around = np.maximum(energy[len(piece) :] - energy[: -len(piece)], 0)
    audible = around > _FAINT**2 * len(piece)
    scale = np.sqrt(np.where(audible, around, 1.0) * max(float(piece @ piece), 1e-12))
    return np.where(audible, product[: len(around)] / scale, 0.0)


def _correlation(one: Samples, other: Samples) -> float:
    norm = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / norm if norm > 0 else 0.0


def _loudness(samples: Samples) -> float:
    return float(np.sqrt((samples**2).mean())) if samples.size else 0.0


def _slice(samples: Samples, start: int, length: int) -> Samples:
    """`length` samples from `start`, with silence where there are none."""
    out = np.zeros(length)
    begin, end = max(start, 0), min(start + length, len(samples))
    if begin < end:
        out[begin - start : end - start] = samples[begin:end]
    return out
