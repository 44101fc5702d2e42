import pytest

from agi.desk import Caller
from agi.environment import Environment
from agi.errors import Malformed
from agi.request import Script, read_request

WHOLE = Environment(
    network_script="status",
    channel="PJSIP/carrier-00000001",
    uniqueid="1767225600.1",
    language="de",
    callerid="+441632960123",
    callingpres="0",
    arg_1="secret",
    arg_2="pbx-1",
    arg_3="support",
)


def number(callerid: str, presentation: str = "0") -> str | None:
    return read_request(WHOLE._replace(callerid=callerid, callingpres=presentation))[1].number


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
    assert read_request(WHOLE._replace(language=tag))[1].language == language


def test_a_wideband_channel_says_so() -> None:
    assert read_request(WHOLE._replace(arg_4="", arg_5="1"))[1].wide is True
    assert read_request(WHOLE._replace(arg_4="", arg_5="0"))[1].wide is False
    assert read_request(WHOLE)[1].wide is False
    assert read_request(WHOLE._replace(arg_4="", arg_5="1"))[1].attempt is None


def test_a_callback_names_its_attempt() -> None:
    assert read_request(WHOLE._replace(network_script="callback", arg_4="a-1"))[1].attempt == "a-1"


def test_who_asks_about_another_channel_names_it_and_its_language() -> None:
    _, caller = read_request(WHOLE._replace(arg_7="1767225600.7", arg_8="fr_CA"))
    assert (caller.uniqueid, caller.language, caller.channel) == ("1767225600.7", "fr", WHOLE.channel)
    assert read_request(WHOLE._replace(uniqueid="", arg_7="1767225600.7"))[1].language == ""
    assert read_request(WHOLE._replace(arg_8="fr"))[1].language == "de"


PRESSED = WHOLE._replace(network_script="pressed", arg_4="", arg_5="", arg_6="1")


@pytest.mark.parametrize("key", "0123456789*#")
def test_who_asks_about_a_key_names_it(key: str) -> None:
    script, caller = read_request(PRESSED._replace(arg_6=key))
    assert (script, caller.key) == (Script.PRESSED, key)


@pytest.mark.parametrize("key", ["", "A", "D", "a", "12", "**", " 1", "-", "+", "\u00b2", "\u0661", "\uff11"])
def test_what_is_no_key_of_a_telephone_is_refused(key: str) -> None:
    with pytest.raises(Malformed, match="agi_arg_6"):
        read_request(PRESSED._replace(arg_6=key))


def test_without_its_key_nothing_can_be_asked_about_one() -> None:
    with pytest.raises(Malformed, match="agi_arg_6"):
        read_request(PRESSED._replace(arg_6=""))


@pytest.mark.parametrize("script", ["status", "unanswered", "callback"])
def test_where_nothing_was_offered_yet_a_key_is_not_looked_at(script: str) -> None:
    for key in ("1", "12", "x"):
        assert read_request(PRESSED._replace(network_script=script, arg_6=key))[1].key == ""


def test_a_rehearsal_needs_no_line() -> None:
    without = WHOLE._replace(arg_3="")
    assert read_request(without._replace(network_script="rehearse"))[1].line == ""
    with pytest.raises(Malformed, match="agi_arg_3"):
        read_request(without)


@pytest.mark.parametrize("missing", ["arg_2", "arg_3", "channel", "uniqueid"])
def test_what_is_missing_is_named(missing: str) -> None:
    with pytest.raises(Malformed, match=f"agi_{missing}"):
        read_request(WHOLE._replace(**{missing: ""}))


@pytest.mark.parametrize("script", ["", "admin", "../status", "status?x=1"])
def test_unknown_scripts_are_refused(script: str) -> None:
    with pytest.raises(Malformed, match="no script"):
        read_request(WHOLE._replace(network_script=script))


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
