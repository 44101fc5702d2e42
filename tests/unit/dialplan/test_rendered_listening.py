"""What the dialplan plays by itself and what becomes of a key: nothing a caller pressed is lost, whoever dies when."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest

from dialplan_templates import contract
from dialplan_templates.render import AGAIN_MOST, CACHED_MOST, KEY_WAIT, SILENT_FOR, render
from tests.unit.dialplan.test_rendered_delivery import CHOSEN, VARIANTS, steps
from tests.unit.dialplan.test_rendered_dialplan import PLAN, statements

ASKED = "Gosub(keepline-ask,s,1(pressed,${kl_line},${KL_KEY}))"
CALLABLE = '${IF($["${FILTER(a-z,${CALLERID(num-pres):0:6})}" = "prohib"]?:${FILTER(0-9+,${CALLERID(num)})})}'
UNANSWERED = 'GotoIf($["${KL_NEXT}" = ""]?alone)'
IS_KEPT = 'GotoIf($["${DB(${kl_entry})}" = ""]?done)'
every_variant = pytest.mark.parametrize("plan", VARIANTS)


class Step(NamedTuple):
    label: str
    what: str


def listing(context: str, extension: str = "s", plan: str = "plain") -> list[Step]:
    text = render(VARIANTS[plan])["extensions.conf"]
    return [Step(label, what) for c, e, label, what in statements(text) if (c, e) == (context, extension)]


def at(steps: list[Step], beginning: str) -> int:
    """Where the only step is that begins so."""
    [found] = [n for n, step in enumerate(steps) if step.what.startswith(beginning)]
    return found


def labelled(steps: list[Step], label: str) -> int:
    [found] = [n for n, step in enumerate(steps) if step.label == label]
    return found


@every_variant
def test_a_key_is_in_astdb_before_anybody_is_asked_about_it(plan: str) -> None:
    listen = listing("keepline-listen", plan=plan)
    kept, asked = at(listen, "Set(DB(${kl_entry})="), at(listen, ASKED)
    assert labelled(listen, "keep") == kept - 2
    assert not [step for step in listen[kept:asked] if step.label]  # nobody comes in between from elsewhere
    assert not [step for step in listen[kept + 1 : asked] if not step.what.startswith(("Set(", "GotoIf("))]
    assert listen[kept].what == f"Set(DB(${{kl_entry}})=${{EPOCH}}:${{kl_line}}:${{KL_KEY}}:{CALLABLE}:{CHOSEN})"
    entry = f"Set(LOCAL(kl_entry)={contract.KEYS}/${{FILTER(0-9A-Za-z._\\x2D,${{UNIQUEID}})}}-${{KL_KEY}})"
    assert listen[kept - 1].what == entry


@every_variant
def test_it_is_forgotten_there_only_once_the_companion_has_left_its_receipt(plan: str) -> None:
    listen = listing("keepline-listen", plan=plan)
    asked, forgotten = at(listen, ASKED), at(listen, "Set(LOCAL(kl_forgotten)=${DB_DELETE(${kl_entry})})")
    assert listen[forgotten - 1].what == UNANSWERED
    assert asked < forgotten
    assert not [step for step in listen[asked : forgotten + 1] if step.label]  # so nobody gets past the receipt
    ask = listing("keepline-ask", plan=plan)
    assert ask[0].what.startswith("MSet(KL_NEXT=,SHARED(KL_ANSWER)=,")  # it is this question's receipt, and no other's
    everywhere = [what for _c, _e, _l, what in statements(render(VARIANTS[plan])["extensions.conf"])]
    assert len([what for what in everywhere if "DB_DELETE" in what or "DBdel" in what]) == 1


def test_a_question_is_put_for_the_caller_on_a_channel_that_may_be_left_behind() -> None:
    for plan, wide in (("plain", False), ("wide", True), ("shared", True)):
        ask, question = listing("keepline-ask", plan=plan), listing(contract.QUESTION_CONTEXT, "ask", plan)
        about = ask[at(ask, "Set(_KL_ABOUT=")].what.removeprefix("Set(_KL_ABOUT=").removesuffix(")")
        line, attempt, wideband, *caller = about.split(",", 3)
        assert (line, attempt) == ("${ARG2}", "")
        assert wideband.startswith("${REGEX(") is wide
        assert caller[0].startswith(
            "${ARG3},${FILTER(0-9A-Za-z._\\x2D,${UNIQUEID})},${TOLOWER(${FILTER(a-zA-Z,${CHANNEL(language):0:2})})}"
        )
        put = f"Dial(Local/ask@{contract.QUESTION_CONTEXT}/n,{PLAN.budget},IU({contract.QUESTION_CONTEXT}))"
        assert at(ask, put) > at(ask, "Set(_KL_ABOUT=")
        asked = f"AGI({PLAN.agi_url}/${{KL_ASKS}},{PLAN.token},lab,${{KL_ABOUT}})"
        # What a stranger on the companion's port sets stays on the channel that asked: only these come back, filtered.
        assert at(question, asked) < at(question, 'ExecIf($["${KL_NEXT}" != ""]?Set(SHARED(KL_ANSWER,${KL_ASKED_BY})=')
        [back] = [step.what for step in question if "KL_ANSWER" in step.what]
        assert re.findall(r"\$\{(KL_\w+)\}", back) == ["KL_NEXT", "KL_ASKED_BY", "KL_NEXT", "KL_KEYS", "KL_SAY"]
        assert len(re.findall(r"FILTER\(", back)) == 3
        everywhere = statements(render(VARIANTS[plan])["extensions.conf"])
        waits = {c for c, _e, _l, what in everywhere if what.startswith("AGI(")}
        talks = {"keepline-arrange", "keepline-callback", "keepline-declare"}
        assert waits == {contract.QUESTION_CONTEXT, "keepline-rehearse"} | talks


def test_who_was_late_is_not_asked_for_some_seconds_and_never_for_long() -> None:
    ask = listing("keepline-ask")
    silent = at(ask, "GotoIf($[0${GLOBAL(KL_SILENT)} > ${EPOCH} & ")
    assert ask[silent].what.endswith(f"<= ${{EPOCH}} + {SILENT_FOR}]?done)")  # whatever becomes of the PBX's clock
    assert silent < at(ask, "Dial(") < at(ask, 'ExecIf($["${kl_answer}" = "" & ')
    assert "KL_NEXT=" in ask[0].what
    assert labelled(ask, "done") == len(ask) - 1


def test_who_has_no_companion_asks_nobody_about_a_key() -> None:
    listen = listing("keepline-listen")
    assert listen[at(listen, "Set(DB(${kl_entry})=") + 1].what == 'GotoIf($["${kl_how}" != "live"]?alone)'
    for context in ("keepline-enter", "keepline-unanswered"):
        [alone] = [step.what for step in listing(context, "fallback") if "keepline-listen" in step.what]
        [live] = [step.what for step in listing(context) if "keepline-listen" in step.what]
        assert alone.endswith(",alone))")
        assert live == "Gosub(keepline-listen,s,1(${kl_line},${KL_KEYS},live))"


def test_without_a_receipt_a_key_is_confirmed_only_if_it_can_be_read_back() -> None:
    listen = listing("keepline-listen")
    alone = listen[labelled(listen, "alone") :]
    assert [step.what for step in alone[:5]] == [
        "Set(KL_NEXT=continue)",
        IS_KEPT,
        f"Set(LOCAL(kl_number)={CALLABLE})",
        'GotoIf($["${kl_number}" = ""]?nobody)',
        "Set(KL_NEXT=hangup)",
    ]
    said = [n for n, step in enumerate(listen) if "noted_offline" in step.what or "=hangup" in step.what]
    assert len(said) == 3
    assert min(said) > labelled(listen, "alone") + 3
    done = labelled(listen, "done")
    assert listen[done : done + 2] == [Step("done", "Set(TIMEOUT(absolute)=0)"), Step("", "Return()")]


def test_whoever_cannot_be_called_is_promised_nothing_while_the_companion_is_away() -> None:
    listen = listing("keepline-listen")
    nobody = [step.what for step in listen[labelled(listen, "nobody") :]]
    assert [what for what in nobody if "DB(" in what and "offer_no_number" not in what] == []
    assert nobody[-2:] == ["Gosub(keepline-play,s,1(${kl_one},${kl_two}))", "Return()"]
    fallback = steps("plain", "keepline-unanswered", "fallback")
    assert fallback[:3] == [
        f"Set(LOCAL(kl_number)={CALLABLE})",
        'Set(LOCAL(kl_offer)=${IF($["${kl_number}" = ""]?offer_no_number:offer)})',
        f'Set(LOCAL(kl_keys)=${{IF($["${{kl_number}}" = ""]?:{contract.OFFER_KEYS})}})',
    ]
    assert fallback[-2] == "Gosub(keepline-listen,s,1(${kl_line},${kl_keys},alone))"


@every_variant
def test_what_is_arranged_is_confirmed_however_it_ends_if_it_is_stored(plan: str) -> None:
    listen = listing("keepline-listen", plan=plan)
    forgotten = at(listen, "Set(LOCAL(kl_forgotten)=")
    assert [step.what for step in listen[forgotten + 1 : forgotten + 3]] == [
        'GotoIf($["${KL_NEXT}" = "arrange"]?arrange)',
        'GotoIf($["${KL_NEXT}" = "ask"]?ask)',
    ]
    for label, stored in (("arrange", "yes"), ("ask", "no")):
        there = labelled(listen, label)
        assert listen[there].what == f"Gosub(keepline-arrange,s,1(${{kl_line}},{stored}))"
        assert listen[there + 1].what == "Return()"
    arrange = [step.what for step in listing("keepline-arrange", plan=plan)]
    asked = next(n for n, what in enumerate(arrange) if what.startswith("AGI("))
    assert arrange[:asked] == [
        "MSet(LOCAL(kl_line)=${ARG1},KL_NOTED=${ARG2},KL_NEXT=)",
        "Set(AGIEXITONHANGUP=yes)",
        f"Set(TIMEOUT(absolute)={PLAN.budget})",
    ]
    assert arrange[asked + 1 :] == [
        "Set(TIMEOUT(absolute)=0)",
        'GotoIf($["${KL_NEXT}" = ""]?fallback,1)',
        "Return()",
    ]
    assert steps(plan, "keepline-arrange", "T") == ["Set(TIMEOUT(absolute)=0)", "Goto(fallback,1)"]
    assert steps(plan, "keepline-arrange", "fallback") == [
        'Set(KL_NEXT=${IF($["${KL_NOTED}" = "yes"]?hangup:continue)})',
        'Set(LOCAL(kl_said)=${IF($["${KL_NOTED}" = "yes"]?noted_offline:not_noted)})',
        f"Set(LOCAL(kl_one)=${{DB({contract.PROMPTS}/${{kl_line}}-${{kl_said}}/{CHOSEN})}})",
        f"Set(LOCAL(kl_two)=${{DB({contract.PROMPTS}/${{kl_line}}-${{kl_said}})}})",
        "Gosub(keepline-play,s,1(${kl_one},${kl_two}))",
        "Return()",
    ]


def test_when_the_time_is_over_who_pressed_none_goes_on() -> None:
    assert steps("plain", "keepline-listen", "T") == ["Set(TIMEOUT(absolute)=0)", "Return()"]
    listen = listing("keepline-listen")
    # Whoever pressed none has a way on, and no key of an earlier round is taken for theirs.
    assert listen[0].what.startswith("MSet(KL_NEXT=continue,")
    # Once there is a key nothing runs out any more: it is on its way to AstDB.
    assert listen[labelled(listen, "keep")].what == "Set(TIMEOUT(absolute)=0)"
    assert listen[labelled(listen, "say")].what == "Set(KL_KEY=)"
    assert at(listen, "Read(KL_KEY,") == labelled(listen, "say") + 1


def test_what_is_played_is_bounded_in_number_and_in_time() -> None:
    listen = listing("keepline-listen")
    say, read = labelled(listen, "say"), at(listen, "Read(KL_KEY,")
    assert listen[read].what == f"Read(KL_KEY,${{KL_FILE}},1,,1,{KEY_WAIT})"  # one key, and all of it once
    assert KEY_WAIT + 1 < 4  # with the second before the next round: no longer silence than that
    assert f"LOCAL(kl_times)={AGAIN_MOST + 1})" in listen[0].what
    assert at(listen, f"Set(TIMEOUT(absolute)={CACHED_MOST})") < say
    back = at(listen, "GotoIf($[${kl_times} > 0]?say)")
    assert listen[back - 1].what == "Set(LOCAL(kl_times)=$[${kl_times} - 1])"
    assert [step.what for step in listen[back + 1 : back + 3]] == ["Set(KL_KEY=)", "Goto(done)"]
    assert [n for n, step in enumerate(listen) if re.search(r"[(?:]say[):]", step.what)] == [back]


def test_only_what_was_offered_is_a_choice_and_zero_never_is() -> None:
    listen = listing("keepline-listen")
    assert "LOCAL(kl_keys)=${FILTER(1-9*#,${ARG2})}," in listen[0].what
    chosen = at(listen, 'GotoIf($["${FILTER(${kl_keys},${KL_KEY})}" != ""]?keep)')
    assert listen[chosen - 1].what == 'GotoIf($["${KL_KEY}" = ""]?done)'
    assert [n for n, step in enumerate(listen) if step.what.endswith("keep)")] == [chosen]


@pytest.mark.parametrize("context", ["keepline-enter", "keepline-unanswered"])
def test_what_the_companion_named_is_played_or_else_what_the_pbx_has(context: str) -> None:
    asked = listing(context)
    after = [step.what for step in asked[at(asked, "Gosub(keepline-ask,") + 1 :]]
    assert after == [
        'GotoIf($["${KL_NEXT}" = ""]?fallback,1)',
        'GotoIf($["${KL_NEXT}" != "say"]?done)',
        "Gosub(keepline-gather,s,1(${KL_SAY}))",
        'GotoIf($["${KL_FILE}" = ""]?fallback,1)',
        "Gosub(keepline-listen,s,1(${kl_line},${KL_KEYS},live))",
        "Return()",
    ]


@every_variant
def test_of_several_recordings_the_last_one_is_required_and_the_others_may_be_missing(plan: str) -> None:
    gather = listing("keepline-gather", plan=plan)
    found = at(gather, "Gosub(keepline-find,s,1(${CUT(kl_names,-,1)}))")
    assert labelled(gather, "next") == found
    added = at(gather, 'ExecIf($["${KL_FILE}" != ""]?Set(LOCAL(kl_files)=${kl_files}')
    taken, again = at(gather, "Set(LOCAL(kl_names)="), at(gather, 'GotoIf($["${kl_names}" != ""]?next)')
    assert [found, added, taken, again] == [1, 2, 3, 4]
    assert gather[taken].what == "Set(LOCAL(kl_names)=${CUT(kl_names,-,2-)})"
    # What the last search has left decides: without it nothing is played, whatever may be said after it.
    assert [step.what for step in gather[again + 1 :]] == [
        'GotoIf($["${KL_FILE}" = ""]?done)',
        "Set(KL_FILE=)",
        'GotoIf($["${kl_also}" = ""]?joined)',
        "Gosub(keepline-find,s,1(${kl_also}))",
        'Set(KL_FILE=${kl_files}${IF($["${KL_FILE}" = ""]?:&)}${KL_FILE})',
        "Return()",
    ]
    assert labelled(gather, "joined") == labelled(gather, "done") - 1 == len(gather) - 2


def test_what_is_said_after_the_others_is_named_behind_a_point() -> None:
    first = listing("keepline-gather")[0].what
    assert "LOCAL(kl_names)=${FILTER(0-9a-f\\x2D,${CUT(ARG1,.,1)})}" in first
    assert "LOCAL(kl_also)=${FILTER(0-9a-f,${CUT(ARG1,.,2)})}" in first
    [answer] = [what for what in steps("plain", contract.QUESTION_CONTEXT) if "SHARED(KL_ANSWER" in what]
    assert "${FILTER(0-9a-f.\\x2D,${KL_SAY})}" in answer
