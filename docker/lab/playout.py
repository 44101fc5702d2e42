"""What a listener hears of a stream of RTP packets, as a recording in true time."""

from __future__ import annotations

import struct
import wave
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from docker.lab.correlation import RATE

# Seconds a packet may come late and still be heard in its place, as telephones have it; after that there is a gap.
PATIENCE = 0.06
_PCMU = 0
_HEADER = struct.Struct(">BBHII")


def _expanded(code: int) -> int:
    """ITU-T G.711, table 2: one mu-law byte as a 16-bit sample."""
    code = ~code & 0xFF
    magnitude = ((((code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4)) - 0x84
    return -magnitude if code & 0x80 else magnitude


MULAW = np.array([_expanded(code) for code in range(256)], np.int16)


def played(packets: Iterable[tuple[float, bytes]], begin: float, end: float) -> NDArray[np.int16]:
    """The samples (16 bits) heard from `begin` to `end` of `packets` with their times of arrival: silence where there
    were none."""
    heard = np.zeros(max(round((end - begin) * RATE), 0), np.int16)
    anchor, first, source = 0.0, 0, -1  # when the sample numbered `first` is due
    for came, packet in packets:
        if len(packet) <= _HEADER.size:
            continue
        _, kind, _, stamp, ssrc = _HEADER.unpack_from(packet)
        if kind & 0x7F != _PCMU:
            continue
        due = anchor + _signed(stamp - first) / RATE
        if ssrc != source or came > due + PATIENCE or came < due - 1:
            anchor, first, source = came, stamp, ssrc
            due = came
        place = round((due - begin) * RATE)
        samples = MULAW[np.frombuffer(packet, np.uint8, offset=_HEADER.size)]
        left, right = max(place, 0), min(place + len(samples), len(heard))
        if left < right:
            heard[left:right] = samples[left - place : right - place]
    return heard


def save(samples: NDArray[np.int16], path: Path) -> None:
    """Write 16-bit samples as a WAV."""
    with wave.open(str(path), "wb") as audio:
        audio.setnchannels(1)
        audio.setsampwidth(2)
        audio.setframerate(RATE)
        audio.writeframes(samples.astype("<i2").tobytes())


def _signed(difference: int) -> int:
    """Of two 32-bit timestamps."""
    return (difference + 0x80000000) % 0x100000000 - 0x80000000
