"""`keepline say`, run as anybody would: without settings, without a companion."""

import wave
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ami_bridge.cli import commands
from ami_bridge.cli_voice import facts_of
from ami_bridge.voice.phrases import FACTS, Phrase

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory to stand in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def say(*arguments: str) -> None:
    commands(["say", *arguments], result_action="return_value")


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        say(*arguments)
    assert ended.value.code == 2
    seen = capsys.readouterr()
    assert seen.err.startswith("keepline: ")
    return seen.err


GERMAN = ["incident", "--language", "de", "--fact", "what=unsere Hauptleitung", "--fact", "since=heute früh"]


def test_a_phrase_is_told_as_text(capsys: pytest.CaptureFixture[str], nowhere: Path) -> None:
    say(*GERMAN)
    assert capsys.readouterr().out == (
        "Uns ist eine Störung bekannt. Folgendes ist betroffen: unsere Hauptleitung. "
        "Die Störung begann um heute früh, und wir arbeiten daran.\n"
    )
    assert list(nowhere.iterdir()) == []


@pytest.mark.parametrize(("options", "rate"), [([], 8000), (["--wide"], 16000)])
def test_audio_goes_to_a_file_and_nothing_else_is_left(
    options: list[str], rate: int, capsys: pytest.CaptureFixture[str], nowhere: Path
) -> None:
    say("waiting_place", "--language", "fr", "--out", "place.wav", *options)
    text, written = capsys.readouterr().out.splitlines()
    assert text == "Vous gardez votre place dans la file d'attente."
    with wave.open(str(nowhere / "place.wav")) as audio:
        assert audio.getframerate() == rate
        assert written == f"place.wav: {audio.getnframes() / rate:.1f} s"
        assert audio.getnframes() > rate
    assert [file.name for file in nowhere.iterdir()] == ["place.wav"]


def test_words_of_ones_own_are_spoken_too(capsys: pytest.CaptureFixture[str], nowhere: Path) -> None:
    say("--text", "  Hola,  buenos días. ", "--language", "es", "--out", "hola.wav")
    assert capsys.readouterr().out.startswith("Hola, buenos días.\nhola.wav: ")
    assert "hola.wav is there already" in refused(capsys, "--text", "Hola", "--out", "hola.wav")
    before = (nowhere / "hola.wav").read_bytes()
    say("--text", "Adiós", "--language", "es", "--out", "hola.wav", "--force")
    assert (nowhere / "hola.wav").read_bytes() != before


def test_the_list_tells_every_phrase_with_its_facts_and_words(capsys: pytest.CaptureFixture[str]) -> None:
    say("--list", "--language", "de")
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(" ")[0] for line in lines[::2]] == [phrase.value for phrase in Phrase]
    at = lines.index("known_promise_due (asked, due)")
    assert lines[at + 1].endswith("Wir rufen Sie voraussichtlich gegen [due] an.")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "name a phrase, or give --text"),
        (["offer", "--text", "x"], "name a phrase, or give --text"),
        (["ofer"], "there is no phrase 'ofer'; there are: agent_about, agent_callback"),
        (["offer", "--language", "xx"], "there is no language 'xx'; there are: de, en, es, fr"),
        (["incident", "--fact", "since=noon"], "what is missing. It takes --fact since=..., --fact what=..."),
        (["offer", "--fact", "what=x"], "what is no fact of it. It takes no facts"),
        (["incident_first", "--fact", "what"], "--fact what: a fact is NAME=VALUE"),
        (["incident_first", "--fact", "what= "], "a fact is NAME=VALUE"),
        (["incident_first", "--fact", "what=a\x1bb"], "without control codes"),
        (["--text", " "], "--text: there are no words in it"),
        (["--text", "x" * 2001, "--out", "x.wav"], "1 to 2000 characters"),
        (["--text", "x", "--fact", "a=b"], "a text of your own has no facts"),
        (["--text", "x", "--out", "nowhere/x.wav"], "--out: the file cannot be written: No such file or directory"),
        (["offer", "-c", "other.toml"], "other.toml"),
    ],
)
def test_what_cannot_be_said_is_told_with_what_can(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str], nowhere: Path
) -> None:
    assert complaint in refused(capsys, *arguments)
    assert list(nowhere.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("2026-11-22T09:00", "nine o'clock in the morning"),
        ("2026-11-22 09:00:30", "nine o'clock in the morning"),
        ("2026-11-22T09:00+01:00", "eight o'clock in the morning"),
        ("2026-11-20T14:30", "half past two in the afternoon on Friday"),
        ("14:30", "half past two in the afternoon"),
        ("a little while ago", "a little while ago"),
        ("25:00", "25:00"),
    ],
)
def test_times_are_read_as_people_write_them(given: str, said: str) -> None:
    assert facts_of(Phrase.INCIDENT_SURGE, {"since": given}, "en", NOW) == {"since": said}


def test_a_reference_is_spelled_and_a_name_is_left_as_it_is() -> None:
    given = {"reference": "AC-12", "opened": "09:00"}
    assert facts_of(Phrase.KNOWN_TICKET, given, "de", NOW) == {
        "reference": "A, C, Strich, eins zwei",
        "opened": "neun Uhr",
    }
    assert facts_of(Phrase.INCIDENT_FIRST, {"what": "09:00"}, "en", NOW) == {"what": "09:00"}
    assert FACTS[Phrase.KNOWN_TICKET] == given.keys()
