"""An operator's call means the same however Asterisk's side of the stream is cut, and whatever is keyed in."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agi.channel import Channel
from agi.desk import Audio, Caller, Challenge, Next, Receipt, Treatment
from agi.environment import Environment
from agi.errors import AgiError
from agi.scripts.declare import MOST_DIGITS, declare
from agi.session import Session
from agi.settings import ServerSettings
from agi.talk import Talk
from tests.adapters.agi.fastagi_peer import environment

CALLER = Caller(pbx="pbx-1", channel="PJSIP/101-00000001", uniqueid="1.1", line="support")
SETTINGS = ServerSettings(token="t0ken")
PIN = "0420"
AUDIO = (Audio(url="http://127.0.0.1/announcements/a.wav", seconds=1.0),)

# What the caller does at one prompt or wait: a key, nothing, a hang-up, or what no Asterisk says.
PRESSED = st.one_of(
    st.sampled_from("0123456789*#ABCD"),
    st.sampled_from("042#13"),
    st.sampled_from(["", "hang up", "HANGUP", "broken", "refused"]),
)
# A whole call: now and then the PIN is among it, so that orders come about.
PRESSES = st.lists(
    st.one_of(
        PRESSED.map(lambda press: [press]),
        st.sampled_from([["", *"0420#"], [*"0420#"], [*"1111#"], ["1"], ["3"], ["", "1"]]),
    ),
    max_size=12,
).map(lambda parts: [press for part in parts for press in part])
REPLIES = {
    "": b"200 result=0 endpos=9600\n",
    "hang up": b"200 result=-1 endpos=100\n",
    "HANGUP": b"HANGUP\n",
    "broken": b"200 result=many\n",
    "refused": b"520-Invalid command syntax.\nUsage: x\n520 End of proper usage.\n",
}


class Desk:
    """Three tries at a PIN, then an order."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    async def operator(self, caller: Caller, pin: str) -> Treatment | Challenge:
        self.asked.append(("operator", pin))
        if pin == PIN:
            return Treatment(audio=AUDIO, keys="13", wait=8.0, then=Next.HANGUP)
        return Challenge(audio=AUDIO, asks=len(self.asked) <= 3)

    async def ordered(self, caller: Caller, key: str) -> Receipt:
        self.asked.append(("ordered", key))
        return Receipt(audio=AUDIO, then=Next.HANGUP)


class Line(asyncio.Transport):
    """Asterisk's end: answers each command with what is pressed next, cut into segments by `cuts`."""

    def __init__(self, presses: list[str], cuts: list[int]) -> None:
        super().__init__()
        self._presses = iter(presses)
        self._cuts = cuts
        self.commands: list[bytes] = []
        self.session: Session

    def write(self, data: Any) -> None:
        # How much of a wait is left is the clock's matter.
        self.commands.append(b"WAIT FOR DIGIT" if data.startswith(b"WAIT FOR DIGIT") else bytes(data))
        self.answer(b"200 result=1\n" if data.startswith((b"SET", b"VERBOSE")) else self._pressed(data))

    def _pressed(self, command: bytes) -> bytes:
        press = next(self._presses, "")
        if len(press) != 1:
            return REPLIES[press]
        if command.startswith(b"STREAM FILE") and press not in _keys(command):
            return REPLIES[""]  # a key that does not end this recording
        return f"200 result={ord(press)} endpos=800\n".encode()

    def answer(self, data: bytes) -> None:
        edges = [0, *sorted(cut % (len(data) + 1) for cut in self._cuts), len(data)]
        for a, b in pairwise(edges):
            asyncio.get_running_loop().call_soon(self.session.data_received, data[a:b])

    def abort(self) -> None:
        """Nothing is behind it."""


def _keys(command: bytes) -> str:
    return command.decode().split('"')[3]


class Hosting:
    """Takes the session and runs the script for it."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def opened(self, session: Session) -> None: ...

    def ready(self, session: Session, environment: Environment) -> None:
        session.talk = Talk(self._run(session), asyncio.get_running_loop(), "operator")

    def spoiled(self, session: Session, error: AgiError) -> None:
        raise AssertionError(error)

    def closed(self, session: Session) -> None: ...

    async def _run(self, session: Session) -> None:
        channel = Channel(session, SETTINGS)
        try:
            then = await declare(channel, self.desk, CALLER)  # type: ignore[arg-type]
            self.ended.set_result(then.value)
        except AgiError as error:
            self.ended.set_result(type(error).__name__)


async def _call(presses: list[str], cuts: list[int]) -> tuple[str, list[tuple[str, str]], list[bytes]]:
    desk, line = Desk(), Line(presses, cuts)
    hosting = Hosting(desk)
    line.session = Session(hosting, asyncio.get_running_loop())
    line.session.connection_made(line)
    line.answer(environment("declare"))
    async with asyncio.timeout(20):
        ended = await hosting.ended
    return ended, desk.asked, line.commands


def call(presses: list[str], cuts: list[int]) -> tuple[str, list[tuple[str, str]], list[bytes]]:
    with asyncio.Runner() as runner:
        return runner.run(_call(presses, cuts))


@settings(deadline=None)  # a busy machine is no finding
@given(PRESSES, st.lists(st.integers(0, 500), max_size=6))
def test_a_call_does_not_depend_on_where_the_stream_is_cut(presses: list[str], cuts: list[int]) -> None:
    assert call(presses, cuts) == call(presses, [])


@settings(deadline=None)
@given(PRESSES)
def test_whatever_is_keyed_the_pin_is_asked_for_three_times_and_an_order_needs_it(presses: list[str]) -> None:
    ended, asked, _commands = call(presses, [])
    pins = [said for what, said in asked if what == "operator"]
    orders = [said for what, said in asked if what == "ordered"]
    assert pins[0] == ""
    assert len(pins) <= 4
    assert all(len(pin) <= MOST_DIGITS and "#" not in pin for pin in pins)
    assert orders in ([], ["1"], ["3"])
    assert not orders or pins[-1] == PIN
    assert ended in ("hangup", "ChannelGone", "Malformed", "CommandRefused")


def test_byte_by_byte_an_outage_is_declared() -> None:
    presses = ["", *"0420#", "1"]
    whole = call(presses, [])
    assert whole == call(presses, list(range(500)))
    assert whole[:2] == ("hangup", [("operator", ""), ("operator", PIN), ("ordered", "1")])
