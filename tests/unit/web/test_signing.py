"""Sessions and wrong tokens, kept in bounded memory."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from pydantic import SecretStr

from ami_bridge.web import signing
from ami_bridge.web.signing import COOKIE, MOST_FAILURES, MOST_SESSIONS, Attempts, NotLetIn, Sessions

TOKEN = SecretStr("the token")


def asked(remote: str = "192.0.2.1", cookie: str = "") -> web.Request:
    headers = {"Cookie": f"{COOKIE}={cookie}"} if cookie else {}
    return make_mocked_request("POST", "/", headers=headers).clone(remote=remote)


def locked(attempts: Attempts, remote: str) -> bool:
    with pytest.raises(NotLetIn) as refusal:
        attempts.check(asked(remote), TOKEN, "wrong")
    return refusal.value.wait > 0


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
    ],
)
def test_guesses_are_counted_per_address_or_network(first: str, second: str, *, together: bool) -> None:
    attempts = Attempts(lambda: 0.0)
    assert not any(locked(attempts, first) for _ in range(MOST_FAILURES))
    assert locked(attempts, second) is together


def test_a_right_token_forgives_earlier_mistakes() -> None:
    attempts = Attempts(lambda: 0.0)
    for _ in range(3):
        assert not any(locked(attempts, "192.0.2.1") for _ in range(MOST_FAILURES - 1))
        attempts.check(asked(), TOKEN, "the token")


def test_a_guess_while_locked_out_does_not_prolong_it() -> None:
    now = 0.0
    attempts = Attempts(lambda: now)
    for now in (0.0, 10.0, 20.0, 30.0, 40.0):  # noqa: B007 - read by the clock
        assert not locked(attempts, "192.0.2.1")
    now = 59.0
    assert locked(attempts, "192.0.2.1")
    now = 60.5
    attempts.check(asked(), TOKEN, "the token")


def test_many_addresses_that_guess_take_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing, "MOST_PEERS", 50)
    attempts = Attempts(lambda: 0.0)
    for i in range(500):
        locked(attempts, f"192.0.{i // 250}.{i % 250}")
    assert len(attempts._failures) == 50


def test_the_oldest_session_makes_room() -> None:
    sessions = Sessions(lambda: 0.0)
    ids = [sessions.open(str(i)) for i in range(MOST_SESSIONS + 1)]
    assert len(set(ids)) == len(ids)
    assert sessions.of(asked(cookie=ids[0])) is None
    for i in (1, MOST_SESSIONS):
        session = sessions.of(asked(cookie=ids[i]))
        assert session is not None
        assert session.by == str(i)
    assert sessions.of(asked(cookie="guessed")) is None
