"""A PBX on loopback that lists thousands of live calls, and says yes to everything else it is asked."""

from __future__ import annotations

import asyncio

from benchmarks.pbx.stream import GREETING, listed_calls

_ID = b"@the-action-asked@"
_BOOTED = b"Event: FullyBooted\r\nPrivilege: system,all\r\nStatus: Fully Booted\r\n\r\n"


def listing(item: str, items: list[str], end: str) -> bytes:
    """A list as Asterisk sends one, but for its ActionID."""
    action = _ID.decode()
    parts = [f"Response: Success\r\nActionID: {action}\r\nEventList: start\r\nMessage: follows\r\n\r\n"]
    parts += (f"Event: {item}\r\nActionID: {action}\r\n{headers}\r\n" for headers in items)
    parts.append(f"Event: {end}\r\nActionID: {action}\r\nEventList: Complete\r\nListItems: {len(items)}\r\n\r\n")
    return "".join(parts).encode()


def answers(calls: int, seed: int) -> dict[str, bytes]:
    channels, bridges = listed_calls(calls, seed)
    yes = "Response: Success\r\nActionID: {id}\r\nMessage: done\r\nAsteriskVersion: 22.10.1\r\n\r\n"
    empty = ("QueueStatus", "DeviceStateList", "PJSIPShowEndpoint", "PJSIPShowRegistrationsOutbound")
    return {
        "": yes.format(id=_ID.decode()).encode(),
        "CoreShowChannels": listing("CoreShowChannel", channels, "CoreShowChannelsComplete"),
        "BridgeList": listing("BridgeListItem", bridges, "BridgeListComplete"),
    } | dict.fromkeys(empty, listing("", [], "ListComplete"))


async def serve(calls: int, seed: int) -> None:
    """Print the port, then serve until cancelled."""
    known = answers(calls, seed)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETING)
        try:
            while True:
                block = (await reader.readuntil(b"\r\n\r\n")).decode()
                asked = dict(line.split(": ", 1) for line in block.split("\r\n") if line)
                answer = known.get(asked["Action"], known[""])
                writer.write(answer.replace(_ID, asked["ActionID"].encode()))
                if asked["Action"] == "Login":
                    writer.write(_BOOTED)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    print(f"port {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()
