"""Orders on the real test PBX: by telephone, by the command and by webhook, and what callers hear of them.

The ledger is empty at the beginning of the file, agent 102 is there, and each test leaves nothing out of order.
Support (*5501) and sales are Acme's, over acme-primary; the webhook `monitoring` speaks of that trunk (keepline.toml).
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest
import pytest_asyncio
from aiohttp import ClientSession

from docker.lab.carrier import Call
from docker.lab.hearing import heard, tone
from docker.lab.house import line, trunk
from docker.lab.stack import Stack
from docker.lab.story import FAULT, GOOD, SALES, SUPPORT, Quiet, Story, told
from docker.lab.witness import Incident

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

CODE = "*5501"
LISTENS = 1.3  # seconds to a prompt before a key is pressed
GETS_THE_POINT = 3.0  # seconds until a caller has heard what is out of order

# The beginnings of what is said (ami_bridge/voice/phrases/en).
PIN = "Please key in your PIN"
PIN_AGAIN = "That was not right."
REFUSED = "We are sorry. Without the right PIN nothing can be changed from here."
CLEAR = "No outage is declared on this line."
DECLARED = "An outage is declared on this line."
DONE = "It is done. An outage is declared on this line."
ENDED = "It is done. No outage is declared on this line any more."
BY_TELEPHONE = (PIN, PIN_AGAIN, REFUSED, CLEAR, DECLARED, "Nobody has declared an outage", DONE, ENDED)


@dataclass(frozen=True, slots=True)
class Operator:
    """Gives orders: at phone 101, with the command, and as the system `monitoring`."""

    story: Story
    pbx: str  # its address
    page: str
    token: str
    pin: str
    reporting: str  # the webhook's token

    async def dials(self) -> Call:
        """Dial the line's code at phone 101 and listen to what is asked."""
        self.story.mark = self.story.lab.pbx.ami.mark()
        call = await self.story.lab.carrier.call_from("101", f"sip:{CODE}@{self.pbx}:5060")
        await call.answered()
        await self.hears(call, PIN)
        return call

    async def keys(self, call: Call, digits: str, answer: str) -> None:
        """Key in a PIN and listen to the answer."""
        self.story.mark = self.story.lab.pbx.ami.mark()
        await call.press(f"{digits}#")
        await self.hears(call, answer)

    async def hears(self, call: Call, words: str) -> None:
        await self.story.says(call, words, LISTENS)

    async def commands(self, *arguments: str) -> str:
        """`keepline ARGUMENTS` on this machine, with the page's address and the token alone; what it answers."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ami_bridge.cli", *arguments, "--url", self.page),
            env={**os.environ, "KEEPLINE_WEB_TOKEN": self.token},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(20):
            out, err = await process.communicate()
        assert (process.returncode, err.decode()) == (0, "")
        return out.decode()

    async def commands_within(self, *arguments: str) -> str:
        """The same in the companion's own container, with its settings and secrets."""
        where = ("--config", "/etc/keepline/keepline.toml")
        return await self.story.stack.execute("keepline", "keepline", *arguments, *where)

    async def reports(self, state: str, words: str) -> dict[str, object]:
        """What `monitoring` says of acme-primary, and the answer it gets."""
        about = {"pbx": "lab", "kind": "trunk", "name": "acme-primary", "state": state, "words": words, "minutes": 5}
        async with (
            ClientSession(headers={"Authorization": f"Bearer {self.reporting}"}) as session,
            session.post(f"{self.page}/hooks/plain/monitoring", json=about) as answer,
        ):
            assert answer.status == 200
            said: dict[str, object] = await answer.json()
            return said


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def story(stack: Stack) -> AsyncIterator[Story]:
    async with told(stack, Quiet()) as story:
        await story.begin()
        await story.lab.carrier.agent_arrives("102")
        await story.lab.pbx.agent_becomes("102", "NOT_INUSE")
        yield story
        await story.lab.carrier.reset()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def operator(story: Story) -> Operator:
    settings = await story.stack.settings()
    token, pin, reporting = [
        (await story.stack.run(*ask)).strip() for ask in (("token",), ("pin",), ("token", "monitoring"))
    ]
    page = settings["KEEPLINE_PAGE"].rstrip("/")
    return Operator(story, f"{settings['KEEPLINE_NET']}.10", page, token, pin, reporting)


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def well(story: Story) -> AsyncIterator[None]:
    """After a test nothing is out of order, and callers are told nothing."""
    yield
    await story.house.until(lambda s: not s["incidents"] and not s["maintenance"], "nothing is out of order", 30)
    await story.line_state(present=False)


async def opened(story: Story, wanted: Callable[[Incident], bool], what: str) -> Incident:
    """The one open incident there is, once it is `wanted`."""
    status = await story.house.until(lambda s: len(s["incidents"]) == 1 and wanted(s["incidents"][0]), what)
    incident: Incident = status["incidents"][0]
    return incident


async def announcing(story: Story, name: str, beginning: str) -> str:
    """All that callers of a line are told, once it begins so."""
    status = await story.house.until(
        lambda s: line(s, name)["announcing"].startswith(beginning), f"{name} announces: {beginning}..."
    )
    return str(line(status, name)["announcing"])


async def heard_in_order(story: Story, call: Call, *said: str) -> None:
    """Of all that is said by telephone and of faults, the call's recording holds what begins so, and nothing else."""
    known = {
        text: wav
        for text, wav in story.house.announcements().items()
        if text.startswith((*said, *BY_TELEPHONE)) or text.endswith("and we are working on it.")
    }
    found = await asyncio.to_thread(heard, await call.recorded(), known)
    names: dict[float, str] = {}  # by where it begins: one that was cut off may fit two that begin alike
    for one in found:
        assert one.score >= GOOD, one
        names[one.start_s] = next((words for words in said if one.name.startswith(words)), one.name)
    assert list(names.values()) == list(said)


async def a_caller_listens(story: Story, said: str, tail: str, did: str = SUPPORT) -> Call:
    """Call the line as a number that ends in `tail`, and hang up when the point of what is said has come."""
    call = await story.arrives(f"15551230{tail}", f"caller-order-{tail}", did)
    await story.says(call, said, GETS_THE_POINT)
    await call.hangup()
    return call


async def a_caller_is_answered(story: Story, tail: str) -> None:
    """Callers hear nothing of us: the agent has them at once."""
    since = story.lab.carrier.ami.mark()
    call = await story.arrives(f"15551230{tail}", f"caller-order-{tail}")
    agent = await story.lab.carrier.expect_call("102", since=since)
    await agent.answered()
    await asyncio.sleep(1.5)
    await call.hangup()
    assert tone(await call.recorded(), 660, 0.5) > 0.4
    await heard_in_order(story, call)


async def test_an_outage_is_declared_and_ended_from_a_telephone(story: Story, operator: Operator) -> None:
    async with asyncio.TaskGroup() as proofs:
        first = await operator.dials()
        await operator.keys(first, operator.pin, CLEAR)
        await first.press("1")
        await first.ended(20)
        proofs.create_task(heard_in_order(story, first, PIN, CLEAR, DONE))
        incident = await opened(story, lambda i: i["told"] and i["until"], "the declared incident")
        assert (incident["title"], incident["state"]) == ("Line support on lab", "identified")
        assert (incident["tenants"], incident["lines"]) == (["acme"], ["support"])
        assert [(one["source"], one["text"]) for one in incident["evidence"]] == [
            ("operator", "declared out of order by an operator by telephone from 101")
        ]
        said = await announcing(story, "support", "We know about a fault with our service. It began at")
        caller = await a_caller_listens(story, said, "061")
        proofs.create_task(heard_in_order(story, caller, said))

        second = await operator.dials()
        await operator.keys(second, operator.pin, DECLARED)
        await second.press("3")
        await second.ended(20)
        proofs.create_task(heard_in_order(story, second, PIN, DECLARED, ENDED))
        await story.line_state(present=False)
        assert not (await story.house.status())["incidents"]
        await a_caller_is_answered(story, "062")


@pytest.mark.faults
async def test_without_the_right_pin_nothing_is_declared(story: Story, operator: Operator) -> None:
    wrong = operator.pin[:-1]
    call = await operator.dials()
    await operator.keys(call, wrong, PIN_AGAIN)
    await operator.keys(call, wrong, PIN_AGAIN)
    await operator.keys(call, wrong, REFUSED)
    await call.press("1")  # what would declare one
    await call.ended(20)
    await heard_in_order(story, call, PIN, PIN_AGAIN, PIN_AGAIN, REFUSED)
    status = await story.house.status()
    assert not status["incidents"]
    assert not line(status, "support")["announcing"]


async def test_an_outage_is_declared_and_ended_with_the_command(story: Story, operator: Operator) -> None:
    answer = await operator.commands("declare", "line", "sales", "--what", "our ordering desk", "--by", "Ada")
    found = re.fullmatch(
        r"Line sales is declared out of order for 120 minutes; callers are told. Incident (\w+).\n", answer
    )
    assert found is not None
    incident = await opened(story, lambda i: i["key"] == found[1], "the declared incident")
    assert (incident["lines"], incident["told"]) == (["sales"], True)
    assert [one["text"] for one in incident["evidence"]] == ["declared out of order by Ada: our ordering desk"]
    said = await announcing(story, "sales", "We know about a fault with our ordering desk. It began at")
    caller = await a_caller_listens(story, said, "063", SALES)
    assert await operator.commands_within("end", found[1][:8], "--by", "Ben") == "The incident is ended.\n"
    await story.line_state(present=False)
    await heard_in_order(story, caller, said)


@pytest.mark.faults
async def test_a_report_by_webhook_is_a_suspicion_until_an_operator_confirms_it(
    story: Story, operator: Operator
) -> None:
    answer = await operator.reports("down", "the carrier's own page is red")
    assert answer["taken"] == 1
    incident = await opened(story, lambda i: i["state"] == "suspected", "the suspected incident")
    assert (incident["title"], set(incident["lines"])) == ("Trunk acme-primary on lab", {"support", "sales"})
    assert incident["told_words"] == "callers are not told: waiting for an operator"
    assert [(one["source"], one["text"]) for one in incident["evidence"]] == [
        ("webhook", "monitoring says: the carrier's own page is red")
    ]
    assert not await story.lab.pbx.db_tree("keepline-line")

    await operator.commands("confirm", incident["key"], "--by", "Ada")
    await announcing(story, "support", FAULT)
    await announcing(story, "sales", FAULT)
    await operator.reports("up", "the carrier's own page is green")
    ended = await story.house.until(lambda s: not s["incidents"], "the incident is over", 20)
    assert ended["ended_incidents"][0]["state"] == "resolved"


@pytest.mark.faults
async def test_planned_work_silences_a_cut_trunk_and_is_announced(story: Story, operator: Operator) -> None:
    work = ("maintenance", "add", "trunk", "acme-primary", "--what", "the wiring in our cellar", "--announce")
    answer = await operator.commands(*work, "--by", "Ada")
    planned = answer.removesuffix(".\n").rpartition(" ")[2]
    said = await announcing(story, "support", "Until ")
    assert "we are doing planned work on the wiring in our cellar." in said
    await story.lab.carrier.cut("primary")
    try:
        await story.house.until(lambda s: trunk(s, "acme-primary")["verdict"] == "down", "the trunk is down", 30)
        during = await a_caller_listens(story, said, "064")
        status = await story.house.status()
        assert trunk(status, "acme-primary")["verdict"] == "down"
        assert not status["incidents"]
        assert line(status, "support")["announcing"] == said

        assert await operator.commands("maintenance", "end", planned) == "The planned work is ended.\n"
        await opened(story, lambda i: i["told"], "the outage that the work explained so far")
        outage = await story.announced()
        after = await a_caller_listens(story, outage, "065")
    finally:
        await story.lab.carrier.restore("primary")
    await heard_in_order(story, during, said)
    await heard_in_order(story, after, outage)
