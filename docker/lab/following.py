"""Whether a recording holds one announcement to its end: the question of docker.lab.hearing when it is asked of
hundreds of recordings, and which announcement it could be is known.

Windows that do not overlap, each sought where the one before it was; a place to begin with is sought within a few
seconds of the recording's beginning only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from docker.lab.correlation import HOP, RATE, WINDOW, Samples, nearby, speech_windows

FITS = 0.8  # a window's correlation: another word in the same voice does not reach it
LATEST = 20 * RATE  # samples: an announcement that begins later than this is not found
NEAR, SLIP = 160, 4000  # samples a window may lie off the one before: usually, and after a gap
BLOCK = 4 * WINDOW  # what a place is sought with
TRIES = 4


@dataclass(frozen=True, slots=True)
class Followed:
    """`covered`: the fraction of the announcement's speech that was heard. `first_s`, `last_s`: when its first audible
    sample and the last of it were, in seconds of the recording."""

    covered: float
    first_s: float
    last_s: float


def follow(announcement: Samples, recording: Samples) -> Followed | None:
    """None if `announcement` is not in `recording`. A beginning that never arrived does not count as heard."""
    starts = speech_windows(announcement)[:: WINDOW // HOP]
    offset = _place(announcement, recording, starts)
    if offset is None:
        return None
    places: list[int | None] = []
    for start in starts:
        found = None
        for reach in (NEAR, SLIP):
            moved, quality = nearby(announcement[start : start + WINDOW], recording, start + offset, reach)
            if quality >= FITS:
                offset += moved
                found = int(start) + offset
                break
        places.append(found)
    heard = [place for place in places if place is not None]
    if not heard:
        return None
    first = heard[0]
    if places[0] is not None:  # speech begins where it is audible, which is not where a window does
        audible = np.flatnonzero(np.abs(announcement) > 0.02 * np.abs(announcement).max())
        first += int(audible[0]) - int(starts[0])
    return Followed(len(heard) / len(places), max(first, 0) / RATE, (heard[-1] + WINDOW) / RATE)


def _place(announcement: Samples, recording: Samples, starts: np.ndarray) -> int | None:
    """By how many samples the announcement is later in the recording than by itself, by the first block that fits."""
    for start in starts[:: max(len(starts) // TRIES, 1)]:
        block = announcement[start : start + BLOCK]
        moved, quality = nearby(block, recording, int(start) + LATEST // 2, LATEST // 2)
        if quality >= FITS:
            return LATEST // 2 + moved
    return None
