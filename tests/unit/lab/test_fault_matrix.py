"""How the fault matrix counts and prints: by hand-made cells, and by recordings put together here."""

from __future__ import annotations

import re
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from docker.lab.ami import Event
from docker.lab.breaking import ROWS
from docker.lab.callers import begins, named_by
from docker.lab.judging import Cell, listen
from docker.lab.matrix import Matrix, chosen
from docker.lab.side import ALONE, TOLD, WELL

RATE = 8000
HASH = "ab" * 32


def speech(seed: int, seconds: float) -> np.ndarray:
    """Noise in syllables: nothing else resembles it."""
    random = np.random.default_rng(seed)
    samples = random.normal(0, 0.1, round(seconds * RATE))
    return samples * (np.sin(np.arange(samples.size) / RATE * 2 * np.pi * 3) > -0.5)


def save(path: Path, parts: Sequence[np.ndarray]) -> Path:
    with wave.open(str(path), "wb") as audio:
        audio.setnchannels(1)
        audio.setsampwidth(2)
        audio.setframerate(RATE)
        audio.writeframes((np.clip(np.concatenate(parts), -1, 1) * 32767).astype("<i2").tobytes())
    return path


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE))


def tone(hz: float, seconds: float) -> np.ndarray:
    return 0.2 * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)


def test_a_recording_tells_what_was_said_and_how_long_nothing_was(tmp_path: Path) -> None:
    told = save(tmp_path / "told.wav", [speech(1, 4)])
    receipt = save(tmp_path / "receipt.wav", [speech(2, 2)])
    other = save(tmp_path / "other.wav", [speech(3, 4)])
    call = save(tmp_path / "call.wav", [silence(2.5), speech(1, 4), silence(3.2), speech(2, 2), silence(0.5)])
    hearing = listen(call, {"told": told}, {"receipt": receipt})
    assert (hearing.told, hearing.receipt) == (True, True)
    assert hearing.silence == pytest.approx(3.2, abs=0.1)
    assert not listen(call, {"other": other}, {}).told


def test_half_an_announcement_is_not_the_receipt_and_an_agent_is_known_by_the_tone(tmp_path: Path) -> None:
    told = save(tmp_path / "told.wav", [speech(1, 4)])
    receipt = save(tmp_path / "receipt.wav", [speech(2, 2)])
    call = save(tmp_path / "call.wav", [speech(1, 2), tone(660, 2)])
    hearing = listen(call, {"told": told}, {"receipt": receipt})
    assert (hearing.told, hearing.receipt) == (True, False)
    assert listen(call, {}, {}).agent
    assert not listen(told, {}, {}).agent


def test_the_table_shows_each_cell_and_the_figures_the_worst_of_all() -> None:
    matrix = Matrix()
    for line, version, cell in (
        (TOLD, "16", Cell(silence=3.04)),
        (TOLD, "22", Cell(silence=5.06, missed=1, lost=2, remarks=["a", "b"])),
        (WELL, "22", Cell(silence=0.02, dropped=1, remarks=["c"])),
        (ALONE, "16", Cell(silence=4.2, remarks=["d"])),
    ):
        matrix.cells["killed", line, version] = cell
    lines = matrix.table().splitlines()
    assert lines[0].split() == ["incident", "on", "incident", "off", "unanswered"]
    assert lines[1].split() == ["16", "22"] * 3
    assert re.split(r"\s{2,}", lines[2]) == ["killed", "3.0", "5.1 k2 m1", "-", "0.0 d1", "4.2 !", "-"]
    assert matrix.figures() == [
        "figure: longest_silence = 5.1 s (goal: 4)",
        "figure: calls_dropped = 1",
        "figure: key_presses_lost = 2",
        "figure: announcements_missed = 1",
    ]
    assert "killed, unanswered, 16: d" in matrix.remarks


def test_rows_are_chosen_by_name_or_by_a_part_of_it() -> None:
    assert [row.name for row in chosen(["killed"])] == ["killed"]
    assert [row.name for row in chosen(["CLOCK"])] == [row.name for row in ROWS if "clock" in row.name]
    assert chosen([""]) == list(ROWS)
    assert len({row.name for row in ROWS}) == len(ROWS)
    with pytest.raises(SystemExit, match="no such fault"):
        chosen(["earthquake"])


@pytest.mark.parametrize(
    ("event", "named", "playing"),
    [
        ({"Event": "AGIExecStart", "Command": f'STREAM FILE "http://k/announcements/{HASH}.wav" "12"'}, HASH, True),
        ({"Event": "Newexten", "Application": "Read", "AppData": f"KEY,http://k/{HASH}.wav,1,,1,4"}, HASH, True),
        ({"Event": "Newexten", "Application": "Set", "AppData": f"LOCAL(kl_hash)={HASH}"}, HASH, False),
        ({"Event": "Newexten", "Application": "Read", "AppData": "KEY,/data/cache/bucket-x8Gh,1,,1,4"}, "", True),
        ({"Event": "AGIExecStart", "Command": "WAIT FOR DIGIT 4000"}, "", False),
        ({"Event": "Newexten", "Application": "Playback", "AppData": ""}, "", False),
    ],
)
def test_what_is_played_is_seen_whoever_has_it_played(event: dict[str, str], named: str, playing: bool) -> None:
    assert (named_by(Event(event)), begins(Event(event))) == (named, playing)
