import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import meta

from ami_bridge.voice.catalogue import TIMES
from ami_bridge.voice.phrases import FACTS, PACKAGED, Phrase, PhraseError, Phrases
from ami_bridge.voice.tongues import TONGUES

PHRASES = Phrases()
LANGUAGES = sorted(TONGUES)
EXAMPLES = {
    "en": {"what": "our telephone lines", "tenant": "Smith & Sons"},
    "es": {"what": "nuestras líneas", "tenant": "Pérez e Hijos"},
    "de": {"what": "unsere Telefonleitungen", "tenant": "Müller & Söhne"},
    "fr": {"what": "nos lignes", "tenant": "Dupont & Fils"},
}
EVERY = [(language, phrase) for language in LANGUAGES for phrase in Phrase]

each_language = pytest.mark.parametrize("language", LANGUAGES)


def example(phrase: Phrase, language: str) -> dict[str, str]:
    """Facts for a phrase; a time is a word of its own, to be found again."""
    return {name: EXAMPLES[language].get(name, f"zzz{name}zzz") for name in FACTS[phrase]}


def said(phrase: Phrase, language: str = "en") -> str:
    words = PHRASES.say(phrase, language, **example(phrase, language))
    assert words.language == language
    return words.text


def source(language: str, phrase: Phrase) -> str:
    return (PACKAGED / language / f"{phrase.value}.txt.j2").read_text(encoding="utf-8")


def test_the_languages_are_those_that_times_can_be_said_in() -> None:
    assert sorted(PHRASES.languages) == LANGUAGES == ["de", "en", "es", "fr"]


@each_language
def test_every_language_has_every_phrase_and_uses_exactly_its_facts(language: str) -> None:
    for phrase in Phrase:
        parsed = PHRASES._environments[language].parse(source(language, phrase))
        assert (phrase, meta.find_undeclared_variables(parsed)) == (phrase, FACTS[phrase])
        text = said(phrase, language)
        assert [value for value in example(phrase, language).values() if value not in text] == []


def test_no_template_is_without_a_phrase() -> None:
    templates = {file.name.removesuffix(".txt.j2") for file in PACKAGED.glob("*/*")}
    assert templates == {phrase.value for phrase in Phrase}


@each_language
def test_a_phrase_is_plain_sentences_that_an_engine_reads_as_written(language: str) -> None:
    for phrase in Phrase:
        text = said(phrase, language)
        assert all(sentence[0].isupper() for sentence in text.split(". ")), text
        assert text.endswith("."), text
        assert not any(c.isdigit() or c in "{}|<>[]()/\u2019\u00a0" for c in text), text
        assert len(text.split()) <= 80, text


# Words that no sentence of a language does without for long, and that the others do not have.
SMALL_WORDS = {
    "en": "the you your we is are to this that has",
    "es": "esta estos nadie el la los las le usted en de que y su lo una un hay por para es ha más no",
    "de": "der die das sie wir ist und es nicht wird haben den eine ihr ihre kann im uns jetzt niemand in an",
    "fr": "le la les vous nous est une un de des pas et votre ce sur c'est à en que être plus au",
}
ONLY = {
    language: set(words.split())
    - {word for other, more in SMALL_WORDS.items() if other != language for word in more.split()}
    for language, words in SMALL_WORDS.items()
}


@each_language
def test_a_phrase_is_in_its_own_language_and_no_other(language: str) -> None:
    for phrase in set(Phrase) - {Phrase.DIGIT_PLUS}:  # which is one word, and the same in three of them
        words = re.findall(r"[\w']+", re.sub(r"\{\{.*?\}\}", "", source(language, phrase)).lower())
        seen = {other: sum(word in ONLY[other] for word in words) for other in LANGUAGES}
        assert max(seen.values()) == seen[language], phrase
        assert language == "en" or seen["en"] == 0, phrase
        assert seen[language] > 0 or len(words) <= 6, phrase


@each_language
def test_a_time_stands_after_a_preposition_its_language_chose(language: str) -> None:
    may = {"en": {"since", "until"}, "es": {"desde"}}.get(language, set())
    for phrase in Phrase:
        bare = re.findall(r"(\w+) \{\{ (\w+) \}\}", source(language, phrase))
        assert {word.lower() for word, name in bare if name in TIMES} <= may, phrase


# What callers are addressed with where it is not politely.
FAMILIAR = {
    "de": r"\b(du|dich|dir|dein\w*|ihr seid|euch|drück|bleib|ruf)\b",
    "es": r"\b(tú|te|tu|tus|marca|pulsa|llama ahora|vuestr\w+|os)\b",
    "fr": r"\b(tu|te|toi|ton|ta|tes|appuie|reste)\b",
    "en": r"\b(hey|guys)\b",
}


@each_language
def test_callers_are_addressed_politely(language: str) -> None:
    for phrase in Phrase:
        assert re.findall(FAMILIAR[language], said(phrase, language).lower()) == [], phrase


KEYS = {
    "en": ("zero", "one", "two", "three", "press"),
    "es": ("cero", "uno", "dos", "tres", "marque"),
    "de": ("Null", "Eins", "Zwei", "Drei", "drücken"),
    "fr": ("zéro", "un", "deux", "trois", "appuyez sur"),
}
OFFERED = {
    "keys_turn": "10",
    "keys_turn_fixed": "120",
    "offer": "10",
    "offer_withheld": "10",
    "offer_other": "10",
    "offer_known": "10",
    "arrange_keys": "1230",
    "arrange_keys_number": "120",
    "arrange_keys_time": "3",
    "number_keys": "120",
    "choose_time": "1230",
    "promised_keys": "1230",
    "promised_keys_number": "1230",
    "callback": "1230",
    "callback_missed": "1230",
    "solved_question": "12",
    "operator_clear": "12",
    "operator_declared": "123",
    "operator_declared_first": "123",
    "operator_found": "123",
    "operator_found_first": "123",
    "operator_shared": "12",
    "operator_shared_first": "12",
    "operator_keep": "12",
}


@each_language
def test_keys_are_offered_by_the_same_phrases_in_the_same_order_everywhere(language: str) -> None:
    *digits, press = KEYS[language]
    offer = re.compile(rf"\b(?:{press}|{press.capitalize()}) (?:Sie die )?({'|'.join(digits)})\b")
    for phrase in Phrase:
        pressed = offer.findall(said(phrase, language))
        assert "".join(str(digits.index(name)) for name in pressed) == OFFERED.get(phrase.value, ""), phrase


def test_what_is_only_suspected_is_told_as_not_sure() -> None:
    unsure = {"en": "not sure", "es": "no estamos seguros", "de": "noch nicht", "fr": "pas encore certains"}
    for language, words in unsure.items():
        for phrase in (Phrase.INCIDENT_SUSPECTED, Phrase.INCIDENT_SUSPECTED_FIRST, Phrase.ALSO_SUSPECTED):
            assert words in said(phrase, language)
    assert "we know" not in said(Phrase.INCIDENT_SUSPECTED).lower()


@pytest.mark.parametrize("phrase", [phrase for phrase in Phrase if phrase.value.endswith("_first")])
def test_a_first_word_names_no_time_and_has_a_full_story_that_does(phrase: Phrase) -> None:
    full = FACTS[Phrase(phrase.value.removesuffix("_first"))]
    assert FACTS[phrase] == full - TIMES
    assert full & TIMES


PROMISE = {
    "en": "we will call you",
    "es": r"(le devolveremos la|le) llama(da|remos)\b",
    "de": "rufen sie",
    "fr": "vous rappellerons",
}


@each_language
@pytest.mark.parametrize(
    "phrase",
    [
        *(Phrase.OFFER_NO_NUMBER, Phrase.NOT_NOTED, Phrase.CALLBACK_DECLINED, Phrase.PROMISED_CANCELLED),
        *(phrase for phrase in Phrase if phrase.value.startswith("refused_")),
    ],
)
def test_no_call_is_promised_where_none_will_be_made(phrase: Phrase, language: str) -> None:
    assert re.search(PROMISE[language], said(Phrase.NOTED_IN_TURN, language).lower())
    clauses = re.split(r"[.,]", said(phrase, language).lower())
    promised = [clause for clause in clauses if re.search(PROMISE[language], clause)]
    unkept = r"\b(not|no|nicht|keinen|ne|n'|noch einmal|bitte)\b"
    assert [clause for clause in promised if not re.search(unkept, clause)] == []


@each_language
def test_a_name_stands_where_it_needs_no_other_form(language: str) -> None:
    """In German in the nominative; in Spanish and French after no word that would melt with an article."""
    melts = {"es": r"\b(a|de) \{\{ what", "fr": r"\b(à|de) \{\{ what", "de": r"(?<!:) \{\{ what", "en": r"(?!)"}[
        language
    ]
    assert [phrase.value for phrase in Phrase if re.search(melts, source(language, phrase))] == []


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


@given(
    st.sampled_from(EVERY),
    st.text(min_size=1, max_size=60),
)
def test_a_fact_is_said_as_it_is_or_refused_and_is_never_a_template(one: tuple[str, Phrase], value: str) -> None:
    language, phrase = one
    facts = dict.fromkeys(FACTS[phrase], f"{value}{{{{ 7 * 7 }}}}")
    try:
        text = PHRASES.say(phrase, language, **facts).text
    except PhraseError:
        assert any(not c.isprintable() for c in value)
    else:
        assert text.count("{{ 7 * 7 }}") >= len(facts)
        assert "49" not in text or "49" in value
        assert text == " ".join(text.split())


@each_language
def test_something_nameless_is_ours_in_the_callers_language(language: str) -> None:
    ours = {"en": "our service", "es": "nuestro servicio", "de": "unser Dienst", "fr": "notre service"}
    assert PHRASES.something(language) == PHRASES.something(f"{language}_XX") == ours[language]
    assert PHRASES.something("pl") == "our service"


def test_only_a_phrase_without_facts_can_be_replaced_by_a_recording_of_its_name() -> None:
    assert PHRASES.say(Phrase.OFFER).recorded_as == "offer"
    assert PHRASES.say(Phrase.INCIDENT_FIRST, what="the line").recorded_as is None


def write(folder: Path, language: str, name: str, words: str) -> None:
    (folder / language).mkdir(parents=True, exist_ok=True)
    (folder / language / name).write_text(words, encoding="utf-8")


def test_what_a_language_lacks_is_said_in_english_and_read_by_an_english_voice(tmp_path: Path) -> None:
    write(tmp_path, "en", "offer.txt.j2", "Goodbye.")
    write(tmp_path, "de", "offer.txt.j2", "Auf   Wieder-\nhören.")
    write(tmp_path, "en", "not_noted.txt.j2", "Sorry.")
    phrases = Phrases(tmp_path)
    german = phrases.say(Phrase.OFFER, "de_AT")
    assert (german.text, german.language) == ("Auf Wieder- hören.", "de")
    for language in ("de", "fr", "../en", ""):
        fallback = phrases.say(Phrase.NOT_NOTED, language)
        assert (fallback.text, fallback.language) == ("Sorry.", "en")
    with pytest.raises(PhraseError, match="'callback_later' has no template"):
        phrases.say(Phrase.CALLBACK_LATER, "de")


def test_a_broken_template_names_itself(tmp_path: Path) -> None:
    write(tmp_path, "en", "offer.txt.j2", "{{ number }}")
    with pytest.raises(PhraseError, match=r"'offer' in language 'en': 'number' is undefined"):
        Phrases(tmp_path).say(Phrase.OFFER)


def test_an_installers_own_words_win_and_a_variety_of_a_language_falls_back_on_it(tmp_path: Path) -> None:
    write(tmp_path, "de", "incident_first.txt.j2", "Es klemmt: {{ what }}.")
    write(tmp_path, "de-at", "next_word.txt.j2", "Mehr wissen wir {{ next_word | by }}.")
    phrases = Phrases(own=tmp_path)
    assert phrases.say(Phrase.INCIDENT_FIRST, "de", what="die Leitung").text == "Es klemmt: die Leitung."
    assert phrases.say(Phrase.INCIDENT_FIRST, "de_AT", what="die Leitung").language == "de"
    austrian = phrases.say(Phrase.NEXT_WORD, "de_AT", next_word="Montag, neun Uhr")
    assert (austrian.text, austrian.language) == ("Mehr wissen wir bis Montag um neun Uhr.", "de-at")
    assert phrases.say(Phrase.OFFER, "de") == PHRASES.say(Phrase.OFFER, "de")
    assert phrases.say(Phrase.INCIDENT_FIRST, "en", what="it") == PHRASES.say(Phrase.INCIDENT_FIRST, "en", what="it")


@pytest.mark.parametrize(
    ("language", "name", "words", "complaint"),
    [
        ("de", "incident_frist.txt.j2", "x", "no phrase has this template"),
        ("de", "incident.txt", "x", "no phrase has this template"),
        (
            "de",
            "incident_first.txt.j2",
            "{{ what }} {{ since }}",
            "since is no fact of this phrase; its facts are what",
        ),
        ("de", "offer.txt.j2", "{{ what }}", "its facts are none"),
        ("de", "offer.txt.j2", "{{ what", "offer.txt.j2: "),
        ("de", "next_word.txt.j2", "{{ next_word | ab }}", "No filter named 'ab'"),
        ("pl", "offer.txt.j2", "x", "not a language that times can be said in: de, en, es, fr"),
        ("DE", "offer.txt.j2", "x", "not a language"),
    ],
)
def test_own_words_that_would_not_be_said_are_refused_at_once(
    language: str, name: str, words: str, complaint: str, tmp_path: Path
) -> None:
    write(tmp_path, language, name, words)
    with pytest.raises(PhraseError, match=re.escape(complaint)):
        Phrases(own=tmp_path)


def test_own_words_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(PhraseError, match=r"phrases cannot be read from .*nowhere: No such file"):
        Phrases(own=tmp_path / "nowhere")
    (tmp_path / "de").mkdir()
    (tmp_path / "de" / "offer.txt.j2").write_bytes(b"\xff\xfe")
    with pytest.raises(PhraseError, match=r"offer\.txt\.j2: 'utf-8' codec"):
        Phrases(own=tmp_path)
