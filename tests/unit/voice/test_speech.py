"""The real engines and sox, asked to speak; what they must not do is played by small programs that do it."""

import asyncio
import math
import os
import shutil
import struct
import time
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ami_bridge.voice.errors import EngineMissing, SpeechFailed
from ami_bridge.voice.speech import Levelled, Speech

SENTENCE = "Hello, this is the support line. We are working on it."
FULL_SCALE = 32768


def samples(wav: Path, rate: int = 8000) -> tuple[int, ...]:
    with wave.open(str(wav)) as audio:
        assert (audio.getframerate(), audio.getsampwidth(), audio.getnchannels()) == (rate, 2, 1)
        return struct.unpack(f"<{audio.getnframes()}h", audio.readframes(audio.getnframes()))


def decibels(value: float) -> float:
    return 20 * math.log10(max(value, 1e-9) / FULL_SCALE)


def program(folder: Path, name: str, script: str) -> Path:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return file


@pytest.fixture
def only(tmp_path: Path) -> Path:
    """A search path with nothing on it but what a test puts there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


def link(folder: Path, *names: str) -> None:
    for name in names:
        found = shutil.which(name)
        assert found, f"install {name}"
        (folder / name).symlink_to(found)


async def both(speech: Speech, text: str, language: str, workspace: Path) -> Levelled:
    return await speech.speak(speech.choices(language)[0], text, workspace)


async def spoken(speech: Speech, text: str, language: str, workspace: Path) -> Path:
    return (await both(speech, text, language, workspace)).narrow


@pytest.mark.parametrize("rate", [8000, 16000])
@pytest.mark.parametrize("engine", ["flite", "espeak-ng"])
async def test_speech_starts_at_once_and_is_as_loud_as_a_caller_expects(
    engine: str, rate: int, only: Path, tmp_path: Path
) -> None:
    link(only, engine, "sox")
    speech = Speech(search_path=str(only))
    assert speech.check("en").engine.name == engine
    made = await both(speech, SENTENCE, "en", tmp_path)
    heard = samples(made.narrow if rate == 8000 else made.wide, rate)
    loudest = max(map(abs, heard))
    audible = loudest * 10 ** (-40 / 20)
    first = next(i for i, value in enumerate(heard) if abs(value) > audible)
    last = next(i for i in range(len(heard) - 1, 0, -1) if abs(heard[i]) > audible)
    rms = math.sqrt(sum(value * value for value in heard) / len(heard))
    assert first <= 0.020 * rate
    assert 0.1 * rate <= len(heard) - last <= 0.25 * rate
    assert set(heard[-int(0.0975 * rate) :]) == {0}
    assert -8 < decibels(loudest) <= -2.9
    assert -21 < decibels(rms) < -15
    assert 2 < len(heard) / rate < 8


async def test_both_rates_say_the_same_as_loud_as_each_other(tmp_path: Path) -> None:
    made = await both(Speech(), SENTENCE, "en", tmp_path)
    narrow, wide = np.array(samples(made.narrow), float), np.array(samples(made.wide, 16000), float)
    assert len(wide) / 16000 == pytest.approx(len(narrow) / 8000, abs=0.001)
    assert decibels(float(np.sqrt((wide**2).mean()))) == pytest.approx(
        decibels(float(np.sqrt((narrow**2).mean()))), abs=1.5
    )
    # Above 4 kHz the wide one has what the narrow one cannot have; below, they are the same.
    spectrum = np.abs(np.fft.rfft(wide))
    assert (spectrum[len(spectrum) // 2 :] ** 2).sum() > 1e-4 * (spectrum**2).sum()
    spectrum[len(spectrum) // 2 :] = 0
    low = np.fft.irfft(spectrum * np.exp(1j * np.angle(np.fft.rfft(wide))), len(wide))[::2]
    length = min(len(low), len(narrow))
    assert np.corrcoef(low[:length], narrow[:length])[0, 1] > 0.97


async def test_the_same_words_give_the_same_audio(tmp_path: Path) -> None:
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        made.append(samples(await spoken(Speech(), SENTENCE, "en", tmp_path / name)))
    assert made[0] == made[1]


@pytest.mark.parametrize("text", ["-o /tmp/x --help", "$(touch owned) `touch owned`; touch owned", '"quoted" <b>&</b>'])
async def test_a_text_is_read_and_never_obeyed(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(samples(await spoken(Speech(), text, "en", tmp_path))) > 4000
    assert not (tmp_path / "owned").exists()


async def test_accents_and_typographic_quotes_do_not_stop_flite(tmp_path: Path) -> None:
    audio = samples(await spoken(Speech(), "Caf\u00e9 M\u00fcller says \u201cwe\u2019re back\u201d.", "en", tmp_path))
    assert len(audio) > 8000


async def test_other_languages_are_read_by_espeak_ng_with_a_voice_of_theirs(tmp_path: Path) -> None:
    [choice] = Speech().choices("de-at")
    assert (choice.engine.name, choice.voice.name) == ("espeak-ng", "de")
    assert len(samples(await spoken(Speech(), "Guten Morgen.", "de-at", tmp_path))) > 4000


def test_a_configured_piper_voice_comes_first_and_only_for_its_language(only: Path, tmp_path: Path) -> None:
    link(only, "flite", "espeak-ng")
    speech = Speech(piper_voices={"en": tmp_path / "en_US-joe-medium.onnx"}, search_path=str(only))
    assert speech.choices("en")[0].engine.name == "flite"  # not installed: a voice alone is no engine
    program(only, "piper", "exit 1")
    assert (speech.choices("en-us")[0].engine.name, speech.choices("en-us")[0].voice.name) == (
        "piper",
        "en_US-joe-medium",
    )
    assert speech.choices("fr")[0].engine.name == "espeak-ng"


def test_a_missing_engine_names_what_to_install(only: Path) -> None:
    speech = Speech(search_path=str(only))
    with pytest.raises(EngineMissing, match="install flite or espeak-ng"):
        speech.choices("en")
    with pytest.raises(EngineMissing, match="'fr' is installed: install espeak-ng"):
        speech.choices("fr")
    link(only, "flite")
    with pytest.raises(EngineMissing, match="install the package sox"):
        speech.check("en")


async def test_an_engine_without_the_voice_is_reported_in_its_own_words(tmp_path: Path) -> None:
    with pytest.raises(SpeechFailed, match=r"espeak-ng failed .*voice does not exist"):
        await spoken(Speech(), "hello", "xx", tmp_path)


async def test_an_engine_that_ends_well_without_audio_is_not_believed(only: Path, tmp_path: Path) -> None:
    link(only, "sox")
    program(only, "flite", "echo cannot write >&2")
    with pytest.raises(SpeechFailed, match="flite made no audio: cannot write"):
        await spoken(Speech(search_path=str(only)), "hello", "en", tmp_path)


@pytest.mark.parametrize("text", ["\u041f\u0440\u0438\u0432\u0435\u0442", "..."])
async def test_silence_is_not_taken_for_an_announcement(text: str, tmp_path: Path) -> None:
    with pytest.raises(SpeechFailed, match="no audible speech"):
        await spoken(Speech(), text, "en", tmp_path)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def eventually(true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 5
    for _ in iter(lambda: time.monotonic() < deadline, False):
        if true():
            return True
        await asyncio.sleep(0.01)
    return False


def pid_in(file: Path) -> int:
    """The process id a program wrote to `file`; 0 while it has not."""
    return int(file.read_text().strip() or 0) if file.exists() else 0


HANGS = 'sleep 600 & echo $! > "{child}"; wait'
LEAVES_A_CHILD = 'sleep 600 & echo $! > "{child}"'  # which keeps standard error open


@pytest.mark.parametrize("script", [HANGS, LEAVES_A_CHILD])
async def test_an_engine_that_overruns_is_stopped_with_its_children(script: str, only: Path, tmp_path: Path) -> None:
    child = tmp_path / "child"
    program(only, "flite", script.format(child=child))
    speech = Speech(search_path=str(only), deadline=1)
    with pytest.raises(SpeechFailed, match="flite did not finish within 1 s"):
        await spoken(speech, "hello", "en", tmp_path)
    assert pid_in(child) > 0
    assert await eventually(lambda: not alive(pid_in(child)))


async def test_an_engine_ends_when_nobody_waits_for_it_any_more(only: Path, tmp_path: Path) -> None:
    child = tmp_path / "child"
    program(only, "flite", HANGS.format(child=child))
    task = asyncio.create_task(spoken(Speech(search_path=str(only)), "hello", "en", tmp_path))
    assert await eventually(lambda: pid_in(child) > 0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await eventually(lambda: not alive(pid_in(child)))


async def test_an_engine_is_not_given_our_secrets(only: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEEPLINE_AMI_SECRET", "hunter2")
    assert os.environ["KEEPLINE_AMI_SECRET"]
    program(only, "flite", f'env > "{tmp_path}/environment"')
    with pytest.raises(SpeechFailed, match="made no audio"):
        await spoken(Speech(search_path=str(only)), "hello", "en", tmp_path)
    seen = (tmp_path / "environment").read_text()
    assert "PATH=" in seen
    assert "hunter2" not in seen
