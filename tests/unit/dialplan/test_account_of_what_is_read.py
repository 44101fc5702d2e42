"""The rendered AMI account and the code that uses it agree: on the events read, and on what the actions sent need."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ami_bridge.ami.decode import WANTED, decode
from ami_bridge.cli import plan
from ami_bridge.domain.events import CallbackCame
from ami_bridge.domain.names import ChannelName, Uniqueid
from ami_bridge.loading import load
from dialplan_templates import contract
from dialplan_templates.render import READ, WRITE, render
from tests.unit.test_cli import SECRET, TOKEN, settings

ROOT = Path(__file__).parents[3]
ENVIRONMENT = {"KEEPLINE_AGI_TOKEN": TOKEN, "KEEPLINE_PBX_LAB_SECRET": SECRET}


def rendered(folder: Path, asterisk: str = "") -> str:
    file = settings(folder, ami=5038)
    file.write_text(file.read_text(encoding="utf-8").replace('name = "lab"', f'name = "lab"\n{asterisk}', 1), "utf-8")
    return render(plan(load(file, ENVIRONMENT), "lab"))["manager.conf"]


def test_the_account_is_sent_exactly_the_events_that_are_decoded(tmp_path: Path) -> None:
    named = re.findall(r"^eventfilter\(action\(include\),name\((\w+)\)", rendered(tmp_path), re.MULTILINE)
    assert sorted(named) == sorted(["FullyBooted", *(name.decode() for name in WANTED)])


def test_of_variables_the_account_is_sent_the_one_that_tells_something(tmp_path: Path) -> None:
    filters = re.findall(r"header\((\w+)\),method\(exact\)\) = (\w+)$", rendered(tmp_path), re.MULTILINE)
    [value] = [value for header, value in filters if header == "Variable"]
    header = "Variable"
    sent = f"Event: VarSet\r\nUniqueid: 1.1\r\n{header}: {value}\r\nValue: TIMEOUT\r\nLinkedid: 1.1"
    assert decode(sent.encode()) is not None
    assert decode(sent.replace(value, "OTHER").encode()) is None


def test_of_others_events_none_is_sent_and_ours_says_how_far_a_callback_came(tmp_path: Path) -> None:
    assert f"name(UserEvent),header(UserEvent),method(exact)) = {contract.USER_EVENT}\n" in rendered(tmp_path)
    ours = f"Event: UserEvent\r\nUserEvent: {contract.USER_EVENT}\r\nChannel: PJSIP/101-1\r\nStep: joined\r\nAttempt: a"
    came = CallbackCame(attempt=Uniqueid("a"), step="joined", channel=ChannelName("PJSIP/101-1"))
    assert decode(ours.encode()) == came
    assert decode(ours.replace(contract.USER_EVENT, "Other").encode()) is None


@pytest.mark.parametrize(
    ("asterisk", "by_name"),
    [
        ("", True),
        ("asterisk = 22", True),
        ('asterisk = "22.0"', False),
        ('asterisk = "22.10.1"', True),
        ("asterisk = 23", True),
        ("asterisk = 16", False),
        ("asterisk = 20", False),
        ('asterisk = "20.10"', False),
        ('asterisk = "20.11"', True),
        ('asterisk = "18.20"', False),
        ('asterisk = "18.26"', True),
        ("asterisk = 19", False),
        ('asterisk = "21.6.1"', True),
    ],
)
def test_the_form_of_the_filters_follows_the_version(tmp_path: Path, asterisk: str, by_name: bool) -> None:
    assert ("eventfilter(action(include)" in rendered(tmp_path, asterisk)) is by_name
    assert ("eventfilter = ^Event: (" in rendered(tmp_path, asterisk)) is not by_name


def actions_sent() -> set[str]:
    text = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "ami_bridge").rglob("*.py"))
    return set(re.findall(r"""(?:\bask|_ask|ask_list|_list)\(\s*(?:session,\s*)?"([A-Z]\w*[a-z]\w*)\"""", text))


def documented() -> dict[str, set[str]]:
    """The table of docs/install.md: each action with the classes that permit it, nothing for those anybody may send."""
    text = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    table = text.partition("| action |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| `(\w+)` \|([^|]*)\|", table, re.MULTILINE)
    return {action: set(re.findall(r"`(\w+)`", classes)) for action, classes in rows}


def test_every_action_sent_is_permitted_and_no_class_is_granted_for_nothing() -> None:
    sent, table = actions_sent(), documented()
    assert "Originate" in sent
    assert sorted(table) == sorted(sent)
    granted = set(WRITE)
    assert not [action for action, classes in table.items() if classes and not classes & granted]
    for needed in WRITE:
        assert [action for action, classes in table.items() if classes and not classes & (granted - {needed})], needed


def test_what_is_documented_as_read_is_what_is_read() -> None:
    text = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `read = (\w+)` \| ([^|]+) \|", text, re.MULTILINE)
    assert [name for name, _events in rows] == list(READ)
    events = [event for _name, events in rows for event in re.findall(r"`(\w+)`", events)]
    assert sorted(set(events) - {"QUEUESTATUS", contract.USER_EVENT}) == sorted(
        ["FullyBooted", *(name.decode() for name in WANTED)]
    )
