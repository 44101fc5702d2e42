"""A scripted PBX in a process of its own that, once watched, reports calls as fast as they are taken.

    python -m tests.adapters.house.flooder

It prints its port, and floods when a line comes on its standard input, until that is closed.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress

from tests.adapters.house.house import Pbx

CALLS = 500  # in one go; each is a channel that comes and goes, with the headers Asterisk sends


def calls() -> bytes:
    return b"".join(_call(number) for number in range(CALLS))


def _call(number: int) -> bytes:
    channel = [
        "Privilege: call,all",
        "Timestamp: 1795318875.123456",
        f"Channel: PJSIP/acme-primary-{number:08x}",
        "ChannelState: 4",
        "ChannelStateDesc: Ring",
        "CallerIDNum: +15559999",
        "CallerIDName: <unknown>",
        "ConnectedLineNum: <unknown>",
        "ConnectedLineName: <unknown>",
        "Language: en",
        "AccountCode: ",
        "Context: from-trunk",
        "Exten: 5550199",
        "Priority: 1",
        f"Uniqueid: 200.{number}",
        f"Linkedid: 200.{number}",
    ]
    created = ["Event: Newchannel", *channel, "", ""]
    ended = ["Event: Hangup", *channel, "Cause: 16", "Cause-txt: Normal Clearing", "", ""]
    return "\r\n".join(created + ended).encode()


async def main() -> None:
    pbx = Pbx(rehearses=False)
    await pbx.start()
    print(pbx.port, flush=True)  # noqa: T201 - its parent reads it
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    await lines.readline()
    over = asyncio.create_task(lines.read())
    flood = calls()
    while not over.done():
        pbx.push(flood)
        for peer in list(pbx._peers):
            with suppress(ConnectionError):
                await peer.drain()
        await asyncio.sleep(0)
    await pbx.stop()


if __name__ == "__main__":
    asyncio.run(main())
