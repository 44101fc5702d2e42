"""A question's commands go out reply by reply, however Asterisk's side is cut, and what fails is the end of them."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agi.channel import Channel
from agi.desk import Audio, Next, Treatment
from agi.environment import Environment
from agi.errors import AgiError
from agi.session import Session
from agi.settings import ServerSettings
from agi.talk import Talk
from tests.adapters.agi.fastagi_peer import KEYS, SAY, environment, heard

SETTINGS = ServerSettings(token="t0ken")
TREATMENT = Treatment(audio=(Audio(url="", seconds=1.0, name="a" * 64),), keys="1")
COMMANDS = [SAY.format("a" * 64), KEYS.format("1"), heard(Next.SAY)]

DONE = [b"200 result=1\n", b"200 result=0\n", b"100 Trying...\n200 result=1\n", b"200 result=1 (a value)\n"]
FAILS = {
    b"HANGUP\n": "ChannelGone",
    b"511 Command Not Permitted on a dead channel\n": "ChannelGone",
    b"510 Invalid or unknown command\n": "CommandRefused",
    b"520-Invalid command syntax.\nUsage: x\n520 End of proper usage.\n": "CommandRefused",
    b"garbage\n": "Malformed",
    b"200 result=1\n200 result=1\n200 result=1\n": "Malformed",  # two of them are no replies to anything
}


class Line(asyncio.Transport):
    """Asterisk's end: gives `replies` to one command after the other, each cut into segments by `cuts`."""

    def __init__(self, replies: list[bytes], cuts: list[int]) -> None:
        super().__init__()
        self._replies = iter(replies)
        self._cuts = cuts
        self.commands: list[str] = []
        self.session: Session

    def write(self, data: Any) -> None:
        self.commands.append(bytes(data).decode().removesuffix("\n"))
        self.answer(next(self._replies))

    def answer(self, data: bytes) -> None:
        edges = [0, *sorted(cut % (len(data) + 1) for cut in self._cuts), len(data)]
        for a, b in pairwise(edges):
            asyncio.get_running_loop().call_soon(self.session.data_received, data[a:b])

    def abort(self) -> None:
        """Nothing is behind it."""


class Hosting:
    """Takes the session and leaves a treatment."""

    def __init__(self) -> None:
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def opened(self, session: Session) -> None: ...

    def ready(self, session: Session, environment: Environment) -> None:
        session.talk = Talk(self._run(session), asyncio.get_running_loop(), "question")

    def spoiled(self, session: Session, error: AgiError) -> None:
        raise AssertionError(error)

    def closed(self, session: Session) -> None: ...

    async def _run(self, session: Session) -> None:
        channel = Channel(session, SETTINGS)
        try:
            await channel.finish(channel.leave(TREATMENT))
            self.ended.set_result("all was said")
        except AgiError as error:
            self.ended.set_result(type(error).__name__)


async def _ask(replies: list[bytes], cuts: list[int]) -> tuple[str, list[str]]:
    hosting, line = Hosting(), Line(replies, cuts)
    line.session = Session(hosting, asyncio.get_running_loop())
    line.session.connection_made(line)
    line.answer(environment("status"))
    async with asyncio.timeout(20):
        return await hosting.ended, line.commands


def ask(replies: list[bytes], cuts: list[int]) -> tuple[str, list[str]]:
    with asyncio.Runner() as runner:
        return runner.run(_ask(replies, cuts))


CUTS = st.lists(st.integers(0, 500), max_size=8)


@settings(deadline=None)  # a busy machine is no finding
@given(st.lists(st.sampled_from(DONE), min_size=3, max_size=3), CUTS)
def test_all_is_said_in_order(replies: list[bytes], cuts: list[int]) -> None:
    assert ask(replies, cuts) == ("all was said", COMMANDS)


@settings(deadline=None)
@given(st.lists(st.sampled_from(DONE), max_size=2), st.sampled_from(list(FAILS)), CUTS)
def test_what_fails_is_the_end_and_what_comes_after_it_is_never_sent(
    replies: list[bytes], fails: bytes, cuts: list[int]
) -> None:
    if fails.startswith(b"200"):
        replies, cuts = replies[:1], []  # in one segment: else they are the replies to what is sent meanwhile
    assert ask([*replies, fails], cuts) == (FAILS[fails], COMMANDS[: len(replies) + 1])


def test_byte_by_byte_all_is_said() -> None:
    assert ask([DONE[2]] * 3, list(range(500))) == ("all was said", COMMANDS)
