"""What the dialplan says and to whom: languages, recordings in both rates or in a shared directory, places in line."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from dialplan_templates import contract
from dialplan_templates.render import EMERGENCY, LinePlan, SegmentPlan, Unrenderable, render
from tests.unit.dialplan.test_rendered_dialplan import PLAN, lint, segmented, statements

STEP = contract.PRIORITY_STEP
VIP = SegmentPlan(numbers=("+4930*", "4917012345"), priority=7)
PARTNERS = SegmentPlan(numbers=("+493055*", "4917012345"), priority=3)
SUPPORT = replace(PLAN.lines[0], segments=(PARTNERS, VIP))
SEGMENTED = replace(PLAN, lines=(SUPPORT, replace(PLAN.lines[1], segments=(VIP,))))
VARIANTS = {
    "plain": PLAN,
    "segmented": SEGMENTED,
    "wide": replace(PLAN, wide=True),
    "shared": replace(PLAN, sounds="/srv/keepline", wide=True),
}
CHOSEN = "${TOLOWER(${FILTER(a-zA-Z,${CHANNEL(language):0:2})})}"


def steps(plan: str, context: str, extension: str | None = None) -> list[str]:
    found = statements(render(VARIANTS[plan])["extensions.conf"])
    return [what for c, e, _label, what in found if c == context and extension in (None, e)]


@pytest.mark.parametrize("plan", ["segmented", "wide", "shared"])
def test_asterisklint_finds_nothing_in_any_variant(plan: str, tmp_path: Path) -> None:
    result = lint(render(VARIANTS[plan])["extensions.conf"], tmp_path)
    assert (result.stdout + result.stderr, result.returncode) == ("", 0)


def test_a_healthy_line_is_read_once_and_asked_nothing() -> None:
    entered = steps("plain", "keepline-enter", "s")
    gate = entered.index("GotoIf($[0${CUT(kl_state,-,4)} <= ${EPOCH}]?done)")
    before = entered[:gate]
    assert [what for what in before if "DB(" in what] == [
        "MSet(LOCAL(kl_line)=${ARG1},LOCAL(kl_state)=${DB(keepline-line/${ARG1})},KL_NEXT=continue)"
    ]
    assert not [what for what in before if re.match(r"AGI|Answer|Dial|Gosub|Wait|Playback|Read", what)]


@pytest.mark.parametrize("plan", VARIANTS)
def test_nothing_is_fetched_while_a_caller_waits(plan: str) -> None:
    """A fetch cannot be interrupted: all that is played is a file that is there."""
    text = render(VARIANTS[plan])["extensions.conf"]
    played = re.findall(r"(?:Playback|Read)\(([^)]*)\)", text.replace("${KL_FILE}", "KL_FILE"))
    assert len(played) == 4
    assert all("KL_FILE" in what and "http" not in what for what in played)


def test_a_recording_is_looked_up_in_the_media_cache_by_its_address() -> None:
    found = steps("plain", "keepline-find")
    address = f"{PLAN.audio_url}/announcements/${{kl_hash}}.wav"
    assert f"Set(LOCAL(kl_copy)=${{DB(${{DB(MediaCache/{address})}}/path)}})" in found
    assert 'GotoIf($["${kl_copy:-4}" = ".wav" & ${STAT(e,${kl_copy})}]?found)' in found
    assert not [what for what in found if "wav16" in what]


def test_wideband_channels_get_16_khz_first_and_the_desk_is_told() -> None:
    found = steps("wide", "keepline-find")
    narrow = next(n for n, what in enumerate(found) if what.endswith("= 0]?narrow)"))
    suffixes = [what for what in found if "MediaCache/" in what]
    assert [what.endswith(".wav16)}/path)})") for what in suffixes] == [True, False]
    assert found.index(suffixes[0]) > narrow
    assert "Set(KL_FILE=${kl_copy:0:-6})" in found
    [about] = [what for what in steps("wide", "keepline-ask") if what.startswith("Set(_KL_ABOUT=")]
    assert re.match(r"Set\(_KL_ABOUT=\$\{ARG2\},,\$\{REGEX\(.*audionativeformat.*\)\},\$\{ARG3\}", about)
    [callback] = [what for what in steps("wide", "keepline-callback") if what.startswith("AGI(")]
    assert "${KL_LINE},${KL_ATTEMPT},${REGEX(" in callback


def test_a_shared_directory_is_read_and_no_address() -> None:
    found = steps("shared", "keepline-find")
    assert "Set(KL_FILE=/srv/keepline/${kl_hash})" in found
    assert not [what for what in found if "http" in what or "MediaCache" in what]


@pytest.mark.parametrize(
    ("context", "entries"),
    [
        ("keepline-unanswered", [f"{contract.PROMPTS}/${{kl_line}}-${{kl_offer}}"]),
        (
            "keepline-listen",
            [f"{contract.PROMPTS}/${{kl_line}}-{said}" for said in ("noted_offline", "offer_no_number")],
        ),
        ("keepline-arrange", [f"{contract.PROMPTS}/${{kl_line}}-${{kl_said}}"]),
        ("keepline-declare", [f"{contract.PROMPTS}/${{kl_line}}-operator_failed"]),
        ("keepline-connect", [f"{contract.PROMPTS}/{line.name}-callback_unmet" for line in PLAN.lines]),
    ],
)
def test_whatever_is_said_is_looked_for_in_the_callers_language_and_then_without(
    context: str, entries: list[str]
) -> None:
    read = " ".join(steps("plain", context))
    for entry in entries:
        assert f"${{DB({entry}/{CHOSEN})}}" in read
        assert f"${{DB({entry})}}" in read


def test_a_lines_state_is_looked_for_in_the_callers_language_and_is_there_without() -> None:
    assert "${DB(keepline-line/${ARG1})}" in steps("plain", "keepline-enter", "s")[0]
    assert f"${{DB({contract.LINES}/${{kl_line}}/{CHOSEN})}}" in " ".join(steps("plain", "keepline-enter", "fallback"))


def test_no_line_is_tried_for_ever() -> None:
    line = steps("plain", "keepline-line-support")
    assert [what for what in line if re.fullmatch(r"GotoIf\(\$\[\$\{KL_ROUNDS\} < [1-9]\d*\]\?try\)", what)]


def test_a_segments_callers_are_matched_by_the_longest_that_fits() -> None:
    text = render(SEGMENTED)["extensions.conf"]
    found = [(e, what) for c, e, _l, what in statements(text) if c == "keepline-segment-support"]
    assert [pair for pair in found if pair[1] != "Return()"] == [
        ("_c+4930!", f"Set(KL_PLACE=$[${{KL_PLACE}} + {7 * STEP}])"),
        ("_c+493055!", f"Set(KL_PLACE=$[${{KL_PLACE}} + {3 * STEP}])"),
        ("c4917012345", f"Set(KL_PLACE=$[${{KL_PLACE}} + {7 * STEP}])"),  # in two segments: the higher place
    ]
    assert found[-1] == ("_c!", "Return()")
    assert "[keepline-segment-sales]" not in text  # phones that ring have no places
    line = steps("segmented", "keepline-line-support")
    placed = line.index("Gosub(keepline-segment-support,c${FILTER(0-9+,${CALLERID(num)})},1)")
    assert line[placed + 1] == "Set(QUEUE_PRIO=${KL_PLACE})"
    assert line[placed + 2].startswith("Queue(")


def test_who_came_first_is_ahead_whoever_comes_back_first_from_the_offer() -> None:
    line = steps("plain", "keepline-line-support")
    taken = line.index(f"Set(KL_PLACE=$[{STEP - 1} - (${{EPOCH}} % {STEP})])")
    retried = next(n for n, what in enumerate(line) if what.startswith("Queue("))
    assert taken < retried - 1, "once, and not in every round"
    assert line[retried - 1] == "Set(QUEUE_PRIO=${KL_PLACE})"
    assert (contract.CALLBACK_PRIORITY + 1) * STEP < 2**31, "Asterisk reads it into an int"


def test_who_accepted_a_callback_goes_before_every_segment() -> None:
    place = contract.CALLBACK_PRIORITY * contract.PRIORITY_STEP
    ahead = f"Set(QUEUE_PRIO=$[{place} + 0${{FILTER(0-9,${{KL_PLACE}})}}])"
    assert ahead in steps("segmented", "keepline-connect")
    for priority in (-1, contract.CALLBACK_PRIORITY):
        with pytest.raises(Unrenderable, match="is not 0 to 9"):
            render(replace(PLAN, lines=(segmented("49*", priority=priority),)))


@pytest.mark.parametrize("number", [*sorted(EMERGENCY), "+112"])
def test_an_emergency_number_never_leads_to_a_line(number: str) -> None:
    for line in (
        LinePlan(name="a", dids=(number,), patience=1, queue="q"),
        LinePlan(name="a", dids=("5550100",), patience=1, queue="q", declare_code=number),
    ):
        with pytest.raises(Unrenderable, match="is an emergency number"):
            render(replace(PLAN, lines=(line,)))


def test_a_whisper_reaches_one_caller_and_nobody_by_mistake() -> None:
    spied = steps("plain", contract.WHISPER_CONTEXT, contract.WHISPER_EXTENSION)
    guard = spied.index('GotoIf($["${KL_SPY}" = ""]?bye)')  # ChanSpy without a name is for every channel there is
    [whispered] = [n for n, what in enumerate(spied) if what.startswith("ChanSpy(")]
    assert guard < whispered
    options = re.fullmatch(r"ChanSpy\(\$\{KL_SPY\},(\w+)\)", spied[whispered])
    assert options is not None
    assert set("uqWES") == set(options[1])  # no B: the agent whom the caller gets meanwhile does not hear it


def test_what_an_operator_spoke_is_emptied_however_the_call_ends() -> None:
    emptied = "ExecIf($[${STAT(e,${KL_TAKE}.ulaw)}]?Set(FILE(${KL_TAKE}.ulaw,,,,u)=))"
    assert steps("plain", "keepline-declare", "h") == [emptied]
    assert steps("plain", "keepline-declare", "fallback")[0] == emptied
    taken = steps("plain", "keepline-declare", "s")
    assert taken[-2:] == [emptied, "Return()"]
    assert taken.index("Set(KL_TAKE=${ASTSPOOLDIR}/keepline-${FILTER(0-9A-Za-z._,${UNIQUEID})})") < len(taken) - 2
