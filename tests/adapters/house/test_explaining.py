"""Why a caller hears what they hear: from what the rooms know, and from what the PBX itself holds."""

from __future__ import annotations

from ami_bridge.domain.line import Attendance
from ami_bridge.domain.names import LineName
from ami_bridge.domain.trace import Match, Part, TracedLine
from ami_bridge.explaining import Explainer
from dialplan_templates import contract
from tests.adapters.ami.manager import until
from tests.adapters.house.house import LINE, PBX, House, Pbx, settings

ANN = "+15550001"


def an_explainer(house: House, pbx: Pbx) -> Explainer:
    wanted = settings(house.file.parent, pbx)
    return Explainer({PBX: house.runner}, {LINE: wanted.tenant[0]}, house.store, house.library, house.clock)


async def explained(house: House, pbx: Pbx, number: str = ANN) -> TracedLine:
    [line] = await an_explainer(house, pbx).trace(number, None, None)
    return line


async def fails(house: House, pbx: Pbx) -> None:
    pbx.trunk("acme-primary", reachable=False)
    await until(lambda: LINE in house.runner.announcer.live and "en" in house.runner.announcer.live[LINE])
    await until(lambda: "since" in house.runner.announcer.live[LINE]["en"].saying.params)
    await until(lambda: not house.runner.announcer._behind)


async def test_a_healthy_line_is_said_to_be_one(house: House, pbx: Pbx) -> None:
    await house.start()
    line = await explained(house, pbx)
    assert (line.hears, line.keys, line.without_us) == ((), {}, ())
    assert (line.on_pbx.match, line.callback_refusal, line.promise) == (Match.SAME, None, None)
    assert line.why == ("nothing is known to be wrong: the call goes its normal way without asking us",)


async def test_a_fault_is_explained_by_its_incident_and_what_the_pbx_would_say_alone(house: House, pbx: Pbx) -> None:
    await house.owe(ANN)
    await house.start()
    await fails(house, pbx)
    await until(lambda: house.runner.known.affairs(LINE, ANN) is not None)
    line = await explained(house, pbx)
    assert [heard.part for heard in line.hears] == [Part.PROMISE, Part.ANNOUNCEMENT]
    assert set(line.keys) == {"0", "1", "2"}
    assert line.on_pbx.match is Match.SAME
    assert "a trunk" in line.why[0]
    assert len(line.without_us) == 2, "in full until the next word, then without a time"
    assert line.without_us[0].until < line.without_us[1].until
    assert line.promise is not None
    assert line.promise.startswith("a call back in turn")


async def test_a_pbx_that_holds_something_else_is_found_out(house: House, pbx: Pbx) -> None:
    await house.start()
    await fails(house, pbx)
    pbx.astdb[contract.LINES][LINE] = "x"
    assert (await explained(house, pbx)).on_pbx.match is Match.DIFFERS
    del pbx.astdb[contract.LINES][LINE]
    line = await explained(house, pbx)
    assert (line.on_pbx.match, line.without_us) == (Match.DIFFERS, ())
    pbx.answers["DBGetTree"] = lambda _action: None
    assert (await explained(house, pbx)).on_pbx.match is Match.UNREACHABLE


async def test_who_may_not_be_called_back_is_told_why_and_a_line_that_is_not_there_has_no_entry(
    house: House, pbx: Pbx
) -> None:
    await house.start()
    assert "not among those" in str((await explained(house, pbx, "+4412345678")).callback_refusal)
    assert await an_explainer(house, pbx).trace(ANN, LineName("nowhere"), None) == []
    house.runner.watch.lines[LINE].attendance = Attendance.UNANSWERED
    assert "nobody has answered" in (await explained(house, pbx)).why[0]
