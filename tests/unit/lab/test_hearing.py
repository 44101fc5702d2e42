"""What is told from recordings that telephony has worn: real announcements, through sox's G.711 and seeded damage."""

import asyncio
import subprocess
import wave
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ami_bridge.voice.library import AudioLibrary
from ami_bridge.voice.speech import Speech
from docker.lab.hearing import RATE, NotHeard, first_sound, heard, load, longest_silence, match, tone

Samples = NDArray[np.floating]

TEXTS = {
    "incident": "We know about a fault with our telephone lines. It began at ten to nine in the morning. "
    "If you would like us to call you back in turn, press one. Or stay on the line.",
    "another incident": "We know about a fault with our telephone lines. It began at half past two in the afternoon. "
    "If you would like us to call you back in turn, press one. Or stay on the line.",
    "offer": "We are sorry that nobody could answer. Press one, and we will call you back in your turn.",
    "noted": "Thank you. It is written down. We will call you back in your turn. Goodbye.",
    "later": "All right. We will call you again later. Goodbye.",
    "callback": "Hello, this is the clinic calling you back. To be connected now, press one.",
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    library = AudioLibrary(tmp_path_factory.mktemp("audio"), Speech())
    return {name: asyncio.run(library.render(text, "en")).path for name, text in TEXTS.items()}


@pytest.fixture(scope="module")
def audio(files: dict[str, Path]) -> dict[str, Samples]:
    return {name: load(path) for name, path in files.items()}


@pytest.fixture(params=[1, 2])
def chance(request: pytest.FixtureRequest) -> np.random.Generator:
    print("seed", request.param)  # noqa: T201 - shown with a failure
    return np.random.default_rng(request.param)


@pytest.fixture
def record(tmp_path: Path) -> Callable[..., Path]:
    """A recording of parts played one after another, through G.711 if a law is named."""

    def recorded(*parts: Samples, law: str | None = "u-law") -> Path:
        whole = np.clip(np.round(np.concatenate(parts) * 32768), -32768, 32767).astype("<i2")
        file, coded, back = (tmp_path / name for name in ("linear.wav", "coded.wav", "recording.wav"))
        with wave.open(str(file), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(RATE)
            out.writeframes(whole.tobytes())
        if law is None:
            return file
        subprocess.run(["sox", "-D", file, "-e", law, "-b", "8", coded], check=True)
        subprocess.run(["sox", "-D", coded, "-e", "signed-integer", "-b", "16", back], check=True)
        return back

    return recorded


Record = Callable[..., Path]


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE))


def sine(hz: float, seconds: float, level: float = 0.2) -> Samples:
    return np.asarray(level * np.sin(2 * np.pi * hz / RATE * np.arange(round(seconds * RATE))))


def music(seconds: float) -> Samples:
    """Chords that change every half second, as music on hold does to a correlation."""
    roots = (220.0, 247.0, 196.0, 262.0)
    bars = [np.sum([sine(root * step, 0.5, 0.08) for step in (1, 1.25, 1.5, 2)], axis=0) for root in roots]
    return np.asarray(np.resize(np.concatenate(bars), round(seconds * RATE)))


def slipped(samples: Samples, chance: np.random.Generator) -> Samples:
    """Every second or two a jitter buffer repeats or drops 10 to 60 ms."""
    parts, at = [], 0
    while at < len(samples):
        end = at + int(chance.integers(8000, 16000))
        parts.append(samples[at:end])
        at = end + int(chance.integers(80, 480)) * int(chance.choice([-1, 1]))
    return np.concatenate(parts)


def lossy(samples: Samples, chance: np.random.Generator) -> Samples:
    """One packet of 20 ms in fifty is lost, and one burst of 200 ms."""
    out = samples.copy()
    for packet in range(0, len(out), 160):
        if chance.random() < 0.02:
            out[packet : packet + 160] = 0
    burst = int(chance.integers(8000, len(out) - 8000))
    out[burst : burst + 1600] = 0
    return out


def noisy(samples: Samples, chance: np.random.Generator) -> Samples:
    return samples + chance.normal(0, 0.005, len(samples))


def quieter(samples: Samples, chance: np.random.Generator) -> Samples:
    return samples * 10 ** (-chance.uniform(3, 24) / 20)


def everything(samples: Samples, chance: np.random.Generator) -> Samples:
    return noisy(lossy(slipped(quieter(samples, chance), chance), chance), chance)


WEAR = [(wear, "u-law") for wear in (slipped, lossy, noisy, quieter, everything)] + [(everything, "a-law")]


@pytest.mark.parametrize("name", TEXTS)
def test_an_announcement_is_told_from_all_others(
    name: str, files: dict[str, Path], audio: dict[str, Samples], record: Record
) -> None:
    recording = record(silence(1), audio[name], silence(1))
    [only] = heard(recording, files)
    assert only.name == name
    assert only.score > 0.97
    assert only.covered > 0.97
    assert abs(only.start_s - 1) < 0.1
    assert abs(only.end_s - 1 - len(audio[name]) / RATE) < 0.5


@pytest.mark.parametrize(("wear", "law"), WEAR)
def test_it_is_still_told_when_the_network_has_worn_it(
    wear: Callable[[Samples, np.random.Generator], Samples],
    law: str,
    chance: np.random.Generator,
    files: dict[str, Path],
    audio: dict[str, Samples],
    record: Record,
) -> None:
    recording = record(music(2), wear(audio["incident"], chance), music(1), law=law)
    found = heard(recording, files)
    assert [one.name for one in found] == ["incident"], found
    assert found[0].score > 0.75
    assert found[0].covered > 0.8
    assert abs(found[0].start_s - 2) < 0.15


@pytest.mark.parametrize(("name", "part"), [("incident", 0.7), ("offer", 0.4), ("noted", 0.6), ("callback", 0.5)])
def test_a_key_press_ends_an_announcement_and_the_rest_is_not_heard(
    name: str,
    part: float,
    chance: np.random.Generator,
    files: dict[str, Path],
    audio: dict[str, Samples],
    record: Record,
) -> None:
    cut = audio[name][: round(part * len(audio[name]))]
    [found] = heard(record(silence(0.5), slipped(cut, chance), silence(0.3), music(3)), files)
    assert found.name == name
    assert found.score > 0.8
    assert abs(found.covered - part) < 0.12


def test_a_whole_call_is_told_in_order_and_repeats_are_counted(
    files: dict[str, Path], audio: dict[str, Samples], record: Record
) -> None:
    call = [music(3), audio["incident"], silence(2), audio["incident"][: 5 * RATE], audio["noted"], sine(425, 1)]
    found = heard(record(*call), files)
    assert [one.name for one in found] == ["incident", "incident", "noted"]
    assert found[0].covered > 0.97
    assert found[1].covered < 0.6
    assert all(one.end_s < later.start_s + 0.2 for one, later in pairwise(found))


def test_what_was_cut_off_before_two_announcements_differ_is_said_to_be_either(
    files: dict[str, Path], audio: dict[str, Samples], record: Record
) -> None:
    shared = audio["incident"][: round(2.5 * RATE)]
    found = heard(record(silence(1), shared, silence(1)), files)
    assert {one.name for one in found} == {"incident", "another incident"}


def test_an_announcement_heard_to_its_end_is_not_taken_for_the_beginning_of_a_longer_one(
    tmp_path: Path, record: Record
) -> None:
    library = AudioLibrary(tmp_path, Speech())
    texts = {"short": "Thank you. It is noted.", "long": "Thank you. It is noted. We will call you back in your turn."}
    both = {name: asyncio.run(library.render(text, "en")).path for name, text in texts.items()}
    for name, path in both.items():
        assert [one.name for one in heard(record(silence(1), load(path), silence(1)), both)] == [name]


@pytest.mark.parametrize("name", TEXTS)
def test_what_was_not_played_is_not_heard_and_scores_low(
    name: str, files: dict[str, Path], audio: dict[str, Samples], record: Record
) -> None:
    chance, others = np.random.default_rng(7), {"incident": "another incident", "another incident": "incident"}
    played = [audio[other] for other in TEXTS if other not in {name, others.get(name)}]
    recording = record(music(1), *(everything(part, chance) for part in played), sine(425, 1))
    found = match(recording, files[name])
    assert found.score < 0.5 or found.covered < 0.05  # "We" may fit another "We", and is no announcement
    assert heard(recording, {name: files[name]}) == []
    assert name not in [one.name for one in heard(recording, files)]


@pytest.mark.parametrize("sound", [silence(4), music(4), sine(425, 4)], ids=["silence", "music", "tone"])
def test_nothing_is_heard_where_nothing_was_said(sound: Samples, files: dict[str, Path], record: Record) -> None:
    recording = record(sound)
    assert heard(recording, files) == []
    assert all(match(recording, path).score < 0.5 for path in files.values())
    with pytest.raises(NotHeard, match="is not in"):
        first_sound(recording, files["offer"])


@pytest.mark.parametrize("lead", [0.0, 0.37, 2.125])
def test_the_first_sound_is_placed_to_the_millisecond(
    lead: float, files: dict[str, Path], audio: dict[str, Samples], record: Record, chance: np.random.Generator
) -> None:
    recording = record(silence(lead), everything(audio["offer"], chance))
    assert abs(first_sound(recording, files["offer"]) - lead) < 0.015


def test_a_beginning_that_never_arrived_is_not_the_first_sound(
    files: dict[str, Path], audio: dict[str, Samples], record: Record
) -> None:
    clipped = audio["offer"].copy()
    clipped[: round(0.3 * RATE)] = 0
    assert 1.28 < first_sound(record(silence(1), clipped), files["offer"]) < 1.40


def test_a_recording_that_begins_within_an_announcement_is_still_told(
    files: dict[str, Path], audio: dict[str, Samples], record: Record
) -> None:
    late = record(audio["offer"][round(2.2 * RATE) :], silence(1))
    [found] = heard(late, files)
    assert found.name == "offer"
    assert found.start_s < 0.1
    assert 0.5 < found.covered < 0.8


def test_silence_and_tones_are_measured_where_they_are(audio: dict[str, Samples], record: Record) -> None:
    ringback = sine(440, 1, 0.1) + sine(480, 1, 0.1)
    recording = record(sine(425, 1), silence(1.5), ringback, audio["offer"])
    assert longest_silence(recording, 0, 4) == pytest.approx(1.5, abs=0.03)
    assert longest_silence(recording, 0, 1) == 0
    assert longest_silence(recording, 3.5) < 1
    assert tone(recording, 425, 0, 1) > 0.95
    assert tone(recording, 425, 0, 2.5) == pytest.approx(0.4, abs=0.05)
    assert tone(recording, 440, 2.5, 3.5) > 0.9
    assert tone(recording, 480, 2.5, 3.5) > 0.9
    assert tone(recording, 425, 3.5) < 0.1
    assert tone(recording, 1000, 0) < 0.02


def test_a_recording_in_progress_is_read_as_far_as_it_goes(audio: dict[str, Samples], record: Record) -> None:
    recording = record(audio["offer"], law=None)
    data = bytearray(recording.read_bytes())
    data[40:44] = bytes(4)  # the length is written when the file is closed
    recording.write_bytes(data + b"\x01")
    assert len(load(recording)) == len(audio["offer"])


def test_both_sides_of_a_stereo_recording_are_heard(
    files: dict[str, Path], audio: dict[str, Samples], record: Record, tmp_path: Path
) -> None:
    stereo = tmp_path / "stereo.wav"
    one = record(silence(1), audio["offer"])
    subprocess.run(["sox", "-D", "-M", one, one, stereo], check=True)
    assert [found.name for found in heard(stereo, files)] == ["offer"]


def test_other_audio_is_refused_by_name(tmp_path: Path) -> None:
    wide = tmp_path / "wide.wav"
    subprocess.run(["sox", "-n", "-r", "16000", "-b", "16", wide, "synth", "1", "sine", "300"], check=True)
    with pytest.raises(ValueError, match=r"wide\.wav is not 16-bit audio at 8000 Hz"):
        load(wide)
