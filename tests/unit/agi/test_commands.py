import pytest

from agi.commands import (
    MAX_BYTES,
    get_full_variable,
    name_of,
    record_file,
    set_variable,
    stream_file,
    verbose,
    wait_for_digit,
)
from agi.errors import Unsendable


def test_each_command_as_it_goes_on_the_wire() -> None:
    assert stream_file("http://pbx/a.wav", "12#") == b'STREAM FILE "http://pbx/a.wav" "12#"\n'
    assert stream_file("http://pbx/a.wav", "", 2_000_000_000) == b'STREAM FILE "http://pbx/a.wav" "" 2000000000\n'
    assert wait_for_digit(4.0) == b"WAIT FOR DIGIT 4000\n"
    assert set_variable("TIMEOUT(absolute)", "7") == b'SET VARIABLE "TIMEOUT(absolute)" "7"\n'
    assert verbose("hello there", 1) == b'VERBOSE "hello there" 1\n'
    assert record_file("/spool/x", 60.0, 3) == b'RECORD FILE "/spool/x" "ulaw" "#" 60000 BEEP s=3\n'
    assert get_full_variable("${STAT(s,/x)}") == b'GET FULL VARIABLE "${STAT(s,/x)}"\n'


def test_quotes_and_backslashes_are_escaped() -> None:
    assert set_variable("X", 'a"b\\') == b'SET VARIABLE "X" "a\\"b\\\\"\n'


@pytest.mark.parametrize("broken", ["a\nSET VARIABLE X 1", "a\r", "a\x00", "a\x1b[2J", "a\x7f", "a\ud800"])
def test_what_would_break_the_line_is_refused(broken: str) -> None:
    for build in (lambda: set_variable("X", broken), lambda: stream_file(broken), lambda: verbose(broken)):
        with pytest.raises(Unsendable):
            build()


def test_a_command_stays_under_what_asterisk_reads_in_one_piece() -> None:
    room = MAX_BYTES - len(b'SET VARIABLE "X" ""\n')
    assert len(set_variable("X", "a" * room)) == MAX_BYTES
    with pytest.raises(Unsendable, match="2001 bytes"):
        set_variable("X", "a" * (room + 1))


@pytest.mark.parametrize("keys", ["1a", "1 2", '1"', "A", "\u0661"])
def test_only_keys_of_a_telephone_end_a_recording(keys: str) -> None:
    with pytest.raises(Unsendable):
        stream_file("a", keys)


def test_no_wait_is_without_end() -> None:
    for seconds in (-1, float("inf"), float("nan"), 86_400):
        with pytest.raises(Unsendable):
            wait_for_digit(seconds)


@pytest.mark.parametrize(("seconds", "silence"), [(0, 3), (-1, 3), (601, 3), (float("nan"), 3), (60, 0), (60, 60)])
def test_no_recording_is_without_end(seconds: float, silence: int) -> None:
    with pytest.raises(Unsendable):
        record_file("/spool/x", seconds, silence)


@pytest.mark.parametrize("name", ["", "A B", "SHELL(rm -rf /)", 'X"', "TIMEOUT(absolute)x"])
def test_a_variables_name_is_a_name(name: str) -> None:
    with pytest.raises(Unsendable):
        set_variable(name, "1")


def test_messages_name_a_command_without_its_arguments() -> None:
    assert name_of(set_variable("SECRET", "1")) == "SET VARIABLE"
    assert name_of(wait_for_digit(4.0)) == "WAIT FOR DIGIT"
    assert name_of(stream_file("a", "1", 5)) == "STREAM FILE"
