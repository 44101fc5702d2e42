"""A process that keeps a ledger until it is killed. Arguments: store.url, and what to do.

`claimed`: make a promise, claim it, say so, and wait. `claiming`: the same, but die in the middle of the claim, when
all is written and COMMIT is about to be sent. `storm`: make promises without end and name each once it is stored.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from sqlalchemy import Connection, event
from sqlalchemy.engine import Engine

from ami_bridge.store import Store
from tests.contract.making import IN_TURN, LINE, POLICY, a_promise, after, attempt

CALLERS = 8


async def claim(store: Store) -> None:
    await store.promises.make(a_promise(1))
    say("made p1")
    if sys.argv[2] == "claiming":
        event.listen(Engine, "commit", die)
    await store.promises.claim(LINE, IN_TURN, after(60), attempt(1))
    say("claimed p1")
    await asyncio.Event().wait()


def die(_connection: Connection) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def storm(store: Store) -> None:
    async with asyncio.TaskGroup() as group:
        for caller in range(CALLERS):
            group.create_task(keep_making(store, caller), name=f"caller-{caller}")


async def keep_making(store: Store, caller: int) -> None:
    n = caller
    while True:
        promise, _ = await store.promises.make(a_promise(n))
        say(f"made {promise.id}")
        n += CALLERS


def say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


async def main() -> None:
    store = await Store.open(sys.argv[1], POLICY)
    try:
        await (storm(store) if sys.argv[2] == "storm" else claim(store))
    finally:
        await store.close()


if __name__ == "__main__":
    asyncio.run(main())
