"""The rendered dialplan as a whole: it lints clean, leads nowhere that is not there, and trusts no caller."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dialplan_templates import contract
from dialplan_templates.render import LinePlan, PbxPlan, ReadEvent, SegmentPlan, Unrenderable, render, write

PLAN = PbxPlan(
    pbx="lab",
    agi_url="agi://127.0.0.1:4573",
    audio_url="http://127.0.0.1:8081",
    username="keepline",
    permit=("127.0.0.1/32", "2001:db8::/64"),
    token="token-of-the-test",
    secret="secret-of-the-test",
    events=(
        ReadEvent(name="FullyBooted"),
        ReadEvent(name="Hangup"),
        ReadEvent(name="VarSet", header="Variable", value="QUEUESTATUS"),
    ),
    lines=(
        LinePlan(name="support", dids=("5550100", "+4930123"), patience=20, queue="support", declare_code="*5501"),
        LinePlan(name="sales", dids=("5550200",), patience=6, ring=("PJSIP/101", "PJSIP/102")),
        LinePlan(
            name="h", dids=("5550300",), patience=6, ring=("PJSIP/101",), declare_code="#55*3"
        ),  # also Asterisk's hang-up extension
    ),
)
EMERGENCY = ("112", "911", "999", "110", "000", "118", "9112", "0112", "+112")
# It is a part that is included, so it has no [general] and [globals] of its own.
IGNORED = "H_DP_GENERAL_MISPLACED,H_DP_GLOBALS_MISPLACED"


def lint(text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    path = folder / "extensions.conf"
    path.write_text(text, encoding="utf-8")
    command = [str(Path(sys.executable).with_name("asterisklint")), "dialplan-check", "--asterisk-version", "22"]
    return subprocess.run(
        [*command, str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "ALINT_IGNORE": IGNORED},
    )


@pytest.fixture(scope="module")
def dialplan() -> str:
    return render(PLAN)["extensions.conf"]


@pytest.fixture(scope="module")
def manager() -> str:
    return render(PLAN)["manager.conf"]


def statements(dialplan: str) -> list[tuple[str, str, str, str]]:
    """Each step as (context, extension, label or empty, what it does)."""
    found, context, extension = [], "", ""
    for line in dialplan.splitlines():
        if heading := re.fullmatch(r"\[([^]]+)\]", line):
            context = heading[1]
        elif step := re.fullmatch(r"(?:exten => ([^,]+),(1)| same => n)(?:\((\w+)\))?,(.+)", line):
            extension = step[1] or extension
            found.append((context, extension, step[3] or "", step[4]))
        else:
            assert not line or line.startswith(";"), f"neither a comment nor a step: {line}"
    return found


def test_asterisklint_finds_nothing(dialplan: str, tmp_path: Path) -> None:
    result = lint(dialplan, tmp_path)
    assert (result.stdout + result.stderr, result.returncode) == ("", 0)


@pytest.mark.parametrize(
    ("before", "after"),
    [("Return()", "Retrun()"), ("Goto(done)", "Goto(doen)"), ("${DB(", "${BD("), ("?bye)", "?goodbye)")],
)
def test_asterisklint_would_have_found_something(dialplan: str, tmp_path: Path, before: str, after: str) -> None:
    assert lint(dialplan.replace(before, after, 1), tmp_path).returncode == 1


def test_every_way_on_leads_somewhere(dialplan: str) -> None:
    steps = statements(dialplan)
    extensions = {(context, extension) for context, extension, _label, _what in steps}
    labels = {(context, extension, label) for context, extension, label, _what in steps if label}
    ways = 0
    for context, extension, _label, what in steps:
        for goto in re.findall(r"(?:Gosub|Goto)\(([\w-]+),(?:line-)?([^,]+),1", what):
            there = {e for c, e in extensions if c == goto[0]}
            assert goto[1] in there or (goto[1] == "${KL_LINE}" and len(there) == len(PLAN.lines)), (context, what)
            ways += 1
        for there, label in re.findall(r"GotoIf\(.*\?(\w+),([a-z]\w*)\)$", what):
            assert (context, there, label) in labels, (context, what)
            ways += 1
        for targets in re.findall(r"(?:Goto\(|GotoIf\(.*\?)(\w+(?::\w+)?)(?:,1)?\)$", what):
            for target in targets.split(":"):
                assert (context, target) in extensions or (context, extension, target) in labels, (context, what)
            ways += 1
        if application := re.search(r"rU\(([\w-]+)\)|,([\w-]+joined)\)$", what):
            assert (application[1] or application[2], "s") in extensions
            ways += 1
    assert ways == len(re.findall(r"Goto\(|Gosub\(|GotoIf\(|keepline-joined\)", dialplan.replace("; Gosub(", "")))


def test_every_flow_that_asks_us_is_bounded_and_rescued(dialplan: str) -> None:
    steps = statements(dialplan)
    asking = [n for n, (_c, _e, _l, what) in enumerate(steps) if what.startswith("AGI(")]
    assert len(asking) == 5
    for n in asking:
        context = steps[n][0]
        if context == contract.QUESTION_CONTEXT:  # left behind when it is late: see keepline-ask
            continue
        before = [what for c, _e, _l, what in steps[:n] if c == context]
        assert "Set(AGIEXITONHANGUP=yes)" in before
        assert any(re.fullmatch(r"Set\(TIMEOUT\(absolute\)=[1-9]\d*\)", what) for what in before)
        assert [what for c, e, _l, what in steps if (c, e) == (context, "T")]
        assert f"{PLAN.token},lab," in steps[n][3]


def test_what_a_caller_controls_is_filtered_before_it_is_used(dialplan: str) -> None:
    """Caller ID and the like are attacker data; DTMF is digits by nature and compared only."""
    rest = dialplan
    for filtered in (
        "${FILTER(0-9+,${CALLERID(num)})}",
        "${FILTER(a-z,${CALLERID(num-pres):0:6})}",
        "${FILTER(a-zA-Z,${CHANNEL(language):0:2})}",
        "${FILTER(0-9A-Za-z._\\x2D,${UNIQUEID})}",
        "${FILTER(0-9A-Za-z._,${UNIQUEID})}",
        "${FILTER(0-9A-Za-z/@_.:+~=*#\\x2D,${KL_SPY})}",
        "${FILTER(0-9A-Za-z/@_.:+~=*#\\x2D\\x3B,${CHANNEL(name)})}",
        "${FILTER(0-9A-Za-z/@_.\\x3B\\x2D,${CHANNEL(name):0:-1}2)}",
        # set, not read
        "Set(CHANNEL(language)=${FILTER(a-z,${KL_LANGUAGE})})",
        "Set(CALLERID(num)=${FILTER(0-9+,${KL_NUMBER})})",
        "Set(CALLERID(num)=${FILTER(0-9+,${KL_FROM})})",
    ):
        assert filtered in rest
        rest = rest.replace(filtered, "")
    for variable in (
        *("CALLERID", "CONNECTEDLINE", "REDIRECTING", "${EXTEN", "DNID", "HEADER(", "CHANNEL(", "${UNIQUEID"),
        "${CHANNEL}",
    ):
        assert variable not in rest
    for risky in ("System(", "TrySystem(", "SHELL(", "EVAL(", "Exec(", "CURL("):
        assert risky not in dialplan


def test_no_pattern_and_no_number_of_ours_catches_an_emergency_call(dialplan: str) -> None:
    extensions = {extension for _c, extension, _l, _w in statements(dialplan)}
    assert not [extension for extension in extensions if extension.startswith("_")]
    assert extensions.isdisjoint(EMERGENCY)
    numbers = {extension for context, extension, _l, _w in statements(dialplan) if context == "keepline-lines"}
    assert numbers == {did for line in PLAN.lines for did in line.dids}
    codes = {extension for context, extension, _l, _w in statements(dialplan) if context == "keepline-operators"}
    assert codes == {"*5501", "#55*3"}


def test_a_code_asks_about_its_own_line_and_nobody_reaches_it_from_outside(dialplan: str) -> None:
    steps = statements(dialplan)
    assert [
        what for context, extension, _l, what in steps if (context, extension) == ("keepline-operators", "*5501")
    ] == [
        "Gosub(keepline-declare,s,1(support))",
        "Hangup()",
    ]
    assert {context for context, _e, _l, what in steps if "keepline-declare" in what} == {"keepline-operators"}
    assert not [what for _c, _e, _l, what in steps if "keepline-operators" in what]


def test_without_the_companion_an_operator_is_told_so_and_nothing_is_kept(dialplan: str) -> None:
    declare = [what for context, _e, _l, what in statements(dialplan) if context == "keepline-declare"]
    assert [what for what in declare if "-operator_failed)" in what]
    assert [what for what in declare if what.startswith("Gosub(keepline-play,s,1(")]
    assert not [what for what in declare if re.search(r"Set\(DB\(|Read\(|PIN", what)]


def test_the_context_for_operators_is_there_although_no_line_has_a_code(tmp_path: Path) -> None:
    lines = tuple(replace(line, declare_code=None) for line in PLAN.lines)
    dialplan = render(replace(PLAN, lines=lines))["extensions.conf"]
    assert "[keepline-operators]\n" in dialplan
    assert lint(dialplan, tmp_path).returncode == 0


def test_a_line_is_no_extension_of_asterisks_own(dialplan: str) -> None:
    """`h` runs at every hang-up, `i`, `t` and `T` for their own occasions."""
    connect = {extension for context, extension, _l, _w in statements(dialplan) if context == "keepline-connect"}
    assert connect == {"line-support", "line-sales", "line-h"}


def test_the_contract_is_what_both_sides_use(dialplan: str) -> None:
    for family in (contract.LINES, contract.PROMPTS, contract.ATTEMPTS):
        assert f"DB({family}/" in dialplan
    assert f"Set(LOCAL(kl_entry)={contract.KEYS}/" in dialplan
    for context in (contract.CALLBACK_CONTEXT, contract.REHEARSE_CONTEXT, contract.WHISPER_CONTEXT):
        assert f"[{context}]" in dialplan
    for phrase in contract.PROMPT_PHRASES:
        assert re.search(rf"[-?:]{phrase}\b", dialplan)
    assert f"Local/idle@{contract.REHEARSE_CONTEXT}/n" == contract.REHEARSE_CHANNEL
    assert "exten => idle,1," in dialplan
    assert f"Local/say@{contract.WHISPER_CONTEXT}/n" == contract.WHISPER_CHANNEL
    assert f"exten => {contract.WHISPER_EXTENSION},1," in dialplan


def test_the_account_lets_in_whom_it_names_and_may_do_what_is_done(manager: str) -> None:
    lines = manager.splitlines()
    rules = [line for line in lines if line.startswith(("deny", "permit"))]
    assert rules == ["deny = 0.0.0.0/0.0.0.0", "deny = ::/0", "permit = 127.0.0.1/32", "permit = 2001:db8::/64"]
    assert "[keepline]" in lines
    assert "secret = secret-of-the-test" in lines
    assert "read = system,call,agent,dialplan,reporting,user" in lines
    assert "write = system,reporting,originate" in lines


def test_the_account_is_sent_what_is_read_and_nothing_else(manager: str) -> None:
    assert [line for line in manager.splitlines() if line.startswith("eventfilter")] == [
        "eventfilter(action(include),name(FullyBooted)) =",
        "eventfilter(action(include),name(Hangup)) =",
        "eventfilter(action(include),name(VarSet),header(Variable),method(exact)) = QUEUESTATUS",
    ]


def test_where_events_cannot_be_filtered_by_name_their_text_is() -> None:
    """The filters as Asterisk applies them: POSIX expressions over all of an event's text, line ends included."""
    manager = render(replace(PLAN, named_filters=False))["manager.conf"]
    filters = [line.removeprefix("eventfilter = ") for line in manager.splitlines() if line.startswith("eventfilter")]
    assert filters == [
        "^Event: (FullyBooted|Hangup)[[:space:]]",
        "^Event: VarSet[[:space:]].*[[:space:]]Variable: QUEUESTATUS[[:space:]]",
    ]
    patterns = [re.compile(pattern.replace("[[:space:]]", r"\s"), re.DOTALL) for pattern in filters]

    def passes(*lines: str) -> bool:
        return any(pattern.search("\r\n".join([*lines, ""])) for pattern in patterns)

    assert passes("Event: Hangup", "Privilege: call,all", "Cause: 16")
    assert passes("Event: VarSet", "Privilege: dialplan,all", "Channel: x", "Variable: QUEUESTATUS", "Value: TIMEOUT")
    assert not passes("Event: HangupRequest", "Privilege: call,all")
    assert not passes("Event: UserEvent", "Text: Event: Hangup now")
    assert not passes("Event: VarSet", "Privilege: dialplan,all", "Channel: x", "Variable: QUEUESTATUSES", "Value: 1")
    assert not passes("Event: VarSet", "Privilege: dialplan,all", "Channel: x", "Variable: PIN", "Value: 1234")


def segmented(*numbers: str, priority: int = 5) -> LinePlan:
    segment = SegmentPlan(numbers=numbers, priority=priority)
    return LinePlan(name="a", dids=("1",), patience=1, queue="q", segments=(segment,))


BAD = "x)\nexten => _X.,1,System(id)"


@pytest.mark.parametrize(
    "plan",
    [
        replace(PLAN, pbx=BAD),
        replace(PLAN, pbx="_X."),
        replace(PLAN, username="a]b"),
        replace(PLAN, agi_url="agi://x,y"),
        replace(PLAN, agi_url="agi://x/${SHELL(id)}"),
        replace(PLAN, audio_url="http://x;y"),
        replace(PLAN, permit=("0.0.0.0/0\nread = all",)),
        replace(PLAN, events=(ReadEvent(name="Hangup)) =\nread = all"),)),
        replace(PLAN, events=(ReadEvent(name="VarSet", header="Variable", value=".*"),)),
        replace(PLAN, lines=(LinePlan(name="_X.", dids=("1",), patience=1, queue="q"),)),
        replace(PLAN, lines=(LinePlan(name="a,b", dids=("1",), patience=1, queue="q"),)),
        replace(PLAN, lines=(LinePlan(name="a", dids=("_X.",), patience=1, queue="q"),)),
        replace(PLAN, lines=(LinePlan(name="a", dids=("1",), patience=1, queue="q,t"),)),
        replace(PLAN, lines=(LinePlan(name="a", dids=("1",), patience=1, ring=("PJSIP/1&SIP/900",)),)),
        replace(PLAN, lines=(LinePlan(name="a", dids=("\u0661",), patience=1, queue="q"),)),
        replace(PLAN, lines=(LinePlan(name="a", dids=("1",), patience=1, queue="q", declare_code="_*X."),)),
        replace(PLAN, lines=(LinePlan(name="a", dids=("1",), patience=1, queue="q", declare_code=""),)),
        replace(PLAN, sounds="/sounds,skip"),
        replace(PLAN, sounds="sounds"),
        replace(PLAN, sounds="/a${SHELL(id)}"),
        replace(PLAN, lines=(segmented("_X."),)),
        replace(PLAN, lines=(segmented("[1-9]"),)),
        replace(PLAN, lines=(segmented("49*30"),)),
        replace(PLAN, lines=(segmented("*"),)),
        replace(PLAN, lines=(segmented("49,1"),)),
    ],
)
def test_what_a_dialplan_would_read_as_its_own_is_refused_before_anything_is_written(
    plan: PbxPlan, tmp_path: Path
) -> None:
    with pytest.raises(Unrenderable, match="has characters that a dialplan would interpret"):
        write(plan, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("field", ["token", "secret"])
@pytest.mark.parametrize("value", ["a,b", "a;b", "a b", "a\nb", "", "${X}", "a|b"])
def test_a_secret_that_cannot_be_written_is_refused_and_not_shown(field: str, value: str) -> None:
    with pytest.raises(Unrenderable) as error:
        render(replace(PLAN, **{field: value}))  # type: ignore[arg-type]
    assert "(not shown)" in str(error.value)


def test_files_with_secrets_are_for_owner_and_group_and_replaced_whole(tmp_path: Path) -> None:
    for _ in range(2):  # also over what an earlier run, or one that died, left behind
        paths = write(PLAN, tmp_path)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["extensions.conf", "manager.conf"]
        assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o640}
        (tmp_path / "manager.new").write_text("half", encoding="utf-8")
    assert PLAN.secret not in repr(PLAN)
    assert PLAN.token not in repr(PLAN)
