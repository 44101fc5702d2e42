from pathlib import Path

import pytest
from jinja2 import Environment, meta

from ami_bridge.voice.phrases import FACTS, PACKAGED, Phrase, PhraseError, Phrases

PHRASES = Phrases()
EXAMPLE = {
    "what": "our telephone lines",
    "since": "ten to nine in the morning",
    "next_word": "half past two in the afternoon",
    "fixed": "noon",
    "until": "ten past three in the afternoon on Monday",
    "tenant": "Smith & Sons",
}
EVERY = [(language, phrase) for language in sorted(PHRASES.languages) for phrase in Phrase]


def said(phrase: Phrase) -> str:
    return PHRASES.say(phrase, **{name: EXAMPLE[name] for name in FACTS.get(phrase, ())}).text


@pytest.mark.parametrize(("language", "phrase"), EVERY)
def test_every_language_has_every_phrase_and_uses_exactly_its_facts(language: str, phrase: Phrase) -> None:
    source = (PACKAGED / language / f"{phrase.value}.txt.j2").read_text(encoding="utf-8")
    assert meta.find_undeclared_variables(Environment().parse(source)) == FACTS.get(phrase, frozenset())


def test_no_template_is_without_a_phrase() -> None:
    templates = {file.name.removesuffix(".txt.j2") for file in PACKAGED.glob("*/*")}
    assert templates == {phrase.value for phrase in Phrase}


@pytest.mark.parametrize("phrase", Phrase)
def test_english_is_plain_sentences_that_an_engine_reads_as_written(phrase: Phrase) -> None:
    text = said(phrase)
    assert text[0].isupper()
    assert text.endswith(".")
    assert not any(c.isdigit() for c in text)
    assert len(text.split()) <= 75


def test_an_incident_says_what_since_when_and_when_the_next_word_comes_and_both_keys() -> None:
    text = said(Phrase.INCIDENT)
    for part in ("our telephone lines", EXAMPLE["since"], EXAMPLE["next_word"], "press one", "press two", "stay"):
        assert part in text


def test_planned_work_says_on_what_and_until_when() -> None:
    text = said(Phrase.MAINTENANCE)
    assert EXAMPLE["what"] in text
    assert EXAMPLE["until"] in text


@pytest.mark.parametrize("phrase", [Phrase.INCIDENT_SUSPECTED, Phrase.INCIDENT_SUSPECTED_FIRST])
def test_what_is_only_suspected_is_told_as_not_sure_and_no_call_when_fixed_is_offered(phrase: Phrase) -> None:
    text = said(phrase)
    assert "not sure" in text
    assert "we know" not in text.lower()
    assert "fixed" not in text
    assert "press two" not in text


@pytest.mark.parametrize("phrase", [phrase for phrase in Phrase if phrase.value.endswith("_first")])
def test_a_first_word_names_no_time_and_has_a_full_story_that_does(phrase: Phrase) -> None:
    full = FACTS[Phrase(phrase.value.removesuffix("_first"))]
    assert FACTS.get(phrase, frozenset()) == full & {"what"}
    assert full & {"since", "next_word", "until"}


@pytest.mark.parametrize("phrase", [Phrase.OFFER_NO_NUMBER, Phrase.NOT_NOTED, Phrase.CALLBACK_DECLINED])
def test_no_call_is_promised_where_none_will_be_made(phrase: Phrase) -> None:
    text = said(phrase)
    assert "we will call you" not in text.lower()
    assert "press" not in text


def test_text_for_the_ear_is_not_escaped_for_a_page() -> None:
    assert "Smith & Sons" in said(Phrase.CALLBACK)


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"what": "x", "why": "y"},
        {"what": ""},
        {"what": "  \n "},
        {"what": "a\x00b"},
        {"what": "a\x1b[2Jb"},
        {"what": "a\u202eb"},
        {"what": "x" * 201},
    ],
)
def test_a_phrase_without_its_facts_or_with_unspeakable_ones_is_refused(facts: dict[str, str]) -> None:
    with pytest.raises(PhraseError, match="incident_first"):
        PHRASES.say(Phrase.INCIDENT_FIRST, **facts)


def test_a_fact_is_text_and_never_a_template() -> None:
    assert "{{ 7 * 7 }}" in PHRASES.say(Phrase.INCIDENT_FIRST, what="{{ 7 * 7 }}").text


def test_only_a_phrase_without_facts_can_be_replaced_by_a_recording_of_its_name() -> None:
    assert PHRASES.say(Phrase.OFFER).recorded_as == "offer"
    assert PHRASES.say(Phrase.INCIDENT_FIRST, what="the line").recorded_as is None


def test_a_language_added_as_a_folder_is_spoken_and_what_it_lacks_is_said_in_english(tmp_path: Path) -> None:
    for language, words in (("en", "Goodbye."), ("de", "Auf   Wieder-\nhören.")):
        (tmp_path / language).mkdir()
        (tmp_path / language / "offer.txt.j2").write_text(words, encoding="utf-8")
    (tmp_path / "en" / "not_noted.txt.j2").write_text("Sorry.", encoding="utf-8")
    phrases = Phrases(tmp_path)
    german = phrases.say(Phrase.OFFER, "de_AT")
    assert (german.text, german.language) == ("Auf Wieder- hören.", "de")
    for language in ("de", "fr", "../en", ""):
        fallback = phrases.say(Phrase.NOT_NOTED, language)
        assert (fallback.text, fallback.language) == ("Sorry.", "en")


def test_a_broken_template_names_itself(tmp_path: Path) -> None:
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "offer.txt.j2").write_text("{{ number }}", encoding="utf-8")
    with pytest.raises(PhraseError, match=r"'offer' in language 'en': 'number' is undefined"):
        Phrases(tmp_path).say(Phrase.OFFER)
