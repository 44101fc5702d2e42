"""The PBX's time of day, as the session learns it from a scripted PBX whose clock is wrong, jumps, or says nonsense."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from ami_bridge.ami.inbox import LinkUp
from ami_bridge.ami.session import Deadlines, Session
from tests.adapters.ami.manager import PATIENT, Action, Manager, a_session, response, until

Run = Callable[[Session], asyncio.Task[None]]
OFTEN = Deadlines(ping_every=0.02, first_wait=0.02, longest_wait=0.1)
THREE_HOURS = 3 * 3600.0


class Tells:
    """Pongs with the time of a clock that is `ahead` seconds of the real one, or with `stamp` if that is set."""

    def __init__(self, manager: Manager, ahead: float = 0.0) -> None:
        self.ahead = ahead
        self.stamp: str | None = None
        manager.answers["Ping"] = self._pong

    def _pong(self, action: Action) -> bytes:
        stamp = f"{time.time() + self.ahead:.6f}" if self.stamp is None else self.stamp
        return response(action, "Success", "Ping: Pong", f"Timestamp: {stamp}")


def ahead(session: Session) -> float | None:
    """How far the PBX is ahead, to the second; None when that is not known."""
    theirs = session.pbx_time()
    return None if theirs is None else round((theirs - datetime.now(UTC)).total_seconds())


async def up(manager: Manager, run: Run, deadlines: Deadlines = PATIENT) -> Session:
    session, inbox = a_session(manager, deadlines=deadlines)
    run(session)
    async with asyncio.timeout(5):
        assert (await inbox.take())[1] == LinkUp("22.10.1")
    return session


@pytest.mark.parametrize("off", [0.0, THREE_HOURS, -THREE_HOURS])
async def test_the_time_is_known_as_soon_as_the_link_is_up(manager: Manager, run: Run, off: float) -> None:
    Tells(manager, off)
    assert ahead(await up(manager, run)) == off


async def test_a_pbx_that_does_not_tell_has_no_time(manager: Manager, run: Run) -> None:
    assert ahead(await up(manager, run)) is None


async def test_a_clock_that_jumps_is_followed_and_the_link_stays(manager: Manager, run: Run) -> None:
    pbx = Tells(manager)
    session = await up(manager, run, OFTEN)
    for off in (THREE_HOURS, -THREE_HOURS, 0.0):
        pbx.ahead = off
        await until(lambda off=off: ahead(session) == off)  # type: ignore[misc]
    assert (session.up, manager.connections) == (True, 1)


@pytest.mark.parametrize(
    "nonsense", ["", "nan", "inf", "-5", "1e400", "9" * 500, "99999999999", "\xff\x00", "x\r\nX: 1"]
)
async def test_a_time_that_is_none_is_not_known_and_the_link_stays(manager: Manager, run: Run, nonsense: str) -> None:
    pbx = Tells(manager)
    session = await up(manager, run, OFTEN)
    pbx.stamp = nonsense
    await until(lambda: session.pbx_time() is None)
    pbx.stamp = None
    await until(lambda: ahead(session) == 0)
    assert (session.up, manager.connections) == (True, 1)


async def test_two_times_are_none(manager: Manager, run: Run) -> None:
    Tells(manager).stamp = "1700000000.000000\r\nTimestamp: 1800000000.000000"
    assert ahead(await up(manager, run)) is None


async def test_after_a_lost_link_the_time_is_that_of_the_next(manager: Manager, run: Run) -> None:
    pbx = Tells(manager, THREE_HOURS)
    session = await up(manager, run)
    pbx.ahead = -THREE_HOURS
    manager.cut()
    await until(lambda: manager.connections == 2 and session.up)
    assert ahead(session) == -THREE_HOURS
