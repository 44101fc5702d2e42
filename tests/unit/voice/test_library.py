import asyncio
import json
import os
import re
import subprocess
import wave
from hashlib import sha256
from pathlib import Path

import pytest

from ami_bridge.voice.errors import LibraryUnwritable, SpeechFailed, UnknownRecording
from ami_bridge.voice.library import AudioLibrary, text_hash, url
from ami_bridge.voice.speech import Choice, Levelled, Speech

TEXT = "We are working on it."


class Counting(Speech):
    """The real engines, counted: how often they spoke, and how many at once."""

    def __init__(self) -> None:
        super().__init__()
        self.spoken = self.running = self.most = 0
        self.started: asyncio.Future[asyncio.Task[object] | None] = asyncio.get_running_loop().create_future()

    async def speak(self, choice: Choice, text: str, workspace: Path) -> Levelled:
        self.spoken += 1
        self.running += 1
        if not self.started.done():
            self.started.set_result(asyncio.current_task())
        self.most = max(self.most, self.running)
        try:
            return await super().speak(choice, text, workspace)
        finally:
            self.running -= 1


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


@pytest.fixture
async def speech() -> Counting:
    return Counting()


@pytest.fixture
def library(tmp_path: Path, speech: Counting) -> AudioLibrary:
    made = AudioLibrary(tmp_path / "audio", speech)
    made.open()
    return made


async def test_a_recording_is_what_its_hash_says_and_is_made_once(
    library: AudioLibrary, speech: Counting, tmp_path: Path
) -> None:
    recording = await library.render(TEXT, "en")
    assert re.fullmatch(r"[0-9a-f]{64}", recording.hash)
    assert recording.path == tmp_path / "audio" / f"{recording.hash}.wav"
    with wave.open(str(recording.path)) as audio:
        assert recording.seconds == audio.getnframes() / 8000 > 0.5
    again = await library.render(f"  {TEXT.replace(' ', '  ')}\n", "EN")
    assert again == recording == library.get(recording.hash)
    assert speech.spoken == 1
    reopened = AudioLibrary(tmp_path / "audio", speech)
    assert await reopened.render(TEXT, "en") == recording
    assert speech.spoken == 1


async def test_other_words_another_language_or_another_voice_are_another_recording(tmp_path: Path) -> None:
    libraries = [AudioLibrary(tmp_path, Speech()), AudioLibrary(tmp_path, Speech(flite_voice="kal16"))]
    made = [
        await libraries[0].render("Yes.", "en"),
        await libraries[0].render("No.", "en"),
        await libraries[0].render("Yes.", "de"),
        await libraries[1].render("Yes.", "en"),
    ]
    assert len({recording.hash for recording in made}) == 4
    assert len({recording.path.read_bytes() for recording in made}) == 4


async def test_callers_who_ask_at_once_get_one_rendering_and_few_run_at_a_time(
    library: AudioLibrary, speech: Counting
) -> None:
    texts = [f"Number {word}." for word in ("one", "two", "three", "four")] * 5
    made = await asyncio.gather(*(library.render(text, "en") for text in texts))
    assert speech.spoken == 4
    assert speech.most == 2
    assert len({recording.hash for recording in made}) == 4


async def test_a_rendering_given_up_by_one_is_done_for_the_other(library: AudioLibrary, speech: Counting) -> None:
    tasks = [asyncio.create_task(library.render(TEXT, "en")) for _ in range(2)]
    at_it = await asyncio.wait_for(speech.started, 10)
    [waiting] = [task for task in tasks if task is not at_it]
    for task in tasks:
        if task is at_it:
            task.cancel()
    recording = await waiting
    assert library.get(recording.hash) == recording
    assert [task.cancelled() for task in tasks if task is at_it] == [True]
    assert speech.spoken == 2


async def test_nothing_half_made_is_left(tmp_path: Path) -> None:
    library = AudioLibrary(tmp_path, Speech(deadline=0.001))
    with pytest.raises(SpeechFailed, match="did not finish"):
        await library.render(TEXT, "en")
    assert names(tmp_path) == []


async def test_what_a_crash_left_is_cleared_but_not_what_another_process_is_making(tmp_path: Path) -> None:
    for name in (".rendering-old", ".rendering-new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "raw.wav").write_bytes(b"RIFF")
    os.utime(tmp_path / ".rendering-old", (0, 0))
    AudioLibrary(tmp_path, Speech()).open()
    assert names(tmp_path) == [".rendering-new"]


@pytest.mark.parametrize("damage", ["no audio", "no sidecar", "half a sidecar", "another sidecar"])
async def test_a_damaged_recording_is_not_offered_and_is_made_again(
    damage: str, library: AudioLibrary, speech: Counting
) -> None:
    recording = await library.render(TEXT, "en")
    sidecar = recording.path.with_suffix(".json")
    assert json.loads(sidecar.read_text())["text"] == TEXT
    if damage == "no audio":
        recording.path.unlink()
    elif damage == "no sidecar":
        sidecar.unlink()
    else:
        sidecar.write_text('{"text": "We' if damage == "half a sidecar" else "[]")
    assert library.get(recording.hash) is None
    assert await library.render(TEXT, "en") == recording
    assert library.path(recording.hash) == recording.path
    assert speech.spoken == 2


TRICKS = ["", "..", "../../etc/passwd", "/etc/passwd", "a" * 63, "A" * 64, "0" * 64, "0" * 64 + "\n", "0" * 60 + "/../"]


@pytest.mark.parametrize("trick", TRICKS)
async def test_only_a_recordings_own_hash_leads_to_a_file(trick: str, library: AudioLibrary, tmp_path: Path) -> None:
    (tmp_path / "audio" / "..wav").write_bytes(b"")
    (tmp_path / "audio" / "..json").write_text('{"text": "", "language": "en", "seconds": 1}')
    assert library.get(trick) is None
    with pytest.raises(UnknownRecording):
        library.path(trick)


async def test_a_directory_that_cannot_be_written_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    library = AudioLibrary(tmp_path / "file" / "audio", Speech())
    with pytest.raises(LibraryUnwritable, match=r"^voice\.directory: .*Not a directory"):
        library.open()
    with pytest.raises(LibraryUnwritable, match=r"^voice\.directory: "):
        await library.render(TEXT, "en")


@pytest.mark.parametrize("text", ["", "  ", "a\x00b", "bell\x07", "x" * 2001])
async def test_a_text_no_engine_should_be_given_is_refused(text: str, library: AudioLibrary) -> None:
    with pytest.raises(ValueError, match="no control codes"):
        await library.render(text, "en")


@pytest.mark.parametrize("language", ["", "e", "../en", "en/..", "-v", "en en"])
async def test_a_language_is_a_tag(language: str, library: AudioLibrary) -> None:
    with pytest.raises(ValueError, match="not a language tag"):
        await library.render(TEXT, language)


def a_tone(file: Path, hz: int) -> None:
    """What an operator might hand in: stereo, 44.1 kHz, a second of silence at either end."""
    file.parent.mkdir(parents=True, exist_ok=True)
    effects = ["synth", "1", "sine", str(hz), "pad", "1", "1"]
    subprocess.run(["sox", "-R", "-n", "-r", "44100", "-c", "2", file, *effects], check=True)


async def test_an_operators_recording_always_wins_and_a_changed_one_is_a_new_address(
    tmp_path: Path, speech: Counting
) -> None:
    library = AudioLibrary(tmp_path / "audio", speech, recorded=tmp_path / "recorded")
    synthesised = await library.render(TEXT, "en", recorded_as="offer")
    by_name, by_words = (tmp_path / "recorded" / "en" / f"{name}.wav" for name in ("offer", text_hash(TEXT)))
    seen = [synthesised.hash]
    for file, hz in ((by_name, 300), (by_name, 400), (by_words, 500)):
        a_tone(file, hz)
        recording = await library.render(TEXT, "en", recorded_as="offer")
        assert 1.0 < recording.seconds < 1.2  # the silence is gone, the tail is there
        assert recording.text == TEXT
        seen.append(recording.hash)
    assert len(set(seen)) == 4
    assert speech.spoken == 1
    assert (await library.render(TEXT, "de", recorded_as="offer")).seconds != recording.seconds  # not in that language


async def test_a_recording_that_is_no_audio_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "recorded" / "en" / "offer.wav"
    broken.parent.mkdir(parents=True)
    broken.write_text("not audio")
    library = AudioLibrary(tmp_path / "audio", Speech(), recorded=tmp_path / "recorded")
    with pytest.raises(SpeechFailed, match=r"sox failed .*en/offer\.wav"):
        await library.render(TEXT, "en", recorded_as="offer")


async def test_a_recording_that_cannot_be_read_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "recorded" / "en" / "offer.wav").mkdir(parents=True)
    library = AudioLibrary(tmp_path / "audio", Speech(), recorded=tmp_path / "recorded")
    with pytest.raises(SpeechFailed, match=r"^voice\.recordings: .*offer\.wav cannot be read"):
        await library.render(TEXT, "en", recorded_as="offer")


@pytest.mark.parametrize("name", ["../offer", "Offer", "", "a/b"])
async def test_a_recording_is_looked_up_by_a_plain_name_only(name: str, library: AudioLibrary) -> None:
    with pytest.raises(ValueError, match="not a phrase's name"):
        await library.render(TEXT, "en", recorded_as=name)


def test_an_address_is_longer_than_the_file_asterisk_caches_it_in() -> None:
    address = url("http://10.0.0.2:8080/", sha256(b"").hexdigest())
    assert address == f"http://10.0.0.2:8080/announcements/{sha256(b'').hexdigest()}.wav"
    assert len(url("http://a", "0" * 64)) > len("/var/cache/asterisk/bucket-XXXXXX.wav")
