"""What agents' screens are told, signed so that they can tell it is us."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime

from ami_bridge.integrations.screen_pop import Pop, message, signature

T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
KEY = bytes(range(24))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
POP = Pop(
    step="joined",
    tenant="acme",
    line="support",
    number="+4930123",
    agent="PJSIP/101-01",
    asked=T0,
    promise="p1",
    attempt="keepline-1",
    kind="in-turn",
    about="unsere Leitung in Köln",
)


def test_the_signature_is_that_of_the_specifications_own_example() -> None:
    """https://github.com/standard-webhooks/standard-webhooks, the example of every library there."""
    signed = signature(
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}'
    )
    assert signed == "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_who_is_called_back_is_told_and_signed() -> None:
    sent = message(POP, SECRET, T0)
    said = json.loads(sent.body)
    assert (said["type"], said["data"]["number"], said["data"]["about"]) == (
        "callback.joined",
        "+4930123",
        "unsere Leitung in Köln",
    )
    covered = f"{sent.headers['webhook-id']}.{sent.headers['webhook-timestamp']}.".encode() + sent.body
    expected = base64.b64encode(hmac.new(KEY, covered, hashlib.sha256).digest()).decode()
    assert sent.headers["webhook-signature"] == f"v1,{expected}"


def test_one_step_of_one_attempt_has_one_id() -> None:
    ids = [message(pop, SECRET, T0).headers["webhook-id"] for pop in (POP, POP, replace(POP, step="ringing"))]
    assert ids[0] == ids[1] != ids[2]
