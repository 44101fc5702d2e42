"""The containers of docker/, as the demonstration, the end-to-end tests and the benchmarks use them."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from docker.lab.ami import Ami
from docker.lab.carrier import Carrier
from docker.lab.pbx import Pbx
from docker.lab.turn import our_turn

DOCKER = Path(__file__).resolve().parent.parent
STATE = DOCKER / "state"


class StackError(Exception):
    """docker/testpbx failed; the message is what it said."""


@dataclass(frozen=True, slots=True)
class Lab:
    """Both Asterisks, connected."""

    pbx: Pbx
    carrier: Carrier


def read_env(text: str) -> dict[str, str]:
    """Read KEY=VALUE lines."""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


class Stack:
    """Starts, breaks and reads the test PBX through docker/testpbx."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = {**os.environ, **(environment or {})}

    async def run(self, *arguments: str, deadline: float = 60) -> str:
        """Run `testpbx ARGUMENTS`; return what it printed, or raise StackError, also after `deadline` seconds."""
        process = await asyncio.create_subprocess_exec(
            str(DOCKER / "testpbx"),
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._environment,
        )
        try:
            out, err = await asyncio.wait_for(process.communicate(), deadline)
        except BaseException as error:
            process.kill()
            await process.wait()
            if isinstance(error, TimeoutError):
                raise StackError(f"testpbx {' '.join(arguments)}: not done within {deadline} s") from error
            raise
        if process.returncode:
            raise StackError(f"testpbx {' '.join(arguments)}: {err.decode(errors='replace').strip()}")
        return out.decode(errors="replace")

    async def up(self, *services: str, deadline: float = 600) -> None:
        """Start `services` (default: all) and wait until they answer. The first time makes the images: minutes."""
        await self.run("up", *services, deadline=deadline)

    async def down(self) -> None:
        await self.run("down")

    async def start(self, service: str = "keepline") -> None:
        """Start a stopped or killed service and wait until it answers."""
        await self.run("start", service)

    async def stop(self, service: str = "keepline") -> None:
        """SIGTERM, and SIGKILL 40 seconds later if need be: longer than the companion hears its callers out."""
        await self.run("stop", service)

    async def kill(self, service: str = "keepline", signal: str = "KILL") -> None:
        await self.run("kill", service, signal)

    async def logs(self, service: str = "keepline") -> str:
        return await self.run("logs", service)

    async def execute(self, service: str, *command: str, deadline: float = 60) -> str:
        """Run a command as root inside a service's container."""
        return await self.run("exec", service, *command, deadline=deadline)

    async def web_token(self) -> str:
        """With which orders are given on the page and by its API."""
        return (await self.run("token")).strip()

    @staticmethod
    def announcements(*, old: bool = False) -> Path:
        """Where the companion keeps what it has recorded; `old`: the one beside the PBX of Asterisk 16."""
        return STATE / f"keepline{'16' if old else ''}" / "announcements"

    async def settings(self) -> dict[str, str]:
        """Ports and addresses, as `testpbx env` prints them."""
        return read_env(await self.run("env"))

    @contextlib.asynccontextmanager
    async def connected(self, *, old: bool = False) -> AsyncIterator[Lab]:
        """Log in to both Asterisks as the driver, once no other process drives them; `old`: the PBX of Asterisk 16."""
        settings, suffix = await self.settings(), "16" if old else ""
        recordings = Path(settings["KEEPLINE_RECORDINGS"] + suffix)
        async with our_turn(STATE / f"driver{suffix}.lock"):
            pbx = Pbx(await self.ami(f"pbx{suffix}"))
            try:
                ami = await self.ami(f"carrier{suffix}")
                carrier = Carrier(ami, recordings, self.execute, service=f"carrier{suffix}")
                try:
                    yield Lab(pbx=pbx, carrier=carrier)
                finally:
                    await carrier.ami.close()  # another one by now, if the carrier was killed and started again
            finally:
                await pbx.ami.close()  # and so may this be

    async def ami(self, service: str) -> Ami:
        """Log in to a service's Asterisk as the driver."""
        port = (await self.settings())[f"KEEPLINE_PORT_{service.upper()}_AMI"]
        return await Ami.connect(int(port), "driver", driver_secret())


def driver_secret() -> str:
    """The password of the lab's AMI accounts, made by the first `up`."""
    return read_env((STATE / "secrets.env").read_text())["KEEPLINE_LAB_SECRET"]
