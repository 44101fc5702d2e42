import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge.voice.spoken import clock, moment, spelled
from ami_bridge.voice.tongues import TONGUES, tongue

EVERY_MINUTE = [time(minute // 60, minute % 60) for minute in range(1440)]
COUNTING = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
)
NUMBERS = {word: number for number, word in enumerate(COUNTING.split(), 1)}


def understood(words: str) -> time:
    """What a listener makes of a time in English, worked out from the words alone."""
    minutes, direction, hour = words.rpartition(" past ") if " past " in words else words.rpartition(" to ")
    at = heard_hour(hour) * 60
    if direction:
        away = heard_minutes(minutes)
        at += away if direction == " past " else -away
    return time(at % 1440 // 60, at % 60)


def heard_hour(words: str) -> int:
    if words in {"noon", "midnight"}:
        return 12 if words == "noon" else 0
    name, part = words.replace(" o'clock", "").split(" ", 1)
    after_noon = {"in the morning": 0, "in the afternoon": 12, "in the evening": 12, "at night": 12}[part]
    return NUMBERS[name] % 12 + after_noon


def heard_minutes(words: str) -> int:
    fixed = {"half": 30, "a quarter": 15}
    if words in fixed:
        return fixed[words]
    tens, _, ones = words.removesuffix("s").removesuffix(" minute").partition("-")
    return NUMBERS[tens] + (NUMBERS[ones] if ones else 0)


def test_every_minute_of_a_day_is_understood_as_itself() -> None:
    misheard = {at: clock(at) for at in EVERY_MINUTE if understood(clock(at)) != at}
    assert misheard == {}


def taught(words: str, values: list[int]) -> dict[str, int]:
    return dict(zip(words.split(), values, strict=True))


# Numbers as they are taught, written out apart from the code that says them.
GERMAN = taught(
    "null ein eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn "
    "siebzehn achtzehn neunzehn zwanzig dreißig vierzig fünfzig",
    [0, 1, *range(1, 21), 30, 40, 50],
)
FRENCH = taught(
    "zéro une un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept "
    "dix-huit dix-neuf vingt trente quarante cinquante",
    [0, 1, *range(1, 21), 30, 40, 50],
)
SPANISH = taught(
    "una uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete "
    "dieciocho diecinueve veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete "
    "veintiocho veintinueve treinta cuarenta cincuenta cuarto media",
    [1, *range(1, 31), 40, 50, 15, 30],
)


def heard_in_german(words: str) -> time:
    def number(word: str) -> int:
        ones, und, tens = word.partition("und")
        return GERMAN[ones] + GERMAN[tens] if und else GERMAN[word]

    hour, _, minute = words.partition(" Uhr")
    return time(number(hour), number(minute.strip()) if minute else 0)


def heard_in_french(words: str) -> time:
    def number(word: str) -> int:
        if word in FRENCH:
            return FRENCH[word]
        tens, ones = word.split(" et ") if " et " in word else word.split("-", 1)
        return FRENCH[tens] + FRENCH[ones]

    if words in {"midi", "minuit"}:
        return time(12 if words == "midi" else 0)
    found = re.fullmatch(r"(.+) heures?(?: (.+))?", words)
    assert found
    return time(number(found[1]), number(found[2]) if found[2] else 0)


def heard_in_spanish(words: str) -> time:
    if words == "las doce de la noche":
        return time(0)
    found = re.fullmatch(
        r"las? (\w+)(?: y (.+?))? (de la madrugada|de la mañana|del mediodía|de la tarde|de la noche)", words
    )
    assert found
    assert words.startswith("la una") == (found[1] == "una")
    hour = SPANISH[found[1]] % 12 + {"de la madrugada": 0, "de la mañana": 0}.get(found[3], 12)
    minute = (found[2] or "").removesuffix(" minuto").replace("un", "uno") if found[2] == "un minuto" else found[2]
    return time(hour, sum(SPANISH[part] for part in minute.split(" y ")) if minute else 0)


@pytest.mark.parametrize(
    ("language", "heard"), [("de", heard_in_german), ("fr", heard_in_french), ("es", heard_in_spanish)]
)
def test_every_minute_is_understood_as_itself_in_other_languages(language: str, heard: object) -> None:
    assert callable(heard)
    misheard = {at: clock(at, language) for at in EVERY_MINUTE if heard(clock(at, language)) != at}
    assert misheard == {}


@pytest.mark.parametrize("language", TONGUES)
def test_no_two_minutes_of_a_day_sound_the_same(language: str) -> None:
    assert len({clock(at, language) for at in EVERY_MINUTE}) == 1440


def test_twelve_is_never_said_to_be_in_the_morning_or_at_night() -> None:
    assert {clock(at) for at in EVERY_MINUTE if "o'clock" in clock(at) and "twelve" in clock(at)} == set()
    assert all("twelve in the morning" not in clock(at) and "twelve at night" not in clock(at) for at in EVERY_MINUTE)


@pytest.mark.parametrize("language", TONGUES)
def test_a_time_holds_no_digit_for_an_engine_to_guess_at(language: str) -> None:
    words = {re.sub(r"o'clock|-| ", "", clock(at, language)) for at in EVERY_MINUTE}
    assert all(word.isalpha() for word in words)


@pytest.mark.parametrize(
    ("language", "at", "words"),
    [
        ("en", time(0, 0), "midnight"),
        ("en", time(0, 1), "one minute past midnight"),
        ("en", time(0, 30), "half past midnight"),
        ("en", time(0, 50), "ten to one in the morning"),
        ("en", time(8, 50), "ten to nine in the morning"),
        ("en", time(9, 0), "nine o'clock in the morning"),
        ("en", time(11, 45), "a quarter to noon"),
        ("en", time(12, 0), "noon"),
        ("en", time(12, 20), "twenty past twelve in the afternoon"),
        ("en", time(14, 30), "half past two in the afternoon"),
        ("en", time(14, 31), "twenty-nine minutes to three in the afternoon"),
        ("en", time(17, 50), "ten to six in the evening"),
        ("en", time(22, 20, 59), "twenty past ten at night"),
        ("en", time(23, 59), "one minute to midnight"),
        ("de", time(14, 30), "vierzehn Uhr dreißig"),
        ("de", time(1, 1), "ein Uhr eins"),
        ("de", time(21, 21), "einundzwanzig Uhr einundzwanzig"),
        ("de", time(0, 0), "null Uhr"),
        ("fr", time(14, 30), "quatorze heures trente"),
        ("fr", time(1, 1), "une heure une"),
        ("fr", time(21, 51), "vingt et une heures cinquante et une"),
        ("fr", time(12, 0), "midi"),
        ("fr", time(0, 0), "minuit"),
        ("fr", time(0, 10), "zéro heure dix"),
        ("es", time(14, 30), "las dos y media de la tarde"),
        ("es", time(13, 1), "la una y un minuto de la tarde"),
        ("es", time(9, 15), "las nueve y cuarto de la mañana"),
        ("es", time(12, 5), "las doce y cinco del mediodía"),
        ("es", time(0, 40), "las doce y cuarenta de la madrugada"),
        ("es", time(20, 55), "las ocho y cincuenta y cinco de la noche"),
    ],
)
def test_times_are_said_as_people_say_them(language: str, at: time, words: str) -> None:
    assert clock(at, language) == words


MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("away", "words"),
    [
        (timedelta(hours=5, minutes=30), "half past two in the afternoon"),
        (timedelta(hours=-9), "midnight"),
        (timedelta(hours=15), "midnight between Monday and Tuesday"),
        (timedelta(days=-1), "nine o'clock in the morning on Sunday"),
        (timedelta(days=6), "nine o'clock in the morning on Sunday"),
        (timedelta(days=7), "nine o'clock in the morning on the ninth of March"),
        (timedelta(days=19), "nine o'clock in the morning on the twenty-first of March"),
        (timedelta(days=-30), "nine o'clock in the morning on the thirty-first of January"),
        (timedelta(days=18), "nine o'clock in the morning on the twentieth of March"),
        (timedelta(days=28), "nine o'clock in the morning on the thirtieth of March"),
        (timedelta(days=29, hours=15), "midnight between the thirty-first of March and the first of April"),
        (timedelta(days=9, hours=15), "midnight between the eleventh and the twelfth of March"),
    ],
)
def test_a_moment_names_its_day_unless_it_is_the_callers_own(away: timedelta, words: str) -> None:
    assert moment(MONDAY + away, MONDAY) == words


NINE, DAYS, WEEKS, MIDNIGHT = timedelta(0), timedelta(days=2), timedelta(days=30), timedelta(days=1, hours=15)


@pytest.mark.parametrize(
    ("language", "away", "said"),
    [
        ("en", NINE, "at X|by X|until X|at about X"),
        ("en", DAYS, "at X|by X|until X|at about X"),
        ("de", NINE, "um neun Uhr|bis neun Uhr|bis neun Uhr|gegen neun Uhr"),
        (
            "de",
            DAYS,
            "am Mittwoch um neun Uhr|bis Mittwoch um neun Uhr|bis Mittwoch um neun Uhr|am Mittwoch gegen neun Uhr",
        ),
        (
            "de",
            WEEKS,
            "am ersten April um X|bis zum ersten April um X|bis zum ersten April um X|am ersten April gegen X",
        ),
        (
            "de",
            MIDNIGHT,
            "am Mittwoch um null Uhr|bis Mittwoch um null Uhr|bis Mittwoch um null Uhr|am Mittwoch gegen null Uhr",
        ),
        ("fr", NINE, "à neuf heures|avant neuf heures|jusqu'à neuf heures|vers neuf heures"),
        (
            "fr",
            DAYS,
            "mercredi à X|avant mercredi à X|jusqu'à mercredi à X|mercredi vers X",
        ),
        (
            "fr",
            WEEKS,
            "le premier avril à X|avant le premier avril à X|jusqu'au premier avril à X|le premier avril vers X",
        ),
        (
            "fr",
            MIDNIGHT,
            "mercredi à zéro heure|avant mercredi à zéro heure|jusqu'à mercredi à zéro heure|mercredi vers zéro heure",
        ),
        ("es", NINE, "a X|antes de X|hasta X|hacia X"),
        ("es", DAYS, "a X|antes de X|hasta X|hacia X"),
    ],
)
def test_prepositions_go_with_times_and_days(language: str, away: timedelta, said: str) -> None:
    words, how = moment(MONDAY + away, MONDAY, language), tongue(language)
    assert [how.at(words), how.by(words), how.until(words), how.about(words)] == said.replace(
        "X", words.rpartition(", ")[2]
    ).split("|")


@pytest.mark.parametrize(
    ("away", "words"),
    [
        (DAYS, "las nueve de la mañana del miércoles"),
        (WEEKS, "las nueve de la mañana del uno de abril"),
        (MIDNIGHT, "las doce de la noche del martes al miércoles"),
        (timedelta(days=29, hours=15), "las doce de la noche del treinta y uno de marzo al uno de abril"),
        (timedelta(days=30, hours=15), "las doce de la noche del uno al dos de abril"),
    ],
)
def test_days_in_spanish(away: timedelta, words: str) -> None:
    assert moment(MONDAY + away, MONDAY, "es") == words


@pytest.mark.parametrize("language", TONGUES)
def test_every_minute_of_the_days_to_come_is_named_apart(language: str) -> None:
    """What is to come is one minute only: not the same hour of another day, nor the midnight at a day's end. (That a
    weekday is the next or the last one, the sentence says.)"""
    days = range(60)
    at = [MONDAY + timedelta(days=day, minutes=minute) for day in days for minute in range(0, 1440, 37)]
    at += [MONDAY.replace(hour=0) + timedelta(days=day) for day in days]
    assert len({moment(one, MONDAY, language) for one in at}) == len(set(at))


@pytest.mark.parametrize("language", ["de", "fr"])
@given(words=st.text())
def test_words_that_are_no_time_of_ours_are_kept_whole(language: str, words: str) -> None:
    how = tongue(language)
    for said in (how.at(words), how.by(words), how.until(words), how.about(words)):
        assert said.endswith(words)


def test_a_moment_is_said_by_the_callers_clock_even_when_their_day_is_another() -> None:
    auckland = MONDAY.astimezone(ZoneInfo("Pacific/Auckland"))
    assert moment(MONDAY, auckland) == "ten o'clock at night"
    assert moment(MONDAY + timedelta(hours=3), auckland) == "one o'clock in the morning on Tuesday"
    assert moment(MONDAY + timedelta(hours=3), auckland, "de") == "Dienstag, ein Uhr"


@pytest.mark.parametrize("language", ["de_AT", "DE", "de-ch"])
def test_a_variety_of_a_language_says_times_as_the_language_does(language: str) -> None:
    assert moment(MONDAY, MONDAY, language) == "neun Uhr"


def test_a_moment_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        moment(datetime(2026, 3, 2, 9, 0), MONDAY)  # noqa: DTZ001 - what is refused


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("en", "AC-1234", "A, C, dash, one two three, four"),
        ("en", " #00 42 ", "zero zero four, two"),
        ("de", "INC0012345", "I, N, C, null null eins, zwei drei vier, fünf"),
        ("fr", "é/7", "E, barre, sept"),
        ("es", "a_9.x", "A, guion bajo, nueve, punto, X"),
        ("en", "\u0434\u0430!", ""),
    ],
)
def test_a_reference_is_read_sign_by_sign(language: str, text: str, words: str) -> None:
    assert spelled(text, language) == words


@given(st.sampled_from(sorted(TONGUES)), st.from_regex(r"[A-Z0-9./_-]{1,20}", fullmatch=True))
def test_a_reference_can_be_written_down_from_what_is_heard(language: str, reference: str) -> None:
    how = tongue(language)
    signs = {word: str(digit) for digit, word in enumerate(how.DIGITS)} | {
        word: mark for mark, word in how.MARKS.items()
    }
    heard = []
    for part in spelled(reference, language).split(", "):
        heard += [signs[part]] if part in signs else [signs.get(word, word) for word in part.split(" ")]
    assert "".join(heard) == reference
