"""What we ask a PBX: to place a call or end one, to keep a value in AstDB, what was dialled, since when it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from ami_bridge.ami import sip
from ami_bridge.ami.errors import ActionRefused, AmiError
from ami_bridge.ami.headers import ListEntry
from ami_bridge.ami.session import Session
from ami_bridge.domain.events import ContactChanged
from ami_bridge.domain.names import Uniqueid


@dataclass(frozen=True, slots=True, kw_only=True)
class Origination:
    """A call to place: `channel` to dial, where it enters the dialplan when answered, and the Uniqueid it will have.

    `ring` is in seconds. `variables` become channel variables; their values are ours, never a caller's.
    """

    uniqueid: Uniqueid
    channel: str
    context: str
    caller_id: str
    ring: float
    variables: tuple[tuple[str, str], ...] = ()
    exten: str = "s"


async def originate(session: Session, call: Origination) -> None:
    """Ask for the call and return when it is under way. LinkLost and LinkSilent leave open whether it is.

    The chosen ChannelId becomes the Uniqueid, so that the call can be asked about after any failure; it is the
    ActionID too, since OriginateResponse names no channel when none came to be.
    """
    await session.ask(
        "Originate",
        {
            "ActionID": call.uniqueid,
            "Channel": call.channel,
            "ChannelId": call.uniqueid,
            "Context": call.context,
            "Exten": call.exten,
            "Priority": 1,
            "CallerID": call.caller_id,
            "Timeout": int(call.ring * 1000),
            "Async": "true",
            "Variable": tuple(f"{name}={value}" for name, value in call.variables),
        },
    )


async def call_itself(
    session: Session,
    channel: str,
    context: str,
    exten: str = "s",
    variables: Mapping[str, str] | None = None,
    uniqueid: str = "",
) -> None:
    """Have the PBX call itself: `channel`, a Local one, at one end, `exten` in `context` at the other.

    Returns when it is under way; the variables' values are ours, never a caller's. `uniqueid` is what the first half
    of `channel` will have, by which it can be hung up.
    """
    await session.ask(
        "Originate",
        {
            "Channel": channel,
            "Context": context,
            "Exten": exten,
            "Priority": 1,
            "Async": "true",
            "Variable": tuple(f"{name}={value}" for name, value in (variables or {}).items()),
            **({"ChannelId": uniqueid} if uniqueid else {}),
        },
    )


async def language(session: Session, channel: str) -> str:
    """In which language the PBX speaks to `channel`; empty when that is not to be known."""
    with suppress(ActionRefused):
        answer = await session.ask("Getvar", {"Channel": channel, "Variable": "CHANNEL(language)"})
        return str(answer.get("Value", ""))
    return ""


async def hang_up(session: Session, uniqueid: Uniqueid) -> None:
    """End a channel; one that is gone already is as good."""
    with _nothing_there():
        await session.ask("Hangup", {"Channel": uniqueid})


async def put(session: Session, family: str, key: str, value: str) -> None:
    """Write one AstDB value; AstDB survives restarts of Asterisk."""
    await session.ask("DBPut", {"Family": family, "Key": key, "Val": value})


async def delete(session: Session, family: str, key: str) -> None:
    """Delete one AstDB value; one that is not there is as good."""
    with _nothing_there():
        await session.ask("DBDel", {"Family": family, "Key": key})


async def tree(session: Session, family: str) -> dict[str, str]:
    """All of an AstDB family, by key without the family's name."""
    entries: list[ListEntry] = []
    with _nothing_there():
        entries = await session.ask_list("DBGetTree", {"Family": family})
    prefix = f"/{family}/"
    return {
        entry["Key"].removeprefix(prefix): entry.get("Val", "")
        for entry in entries
        if entry.event == "DBGetTreeResponse"
    }


async def dialled_number(session: Session, channel: str) -> str:
    """The number the caller on `channel` dialled to get here; empty when that is not to be known."""
    with suppress(AmiError):
        return str((await session.ask("Getvar", {"Channel": channel, "Variable": "CALLERID(dnid)"})).get("Value", ""))
    return ""


async def started(session: Session) -> str:
    """When this Asterisk was started, by its own clock; it differs after a restart, and after nothing else."""
    status = await session.ask("CoreStatus")
    return f"{status.get('CoreStartupDate', '')} {status.get('CoreStartupTime', '')}".strip()


async def qualify(session: Session, endpoint: str) -> None:
    """Have the PBX ask the contacts of `endpoint` (OPTIONS) now, not at its next turn; one it lacks is passed over.

    Returns before they answer. Asterisk tells of a contact only when it becomes reachable or ceases to be: what has not
    changed is to be asked for with `round_trips`, once the endpoint's qualify_timeout has passed.
    """
    with _nothing_there():
        await session.ask("PJSIPQualify", {"Endpoint": endpoint})


async def round_trips(session: Session, endpoint: str) -> list[ContactChanged]:
    """What the last qualify of each contact of `endpoint` found; empty when the PBX has no such endpoint.

    The only way to learn of round trips while they merely change: ContactStatus events come when reachability does.
    """
    entries: list[ListEntry] = []
    with _nothing_there():
        entries = await session.ask_list("PJSIPShowEndpoint", {"Endpoint": endpoint})
    return [sip.contact_listed(entry) for entry in entries if entry.event == "ContactStatusDetail"]


@contextmanager
def _nothing_there() -> Iterator[None]:
    """Pass over a refusal because there is nothing to act on; a missing permission is a fault and stays one.

    Asterisk tells the two apart in words only: `Permission denied`, and otherwise something for each action.
    """
    try:
        yield
    except ActionRefused as refused:
        if "permission" in str(refused).lower():
            raise
