"""The PBX under test, as an observer with all rights sees it."""

from __future__ import annotations

import asyncio
import time

from docker.lab.ami import Ami, Event, NotSeen


class Pbx:
    def __init__(self, ami: Ami) -> None:
        self.ami = ami

    async def db_put(self, family: str, key: str, value: str) -> None:
        await self.ami.action("DBPut", {"Family": family, "Key": key, "Val": value})

    async def db_del(self, family: str, key: str) -> None:
        """Remove an entry if it is there."""
        await self.ami.command(f"database del {family} {key}")

    async def db_tree(self, family: str) -> dict[str, str]:
        """All entries of an AstDB family, by their full name `/family/key`."""
        found = await self.ami.listing("DBGetTree", {"Family": family})
        return {event["Key"]: event["Val"] for event in found}

    async def variable(self, name: str, channel: str = "") -> str:
        """A global variable or function's value; with `channel`, that channel's."""
        response = await self.ami.action("Getvar", {"Variable": name} | ({"Channel": channel} if channel else {}))
        return response["Value"]

    async def device_state(self, agent: str) -> str:
        """What queues think of a phone: NOT_INUSE, INUSE, RINGING, UNAVAILABLE ..."""
        return await self.variable(f"DEVICE_STATE(PJSIP/{agent})")

    async def agent_becomes(self, agent: str, *states: str, deadline: float = 10) -> str:
        """Wait until a phone's device state is one of `states`."""
        end = time.monotonic() + deadline
        while (state := await self.device_state(agent)) not in states:
            if time.monotonic() > end:
                raise NotSeen(f"PJSIP/{agent} is {state}, not {' or '.join(states)}, after {deadline} s")
            await asyncio.sleep(0.05)
        return state

    async def trunk_reachable(self, trunk: str) -> bool:
        """Whether the trunk's contact answered the last qualify."""
        endpoint = await self.ami.listing("PJSIPShowEndpoint", {"Endpoint": trunk})
        return any(event.name == "ContactStatusDetail" and event["Status"] == "Reachable" for event in endpoint)

    async def trunk_registered(self, trunk: str) -> bool:
        registrations = await self.ami.listing("PJSIPShowRegistrationsOutbound")
        return any(r["ObjectName"] == trunk and r["Status"] == "Registered" for r in registrations)

    async def trunk_becomes(self, trunk: str, status: str, *, since: int, deadline: float = 20) -> Event:
        """Wait for the ContactStatus event that calls a trunk `Reachable` or `Unreachable`, from `since` on."""
        return await self.ami.wait_for(
            lambda e: e.name == "ContactStatus" and e["EndpointName"] == trunk and e["ContactStatus"] == status,
            f"{trunk} {status}",
            deadline,
            since,
        )

    async def originate(self, channel: str, application: str, data: str, *, timeout: float = 30) -> None:
        """Place a call and run an application on it when it is answered. Returns as soon as it is dialled."""
        headers = {
            "Channel": channel,
            "Application": application,
            "Data": data,
            "Async": "true",
            "Timeout": str(int(timeout * 1000)),
            "CallerID": "5550100",
        }
        await self.ami.action("Originate", headers)

    async def channels(self) -> list[Event]:
        return await self.ami.listing("CoreShowChannels")
