"""The AMI session against a scripted PBX: logging in, asking, losing the link and finding it again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from itertools import pairwise
from time import monotonic

import pytest
import structlog

from ami_bridge.ami import actions
from ami_bridge.ami.errors import ActionRefused, LinkLost, LinkSilent, LoginRefused, Unsendable
from ami_bridge.ami.inbox import Inbox, Item, LinkDown, LinkUp
from ami_bridge.ami.session import Address, Deadlines, Session
from ami_bridge.domain.names import Uniqueid
from tests.adapters.ami.manager import PATIENT, QUICK, SECRET, Manager, a_session, response, until

Run = Callable[[Session], asyncio.Task[None]]
HANGUP = b"Event: Hangup\r\nUniqueid: 100.1\r\nCause: 16\r\n\r\n"
CALL = actions.Origination(
    uniqueid=Uniqueid("keepline-a1"),
    channel="PJSIP/15550100@acme-primary",
    context="keepline-callback",
    caller_id="5550100",
    ring=20,
    variables=(("KL_LINE", "support"), ("KL_KEYS", "")),
)


async def take(inbox: Inbox) -> Item:
    async with asyncio.timeout(5):
        return (await inbox.take())[1]


async def up(session: Session, inbox: Inbox, run: Run) -> asyncio.Task[None]:
    task = run(session)
    assert await take(inbox) == LinkUp("22.10.1")
    return task


async def down(inbox: Inbox) -> str:
    item = await take(inbox)
    assert isinstance(item, LinkDown)
    return item.reason


# ---- coming up


async def test_it_logs_in_waits_for_the_boot_and_hands_on_what_is_wanted(manager: Manager, run: Run) -> None:
    session, inbox = a_session(manager, deadlines=PATIENT)
    assert not session.up
    await up(session, inbox, run)
    assert session.up
    assert manager.names() == ["Login", "CoreSettings", "Ping"]
    manager.push(b"Event: RTCPSent\r\nX: 1\r\n\r\n" + HANGUP)
    assert await take(inbox) == HANGUP[:-4]
    assert len(inbox) == 0


async def test_a_wrong_secret_is_said_once_and_never_tried_again(manager: Manager, run: Run) -> None:
    session, inbox = a_session(manager, secret="wrong")
    with pytest.raises(LoginRefused, match="refused the AMI login of user 'keepline'; check `username` and the secret"):
        async with asyncio.timeout(5):
            await run(session)
    assert manager.logins == 1
    assert not session.up
    assert len(inbox) == 0
    await until(lambda: not manager._peers)


async def test_nothing_is_asked_before_the_login_is_through(manager: Manager, run: Run) -> None:
    manager.boots = False
    session, _inbox = a_session(manager, deadlines=PATIENT)
    run(session)
    await until(lambda: manager.logins == 1)
    assert not session.up
    with pytest.raises(LinkLost):
        await session.ask("DBPut", {"Family": "f", "Key": "k", "Val": "v"})
    assert manager.names() == ["Login"]


async def test_a_pbx_that_never_boots_is_given_up_with_a_hint_and_tried_again(manager: Manager, run: Run) -> None:
    manager.boots = False
    session, inbox = a_session(manager)
    run(session)
    assert "did not finish booting; does its manager.conf grant `read = system`?" in await down(inbox)
    manager.boots = True
    assert await take(inbox) == LinkUp("22.10.1")


async def test_events_from_before_the_link_is_up_are_left_to_the_snapshot(manager: Manager, run: Run) -> None:
    manager.answers["CoreSettings"] = lambda action: HANGUP + response(action, "Success", "AsteriskVersion: 22.10.1")
    session, inbox = a_session(manager, deadlines=PATIENT)
    await up(session, inbox, run)
    assert len(inbox) == 0


@pytest.mark.parametrize("greeting", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 400 Bad Request", b"Ast\r\n", b"\r\n"])
async def test_what_is_no_asterisk_never_gets_our_secret(greeting: bytes, run: Run) -> None:
    peer = Manager(greeting=greeting)
    await peer.start()
    session, inbox = a_session(peer)
    run(session)
    assert "the other end is not an Asterisk Manager Interface" in await down(inbox)
    assert peer.received == []
    await peer.stop()


async def test_who_accepts_and_says_nothing_is_given_up(run: Run) -> None:
    peer = Manager(greeting=b"")
    await peer.start()
    session, inbox = a_session(peer)
    run(session)
    assert "does not greet as an Asterisk Manager Interface" in await down(inbox)
    assert peer.received == []
    await peer.stop()


async def test_a_refused_connection_is_tried_again_until_somebody_listens(manager: Manager, run: Run) -> None:
    await manager.stop()
    session, inbox = a_session(manager)
    run(session)
    for _ in range(3):
        reason = await down(inbox)
        assert f"127.0.0.1:{manager.port} cannot be reached" in reason
        assert "check `host` and `port` of [[pbx]] 'lab'" in reason
    await manager.start()
    while not isinstance(item := await take(inbox), LinkUp):
        assert isinstance(item, LinkDown)
    assert session.up


async def test_a_link_that_breaks_again_and_again_is_built_up_ever_more_slowly(manager: Manager, run: Run) -> None:
    began: list[float] = []

    def cut_off(_action: dict[str, str]) -> None:
        began.append(monotonic())
        manager.cut()

    manager.answers["CoreSettings"] = cut_off
    session, _inbox = a_session(manager, deadlines=Deadlines(first_wait=0.02, longest_wait=10))
    run(session)
    await until(lambda: len(began) >= 5)
    gaps = [later - earlier for earlier, later in pairwise(began)]
    for base, gap in zip((0.02, 0.04, 0.08, 0.16), gaps, strict=False):
        assert gap >= base / 2


async def test_a_permission_that_is_missing_is_said_and_not_taken_for_a_dead_host(manager: Manager, run: Run) -> None:
    manager.answers["CoreSettings"] = lambda action: response(action, "Error", "Message: Permission denied")
    session, inbox = a_session(manager)
    run(session)
    reason = await down(inbox)
    assert "CoreSettings was refused: Permission denied; let user 'keepline' do what the rendered" in reason


# ---- asking


async def test_an_error_is_the_askers_and_the_link_stays(manager: Manager, run: Run) -> None:
    manager.answers["Hangup"] = lambda action: response(action, "Error", "Message: No such channel\n")
    session, inbox = a_session(manager, deadlines=PATIENT)
    await up(session, inbox, run)
    with pytest.raises(ActionRefused, match=r"AMI action Hangup was refused: No such channel$"):
        await session.ask("Hangup", {"Channel": "x"})
    assert (await session.ask("Ping")).message == "done"


async def test_an_answer_that_does_not_come_leaves_the_outcome_open_and_is_ignored_when_late(
    manager: Manager, run: Run
) -> None:
    manager.answers["DBPut"] = lambda _action: None
    session, inbox = a_session(manager, deadlines=PATIENT)
    await up(session, inbox, run)
    with pytest.raises(LinkSilent, match=r"no answer to AMI action DBPut within 0.05 s"):
        await session.ask("DBPut", {"Family": "f"}, deadline=0.05)
    manager.push(response(manager.received[-1], "Success", "Message: late"))
    assert (await session.ask("Ping")).message == "done"


async def test_answers_find_their_askers_in_whatever_order_they_come(manager: Manager, run: Run) -> None:
    held: list[dict[str, str]] = []

    def hold(action: dict[str, str]) -> bytes | None:
        held.append(action)
        if len(held) < 3:
            return None
        return b"".join(response(a, "Success", f"Message: {a['Val']}") for a in reversed(held))

    manager.answers["DBPut"] = hold
    session, inbox = a_session(manager, deadlines=PATIENT)
    await up(session, inbox, run)
    replies = await asyncio.gather(*(session.ask("DBPut", {"Val": str(n)}) for n in range(3)))
    assert [reply.message for reply in replies] == ["0", "1", "2"]


async def test_an_injection_is_refused_and_nothing_of_it_sent(manager: Manager, run: Run) -> None:
    session, inbox = a_session(manager, deadlines=PATIENT)
    await up(session, inbox, run)
    with pytest.raises(Unsendable):
        await actions.put(session, "family", "key", "x\r\n\r\nAction: Originate")
    await session.ask("Ping")
    assert manager.names() == ["Login", "CoreSettings", "Ping", "Ping"]


async def test_an_originate_is_sent_as_meant_and_its_end_comes_as_an_event(manager: Manager, run: Run) -> None:
    session, inbox = a_session(manager, deadlines=PATIENT)
    await up(session, inbox, run)
    await actions.originate(session, CALL)
    [sent] = [action for action in manager.received if action["Action"] == "Originate"]
    assert sent["ChannelId"] == sent["ActionID"] == "keepline-a1"
    assert (sent["Channel"], sent["Timeout"], sent["Async"]) == ("PJSIP/15550100@acme-primary", "20000", "true")
    end = b"Event: OriginateResponse\r\nActionID: keepline-a1\r\nResponse: Failure\r\nReason: 5\r\nUniqueid: x"
    manager.push(end + b"\r\n\r\n")
    assert await take(inbox) == end


async def test_the_news_of_an_originate_is_not_its_reply_even_if_it_is_faster(manager: Manager, run: Run) -> None:
    event = b"Event: OriginateResponse\r\nActionID: keepline-a1\r\nResponse: Failure\r\nUniqueid: x"
    manager.answers["Originate"] = lambda action: (
        event + b"\r\n\r\n" + response(action, "Error", "Message: Extension does not exist.")
    )
    session, inbox = a_session(manager, deadlines=PATIENT)
    await up(session, inbox, run)
    with pytest.raises(ActionRefused, match="Extension does not exist"):
        await actions.originate(session, CALL)
    assert await take(inbox) == event


# ---- losing the link


async def test_an_unanswered_originate_is_never_sent_again(manager: Manager, run: Run) -> None:
    """A customer would be dialled twice. The asker is told that it does not know, and asks about the channel."""
    manager.answers["Originate"] = lambda _action: manager.cut()
    session, inbox = a_session(manager, deadlines=PATIENT)
    await up(session, inbox, run)
    with pytest.raises(LinkLost, match="lost before the PBX answered"):
        await actions.originate(session, CALL)
    await down(inbox)
    assert await take(inbox) == LinkUp("22.10.1")
    await session.ask("Ping")
    assert manager.names() == ["Login", "CoreSettings", "Ping", "Originate", "Login", "CoreSettings", "Ping", "Ping"]


async def test_while_it_is_down_asking_fails_at_once(manager: Manager, run: Run) -> None:
    session, inbox = a_session(manager, deadlines=PATIENT)
    await up(session, inbox, run)
    await manager.stop()
    await down(inbox)
    for ask in (session.ask("Ping"), session.ask_list("QueueStatus")):
        with pytest.raises(LinkLost):
            await ask


async def test_a_pbx_that_says_goodbye_is_found_again(manager: Manager, run: Run) -> None:
    session, inbox = a_session(manager, deadlines=PATIENT)
    await up(session, inbox, run)
    manager.push(HANGUP)
    await until(lambda: len(inbox) == 1)
    manager.cut()
    assert await take(inbox) == HANGUP[:-4]
    await down(inbox)
    assert await take(inbox) == LinkUp("22.10.1")
    manager.push(HANGUP)
    assert await take(inbox) == HANGUP[:-4]


async def test_a_half_open_link_is_noticed_by_its_silence(manager: Manager, run: Run) -> None:
    session, inbox = a_session(manager)
    await up(session, inbox, run)
    manager.pongs = False
    assert "no answer to AMI action Ping" in await down(inbox)
    manager.pongs = True
    assert await take(inbox) == LinkUp("22.10.1")


async def test_pings_that_are_answered_keep_the_link(manager: Manager, run: Run) -> None:
    session, inbox = a_session(manager, deadlines=Deadlines(ping_every=0.02))
    await up(session, inbox, run)
    await until(lambda: manager.names().count("Ping") >= 5)
    assert session.up
    assert (manager.connections, len(inbox)) == (1, 0)


async def test_a_message_without_end_is_not_collected_for_ever(manager: Manager, run: Run) -> None:
    session, inbox = a_session(manager, deadlines=PATIENT)
    await up(session, inbox, run)
    manager.push(b"Event: Hangup\r\nChanVariable: " + b"x" * 2_000_000)
    assert "a message of more than 1048576 bytes" in await down(inbox)
    assert await take(inbox) == LinkUp("22.10.1")


async def test_when_events_come_faster_than_they_are_handled_the_gap_is_known(manager: Manager, run: Run) -> None:
    inbox = Inbox(capacity=100)
    session, _ = a_session(manager, deadlines=PATIENT, inbox=inbox)
    run(session)
    await until(lambda: session.up and len(inbox) == 1)
    manager.push(HANGUP * 1000)
    await until(lambda: inbox.overflows == 1 and manager.connections == 2 and session.up)
    items = [await take(inbox) for _ in range(len(inbox))]
    assert [type(item) for item in items] == [LinkDown, LinkUp]
    assert "faster than they could be handled" in items[0].reason  # type: ignore[union-attr]


async def test_cancelling_closes_the_connection(manager: Manager, run: Run) -> None:
    session, inbox = a_session(manager, deadlines=PATIENT)
    task = await up(session, inbox, run)
    task.cancel()
    await until(lambda: task.done() and not manager._peers)
    assert not session.up


# ---- secrecy


async def test_the_secret_is_in_no_log_message_or_representation(
    manager: Manager, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    address = Address(host="127.0.0.1", port=1, username="keepline", secret=SECRET)
    assert SECRET not in repr(address)
    caplog.set_level(logging.DEBUG)
    with structlog.testing.capture_logs() as logs:
        session, inbox = a_session(manager, deadlines=QUICK)
        manager.answers["CoreSettings"] = lambda _action: None
        run(session)
        reason = await down(inbox)
        manager.accepts_login = False
        refused, _ = a_session(manager)
        with pytest.raises(LoginRefused) as error:
            await run(refused)
    assert logs
    shown = [*map(repr, logs), caplog.text, reason, str(error.value), repr(error.value), repr(session), repr(refused)]
    assert not [text for text in shown if SECRET in text]
