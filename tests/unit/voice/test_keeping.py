"""What operators hand in, recordings joined, and recordings nobody asks for any more."""

import asyncio
import os
import struct
import subprocess
import threading
import time
import wave
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from ami_bridge.voice.errors import EngineMissing, UnknownRecording, Unusable, VoiceError
from ami_bridge.voice.library import GAP, MOST_BYTES, AudioLibrary, Recording
from ami_bridge.voice.speech import Speech
from ami_bridge.voice.wavs import of_telephone

DAY = timedelta(days=1)


@pytest.fixture
def library(tmp_path: Path) -> AudioLibrary:
    made = AudioLibrary(tmp_path / "audio", Speech())
    made.open()
    return made


def sound(folder: Path, ending: str, *effects: str, form: tuple[str, ...] = ("-r", "44100", "-c", "2")) -> bytes:
    """What sox makes of nothing with `effects`, as the content of a file of the kind `ending`."""
    file = folder / f"sound.{ending}"
    subprocess.run(["sox", "-R", "-n", *form, file, *effects], check=True, capture_output=True)
    return file.read_bytes()


def samples(file: Path) -> np.ndarray:
    with wave.open(str(file)) as audio:
        return np.frombuffer(audio.readframes(audio.getnframes()), "<i2").astype(float)


def decibels(values: np.ndarray) -> float:
    return float(20 * np.log10(np.sqrt((values**2).mean()) / 32768))


def names(library_folder: Path) -> list[str]:
    return sorted(file.name for file in library_folder.iterdir())


TONE = ("synth", "1.5", "sine", "440", "gain", "-30", "pad", "1", "2")


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "aiff", "au", "voc", "caf"])
async def test_an_operators_recording_may_have_any_format_and_becomes_like_speech(
    ending: str, library: AudioLibrary, tmp_path: Path
) -> None:
    kept = await library.keep(sound(tmp_path, ending, *TONE), "de_AT")
    assert (kept.text, kept.language) == ("", "de-at")
    assert 1.5 < kept.seconds < 1.8  # the silence around it is gone, the tail is there
    heard, wide = samples(kept.path), samples(kept.wide)
    assert abs(len(wide) - 2 * len(heard)) <= 16
    for values in (heard, wide):
        assert -19 < decibels(values) < -14
        assert np.abs(values).max() < 32768 * 10 ** (-2.8 / 20)
    assert library.get(kept.hash) == kept


async def test_a_recording_is_named_by_its_content_and_language(library: AudioLibrary, tmp_path: Path) -> None:
    one, other = (sound(tmp_path, "wav", "synth", "1", "sine", pitch) for pitch in ("300", "400"))
    kept = [await library.keep(one, "en"), await library.keep(other, "en"), await library.keep(one, "fr")]
    assert len({recording.hash for recording in kept}) == 3
    before = kept[0].path.stat().st_mtime_ns
    assert await library.keep(one, "en") == kept[0]
    assert kept[0].path.stat().st_mtime_ns == before


async def test_what_a_pbx_recorded_of_a_call_is_kept_like_any_other(library: AudioLibrary, tmp_path: Path) -> None:
    raw = sound(tmp_path, "ul", "synth", "1.2", "sine", "500", form=("-r", "8000", "-c", "1"))
    assert len(raw) == 9600
    assert 1.2 < (await library.keep(of_telephone(raw), "en")).seconds < 1.4
    assert (await library.keep(of_telephone(raw[:-1]), "en")).seconds > 1.2


def wav(rate: int = 8000, channels: int = 1, data: bytes = b"\x01\x40" * 8000, claims: int | None = None) -> bytes:
    """A WAV whose header may lie."""
    long = len(data) if claims is None else claims
    form = struct.pack("<HHIIHH", 1, channels, rate, min(rate * channels * 2, 2**32 - 1), min(channels * 2, 65535), 16)
    return (
        b"RIFF"
        + struct.pack("<I", 36)
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + form
        + b"data"
        + struct.pack("<I", long)
        + data
    )


HOSTILE: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "not empty"),
    "too big": (bytes(MOST_BYTES + 1), "at most 10 MB"),
    "a web page": (b"<!doctype html><title>x</title>", "no audio file that sox can read"),
    "options": (b"--help\n-o /tmp/owned\n", "no audio file that sox can read"),
    "a playlist": (b"#EXTM3U\n/etc/passwd\n", "no audio file that sox can read"),
    "another playlist": (b"[playlist]\nFile1=/etc/passwd\nNumberOfEntries=1\n", "no audio file that sox can read"),
    "zeros": (bytes(100_000), "no audio file that sox can read"),
    "half a header": (wav()[:30], "no audio file that sox can read"),
    "one sample a second": (wav(rate=1), "1 channels at 1 Hz is not that of a voice"),
    "four thousand million a second": (wav(rate=4_000_000_000), "at 4e\\+09 Hz is not that of a voice"),
    "no rate": (wav(rate=0), "no audio file that sox can read"),
    "no channel": (wav(channels=0), "no audio file that sox can read"),
    "a stadium": (wav(channels=65535, data=bytes(200_000)), "65535 channels"),
    "silence": (wav(data=bytes(32_000)), "nothing can be heard"),
    "hiss": (wav(data=b"\x10\x00\xf0\xff" * 8000), "nothing can be heard"),
    "a click": (
        wav(data=bytes(8000) + b"\x00\x40\x00\xc0" * 800 + bytes(8000)),
        "0.5 s to 300 s long; this one holds 0.2 s",
    ),
    "a lecture": (wav(rate=4000, data=b"\x00\x40\x00\xc0" * 660_000), "this one holds 330.0 s"),
    "a day": (wav(rate=4000, data=b"\x00\x40\x00\xc0" * 2_000_000), "longer than 360 s"),
}


@pytest.mark.parametrize("what", HOSTILE)
async def test_what_callers_cannot_be_played_is_refused_and_nothing_is_left(
    what: str, library: AudioLibrary, tmp_path: Path
) -> None:
    audio, reason = HOSTILE[what]
    with pytest.raises(Unusable, match=reason) as caught:
        await library.keep(audio, "en")
    assert str(tmp_path) not in str(caught.value)
    assert names(tmp_path / "audio") == []


async def test_a_header_that_claims_more_than_there_is_costs_nothing(library: AudioLibrary) -> None:
    kept = await library.keep(wav(data=b"\x00\x40\x00\xc0" * 4000, claims=2**32 - 1), "en")
    assert 1.0 <= kept.seconds < 1.2


async def test_a_recording_needs_sox_and_a_language(tmp_path: Path) -> None:
    bare = AudioLibrary(tmp_path / "audio", Speech(search_path=str(tmp_path)))
    with pytest.raises(EngineMissing, match="install the package sox"):
        await bare.keep(wav(), "en")
    with pytest.raises(ValueError, match="not a language tag"):
        await bare.keep(wav(), "../en")


async def test_joined_recordings_are_heard_one_after_another(library: AudioLibrary, tmp_path: Path) -> None:
    own = await library.keep(sound(tmp_path, "wav", *TONE), "en")
    rest = [await library.render(text, "en") for text in ("Press one.", "Or stay on the line.")]
    joined = await library.join([own, *rest])
    assert (joined.text, joined.language) == ("Press one. Or stay on the line.", "en")
    gap = GAP - 0.1
    assert joined.seconds == pytest.approx(sum(one.seconds for one in (own, *rest)) + 2 * gap, abs=0.001)
    for rate, path in ((8000, joined.path), (16000, joined.wide)):
        parts = [samples(one.path if rate == 8000 else one.wide) for one in (own, *rest)]
        silence = np.zeros(round(gap * rate))
        assert np.array_equal(samples(path), np.concatenate([parts[0], silence, parts[1], silence, parts[2]]))
    assert await library.join([own, *rest]) == joined
    assert (await library.join([*rest, own])).hash != joined.hash


async def test_joining_needs_two_recordings_that_are_there(library: AudioLibrary) -> None:
    one, other = [await library.render(text, "en") for text in ("Yes.", "No.")]
    with pytest.raises(ValueError, match="fewer than two"):
        await library.join([one])
    other.wide.unlink()
    with pytest.raises(UnknownRecording, match="there no more") as caught:
        await library.join([one, other])
    assert isinstance(caught.value, VoiceError)


def asked_for(recording: Recording, ago: timedelta) -> None:
    """As if the recording had been made and last asked for so long ago."""
    at = time.time() - ago.total_seconds()
    for ending in (".wav", ".wav16", ".json"):
        os.utime(recording.path.with_suffix(ending), (at, at))


async def test_only_what_nobody_uses_or_asked_for_in_a_long_time_is_deleted(
    library: AudioLibrary, tmp_path: Path
) -> None:
    texts = ("Yes.", "No.", "Perhaps.", "Never.")
    yes, no, perhaps, never = [await library.render(text, "en") for text in texts]
    for recording in (yes, no, never):
        asked_for(recording, 15 * DAY)
    strange = tmp_path / "audio" / "notes.txt"
    strange.write_text("not ours")
    os.utime(strange, (0, 0))
    assert library.get(no.hash) == no
    assert await library.tidy({yes.hash}, 14 * DAY) == 1
    assert [library.get(one.hash) is not None for one in (yes, no, perhaps, never)] == [True, True, True, False]
    assert never.path.stem not in {name.partition(".")[0] for name in names(tmp_path / "audio")}
    assert strange.exists()
    assert await library.tidy({yes.hash}, 14 * DAY) == 0
    assert (await library.render("Never.", "en")) == never


@pytest.mark.parametrize("how", ["get", "path", "render", "keep", "join"])
async def test_asking_for_a_recording_in_any_way_keeps_it(how: str, library: AudioLibrary) -> None:
    parts = [await library.render(text, "en") for text in ("Yes.", "No.")]
    made = {"keep": await library.keep(wav(), "en"), "join": await library.join(parts)}.get(how, parts[0])
    asked_for(made, 15 * DAY)
    ask: dict[str, Callable[[], object]] = {
        "get": lambda: library.get(made.hash),
        "path": lambda: library.path(made.hash, wide=True),
        "render": lambda: library.render("Yes.", "en"),
        "keep": lambda: library.keep(wav(), "en"),
        "join": lambda: library.join(parts),
    }
    asked = ask[how]()
    if asyncio.iscoroutine(asked):
        await asked
    await library.tidy((), 14 * DAY)
    assert library.get(made.hash) == made


async def test_what_was_asked_for_just_now_is_not_written_down_again(library: AudioLibrary) -> None:
    made = await library.render("Yes.", "en")
    asked_for(made, timedelta(minutes=59))
    before = made.path.with_suffix(".json").stat().st_mtime_ns
    assert library.get(made.hash) == made
    assert made.path.with_suffix(".json").stat().st_mtime_ns == before


@pytest.mark.parametrize("left", [".wav", ".wav16", ".json"])
async def test_what_is_left_of_a_recording_goes_too(left: str, library: AudioLibrary, tmp_path: Path) -> None:
    made = await library.render("Yes.", "en")
    asked_for(made, 15 * DAY)
    for ending in {".wav", ".wav16", ".json"} - {left}:
        made.path.with_suffix(ending).unlink()
    assert await library.tidy((), 14 * DAY) == 1
    assert names(tmp_path / "audio") == []


async def test_whoever_reads_a_recording_reads_it_to_its_end(library: AudioLibrary) -> None:
    made = await library.render("Yes.", "en")
    content = made.path.read_bytes()
    asked_for(made, 15 * DAY)
    with made.path.open("rb") as reader:
        begin = reader.read(100)
        assert await library.tidy((), 14 * DAY) == 1
        assert begin + reader.read() == content


async def test_tidying_between_those_who_ask_never_takes_what_they_were_given(library: AudioLibrary) -> None:
    """A recording that was found, or made, is there a moment later, however old it was."""
    texts = [f"Number {word}." for word in ("one", "two", "three", "four", "five", "six")]
    for recording in [await library.render(text, "en") for text in texts]:
        asked_for(recording, 15 * DAY)
    over = asyncio.Event()

    async def tidying() -> int:
        taken = 0
        while not over.is_set():
            taken += await library.tidy((), 14 * DAY)
        return taken

    tidier = asyncio.create_task(tidying())
    for round_ in range(5):
        given = await asyncio.gather(*(library.render(text, "en") for text in texts))
        assert [library.get(one.hash) for one in given] == given, round_
        for one in given:
            asked_for(one, 15 * DAY)
    over.set()
    assert await tidier > 0


async def test_a_recording_lost_while_it_is_made_again_is_made_whole(library: AudioLibrary) -> None:
    made = await library.render("Yes.", "en")
    made.path.unlink()
    asked = [asyncio.create_task(library.render("Yes.", "en")), asyncio.create_task(library.tidy((), timedelta(0)))]
    await asyncio.gather(*asked)
    again = await library.render("Yes.", "en")
    assert library.get(again.hash) == again == made


async def test_nobody_is_given_a_recording_that_is_about_to_go(
    library: AudioLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked for between the look at its age and its deletion, it is not there any more, and is made anew."""
    made = await library.render("Yes.", "en")
    asked_for(made, 15 * DAY)
    given: list[Recording | None] = []
    asking = threading.Thread(target=lambda: given.append(library.get(made.hash)))
    unlink = Path.unlink

    def slowly(file: Path, missing_ok: bool = False) -> None:
        if asking.ident is None:
            asking.start()
            asking.join(0.3)
        unlink(file, missing_ok)

    monkeypatch.setattr(Path, "unlink", slowly)
    assert await library.tidy((), 14 * DAY) == 1
    await asyncio.to_thread(asking.join)
    assert given == [None]
    assert await library.render("Yes.", "en") == made
