"""What may be put into an action, and what would have been an injection."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge.ami.encode import action
from ami_bridge.ami.errors import AmiError, Unsendable


async def test_an_action_has_its_headers_an_id_and_an_end() -> None:
    text = str(action("Originate", {"Channel": "PJSIP/101", "Priority": 1, "Variable": ("a=1", "b=")}))
    lines = text.split("\r\n")
    assert lines[-2:] == ["", ""]
    assert {"Action: Originate", "Channel: PJSIP/101", "Priority: 1", "Variable: a=1", "Variable: b="} < set(lines)
    assert sum(line.startswith("ActionID: ") for line in lines) == 1


async def test_two_actions_never_share_an_id() -> None:
    assert action("Ping").id != action("Ping").id


async def test_an_id_that_was_chosen_is_kept() -> None:
    assert action("Originate", {"ActionID": "keepline-1"}).id == "keepline-1"


@pytest.mark.parametrize("value", ["a\r\nAction: Command", "a\nb", "a\rb", "a\0b", "a\x1b", "a\x7f", "\udc80"])
async def test_a_value_that_would_end_its_header_is_refused_and_not_repeated(value: str) -> None:
    for headers in ({"Val": value}, {"Variable": ("a=1", value)}):
        with pytest.raises(Unsendable) as refused:
            action("DBPut", headers)
        assert value not in str(refused.value)
    assert issubclass(Unsendable, AmiError)


@pytest.mark.parametrize("name", ["", "Ping\r\nAction", "Pi ng", "Ping:"])
async def test_names_are_letters_and_digits(name: str) -> None:
    with pytest.raises(Unsendable, match="letters and digits only"):
        action(name)
    with pytest.raises(Unsendable, match="letters and digits only"):
        action("Ping", {name: "x"})


@given(st.dictionaries(st.from_regex(r"\A[A-Z][a-z]{3,8}\Z"), st.text(max_size=50), max_size=5))
async def test_what_is_sent_has_as_many_lines_as_headers(headers: dict[str, str]) -> None:
    try:
        text = str(action("Originate", dict(headers)))
    except Unsendable:
        assert any(not value.isprintable() for value in headers.values())
    else:
        assert len(text.split("\r\n")) == len({"Action", "ActionID"} | headers.keys()) + 2
