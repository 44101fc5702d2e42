"""What an agent's screen is told of a callback, as a signed webhook. Pure: values and the time in, bytes out.

Signed as the Standard Webhooks specification has it (https://www.standardwebhooks.com): HMAC-SHA256 over the message's
id, its time and its body.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Pop:
    """An agent has to do with a customer: `step` is `ringing` or `agent` (they took it), then `joined`.

    `agent` is their phone's channel, `asked` when the customer asked to be called, `about` what was out of order then.
    """

    step: str
    tenant: str
    line: str
    number: str
    agent: str
    asked: datetime
    promise: str
    attempt: str
    kind: str
    incident: str | None = None
    about: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    headers: Mapping[str, str]
    body: bytes


def message(pop: Pop, secret: str, now: datetime) -> Message:
    """The request to send. One step of one attempt has one id, so that who is told twice can tell."""
    body = json.dumps(
        {
            "type": f"callback.{pop.step}",
            "timestamp": now.isoformat(),
            "data": {
                "tenant": pop.tenant,
                "line": pop.line,
                "number": pop.number,
                "agent": pop.agent,
                "asked": pop.asked.isoformat(),
                "promise": pop.promise,
                "attempt": pop.attempt,
                "kind": pop.kind,
                "incident": pop.incident,
                "about": pop.about,
            },
        },
        ensure_ascii=False,
    ).encode()
    named = hashlib.sha256(f"{pop.attempt} {pop.step} {pop.agent}".encode()).hexdigest()[:32]
    id_, stamp = f"msg_{named}", str(int(now.timestamp()))
    headers = {
        "content-type": "application/json",
        "webhook-id": id_,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{signature(secret, id_, stamp, body)}",
    }
    return Message(headers, body)


def signature(secret: str, id_: str, stamp: str, body: bytes) -> str:
    """The signature in base64; `secret` is base64 itself, with `whsec_` before it or not."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raise ValueError("the secret of a webhook is base64, after whsec_") from None
    return base64.b64encode(hmac.digest(key, f"{id_}.{stamp}.".encode() + body, "sha256")).decode()
