"""Where one piece of audio lies in another: normalised cross-correlation, coarse over a recording, fine nearby."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.floating[Any]]
Places = NDArray[np.signedinteger[Any]]

RATE = 8000
FAINT = 1e-3  # RMS against full scale (-60 dB), under which a stretch is silence whatever it resembles
WINDOW, HOP = 3200, 800  # samples: long enough that another word in the same voice does not fit, short enough to follow

_BLOCK, _BIN = 8000, 400  # for finding the place at all: seconds of speech, to within 50 ms
_CHUNK = 1 << 14  # samples at half the rate that are transformed at once


def loudness(samples: Samples) -> float:
    """RMS against full scale."""
    return float(np.sqrt((samples**2).mean())) if samples.size else 0.0


def piece(samples: Samples, start: int, length: int) -> Samples:
    """`length` samples from `start`, with silence where there are none."""
    out = np.zeros(length)
    begin, end = max(start, 0), min(start + length, len(samples))
    if begin < end:
        out[begin - start : end - start] = samples[begin:end]
    return out


def correlation(one: Samples, other: Samples) -> float:
    """The normalised correlation of two pieces of one length, -1 to 1; 0 if either is empty of sound."""
    norm = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / norm if norm > 0 else 0.0


def nearby(sought: Samples, recording: Samples, at: int, reach: int) -> tuple[int, float]:
    """How many samples from `at`, at most `reach` either way, `sought` fits `recording` best, and how well."""
    there = piece(recording, at - reach, len(sought) + 2 * reach)
    size = 1 << (len(there) - 1).bit_length()  # what wraps round lies beyond the shifts that are looked at
    product = np.fft.irfft(np.fft.rfft(there, size) * np.conj(np.fft.rfft(sought, size)), size)
    quality = _normalised(product[: 2 * reach + 1], float(sought @ sought), _energy(there, len(sought)), len(sought))
    best = int(np.argmax(quality))
    return best - reach, float(quality[best])


class Recording:
    """A recording made ready to be searched by many announcements.

    The search runs at half the rate and in single precision: it is the slow part and only has to come near.
    """

    def __init__(self, samples: Samples) -> None:
        self.samples = samples
        halved = np.pad(_halved(samples), _BLOCK // 2)
        self._step = _CHUNK - _BLOCK // 2
        chunks = -(-len(halved) // self._step)
        padded = np.pad(halved, (0, chunks * self._step + _CHUNK - len(halved)))
        at = np.arange(chunks)[:, None] * self._step + np.arange(_CHUNK)
        self._spectra = np.fft.rfft(padded[at])
        self._energy = _energy(padded[: chunks * self._step + _BLOCK // 2], _BLOCK // 2)[: chunks * self._step]

    def resemblance(self, block: Samples) -> Samples:
        """How well `block` (half rate; a shorter last one appears to fit less) fits in each bin or those beside it."""
        spectrum = np.conj(np.fft.rfft(block, _CHUNK))
        product = np.fft.irfft(self._spectra * spectrum, _CHUNK)[:, : self._step].ravel()
        quality = _normalised(product, float(block @ block), self._energy, _BLOCK // 2)
        best = np.pad(quality, (0, -len(quality) % (_BIN // 2))).reshape(-1, _BIN // 2).max(axis=1)
        return np.asarray(np.stack([best, np.roll(best, 1), np.roll(best, -1)]).max(axis=0))


@dataclass(slots=True)
class Search:
    """One announcement sought in one recording; `claimed` takes stretches out of the search."""

    announcement: Samples
    recording: Recording
    _votes: list[tuple[int, Samples]] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        sought = _halved(self.announcement)
        for start in range(0, len(self.announcement), _BLOCK):
            block = sought[start // 2 : (start + _BLOCK) // 2]
            if loudness(block) > FAINT:
                quality = self.recording.resemblance(block)
                # Chance reaches 0.4 somewhere; the hundredth keeps a place where nothing but chance is to be had.
                self._votes.append((start, np.clip(quality - 0.4, 0, None) + 0.01 * quality))

    def claimed(self, begin: int, end: int) -> None:
        """The recording from sample `begin` to `end` is explained by something else: no block's middle lies there."""
        first, last = (max((edge + _BLOCK // 2) // _BIN, 0) for edge in (begin, end))
        for _, votes in self._votes:
            votes[first:last] = 0.0

    def place(self) -> int:
        """The offset of the announcement on which most of its seconds agree; negative if the recording begins in it."""
        ahead = _bins(len(self.announcement) + _BLOCK)
        total = np.zeros(ahead + max((len(votes) for _, votes in self._votes), default=0))
        for start, votes in self._votes:
            first = ahead - (start + _BLOCK) // _BIN  # the first bin has the block end where the recording begins
            total[first : first + len(votes)] += votes
        return (int(np.argmax(total)) - ahead) * _BIN + _BIN // 2


def speech_windows(announcement: Samples) -> Places:
    """Where the windows begin that hold speech: not the pauses, which fit any silence."""
    least, last = 0.25 * loudness(announcement), max(len(announcement) - WINDOW, 0)
    return np.array([s for s in range(0, last + 1, HOP) if loudness(announcement[s : s + WINDOW]) > least], np.int64)


def _normalised(product: Samples, sought: float, energy: Samples, length: int) -> Samples:
    """`product` over the energies of both sides; 0 where the recording is silent."""
    audible = energy > FAINT**2 * length
    return np.where(audible, product / np.sqrt(np.where(audible, energy, 1.0) * max(sought, 1e-12)), 0.0)


def _energy(samples: Samples, length: int) -> Samples:
    """The energy of every stretch of `length` samples."""
    total = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    return np.asarray(np.clip(total[length:] - total[:-length], 0, None))


def _halved(samples: Samples) -> Samples:
    return np.asarray(samples[: len(samples) // 2 * 2].reshape(-1, 2).mean(axis=1), np.float32)


def _bins(samples: int) -> int:
    return -(-samples // _BIN)
