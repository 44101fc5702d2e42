import pytest

from agi.desk import Caller
from agi.errors import Malformed
from agi.request import Script, read_request, read_token

WHOLE = {
    "agi_network_script": "status",
    "agi_channel": "PJSIP/carrier-00000001",
    "agi_uniqueid": "1767225600.1",
    "agi_language": "de",
    "agi_callerid": "+441632960123",
    "agi_callingpres": "0",
    "agi_arg_1": "secret",
    "agi_arg_2": "pbx-1",
    "agi_arg_3": "support",
}


def number(callerid: str, presentation: str = "0") -> str | None:
    return read_request({**WHOLE, "agi_callerid": callerid, "agi_callingpres": presentation})[1].number


def test_a_whole_request() -> None:
    script, caller = read_request(WHOLE)
    assert script is Script.STATUS
    assert caller == Caller(
        pbx="pbx-1",
        channel="PJSIP/carrier-00000001",
        uniqueid="1767225600.1",
        line="support",
        number="+441632960123",
        language="de",
    )
    assert read_token(WHOLE) == "secret"


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("de", "de"),
        ("de_AT", "de"),
        ("EN-us", "en"),
        ("fra", "fr"),
        ("", ""),
        ("d", ""),
        ("1de", ""),
        ("../en", ""),
        ("\u0435\u043d", ""),
    ],
)
def test_a_language_is_the_two_letters_its_tag_begins_with(tag: str, language: str) -> None:
    assert read_request({**WHOLE, "agi_language": tag})[1].language == language


def test_a_wideband_channel_says_so() -> None:
    assert read_request({**WHOLE, "agi_arg_4": "", "agi_arg_5": "1"})[1].wide is True
    assert read_request({**WHOLE, "agi_arg_4": "", "agi_arg_5": "0"})[1].wide is False
    assert read_request(WHOLE)[1].wide is False
    assert read_request({**WHOLE, "agi_arg_4": "", "agi_arg_5": "1"})[1].attempt is None


def test_a_callback_names_its_attempt() -> None:
    assert read_request({**WHOLE, "agi_network_script": "callback", "agi_arg_4": "a-1"})[1].attempt == "a-1"


PRESSED = {**WHOLE, "agi_network_script": "pressed", "agi_arg_4": "", "agi_arg_5": "", "agi_arg_6": "1"}


@pytest.mark.parametrize("key", "0123456789*#")
def test_who_asks_about_a_key_names_it(key: str) -> None:
    script, caller = read_request({**PRESSED, "agi_arg_6": key})
    assert (script, caller.key) == (Script.PRESSED, key)


@pytest.mark.parametrize("key", ["", "A", "D", "a", "12", "**", " 1", "-", "+", "\u00b2", "\u0661", "\uff11"])
def test_what_is_no_key_of_a_telephone_is_refused(key: str) -> None:
    with pytest.raises(Malformed, match="agi_arg_6"):
        read_request({**PRESSED, "agi_arg_6": key})


def test_without_its_key_nothing_can_be_asked_about_one() -> None:
    with pytest.raises(Malformed, match="agi_arg_6"):
        read_request({name: value for name, value in PRESSED.items() if name != "agi_arg_6"})


@pytest.mark.parametrize("script", ["status", "unanswered", "callback"])
def test_where_nothing_was_offered_yet_a_key_is_not_looked_at(script: str) -> None:
    for key in ("1", "12", "x"):
        assert read_request({**PRESSED, "agi_network_script": script, "agi_arg_6": key})[1].key == ""


def test_a_rehearsal_needs_no_line() -> None:
    without = {k: v for k, v in WHOLE.items() if k != "agi_arg_3"}
    assert read_request({**without, "agi_network_script": "rehearse"})[1].line == ""
    with pytest.raises(Malformed, match="agi_arg_3"):
        read_request(without)


@pytest.mark.parametrize("missing", ["agi_arg_2", "agi_arg_3", "agi_channel", "agi_uniqueid"])
def test_what_is_missing_is_named(missing: str) -> None:
    with pytest.raises(Malformed, match=missing):
        read_request({**WHOLE, missing: ""})


@pytest.mark.parametrize("script", ["", "admin", "../status", "status?x=1"])
def test_unknown_scripts_are_refused(script: str) -> None:
    with pytest.raises(Malformed, match="no script"):
        read_request({**WHOLE, "agi_network_script": script})


@pytest.mark.parametrize(
    ("callerid", "expected"),
    [
        ("01632960123", "01632960123"),
        ("+441632960123", "+441632960123"),
        ("(0163) 296-01.23", "01632960123"),
        ("9" * 20, "9" * 20),
        ("9" * 21, None),
        ("+" + "9" * 20, None),
        ("+", None),
        ("", None),
        ("unknown", None),
        ("anonymous", None),
        ("100&PJSIP/200", None),
        ("100@evil", None),
        ("1${SHELL(id)}", None),
        ("100;x", None),
        ("++100", None),
        ("*21*100#", None),
        ("\u0661\u0662\u0663", None),
    ],
)
def test_a_number_is_digits_or_nothing(callerid: str, expected: str | None) -> None:
    assert number(callerid) == expected


def test_a_withheld_number_is_not_used() -> None:
    assert number("01632960123", "32") is None
    assert number("01632960123", "35") is None
    assert number("01632960123", "3") == "01632960123"
    assert number("01632960123", "67") == "01632960123"
    assert number("01632960123", "unknown") == "01632960123"
