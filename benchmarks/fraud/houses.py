"""The houses that strangers try: tenants at home in several countries, one with a list, and a careless one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ami_bridge.domain.numbers import NotDialable, dial_string
from ami_bridge.domain.permission import Allowed, Refused, Usage
from ami_bridge.domain.promise import Kind
from ami_bridge.rulebook import Rulebook, rulebook_of
from ami_bridge.settings import Settings

NOON = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)  # a Tuesday on which it is day from San Francisco to Berlin
TRUNK = "main"
DIGITS = "0123456789"


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """One tenant, who may be called there, and what there is of it."""

    name: str
    home: str
    rulebook: Rulebook
    friends: tuple[str, ...]  # may be called: proof that not simply everything is refused
    own: tuple[str, ...]
    unjudged: frozenset[str] = frozenset()  # hostile to others, and allowed here in so many words

    def judge(self, given: str, usage: Usage | None = None) -> Refused | str | None:
        """What becomes of a callback to `given`: why it is not even promised, what is dialled for it, or nothing."""
        book, usage = self.rulebook, usage or Usage()
        facts = book.facts(given)
        offered = book.rules.offers(facts, usage, NOON)
        if isinstance(offered, Refused):
            return offered
        if not isinstance(book.rules.dials(Kind.IN_TURN, facts, usage, NOON, asked=NOON), Allowed):
            return None
        try:
            return dial_string(facts.number, TRUNK)
        except NotDialable:
            return None


def settings_of(tenant: dict[str, Any], did: str, caller_id: str) -> Settings:
    """A PBX with one line of `tenant`, six phones, and a site."""
    return Settings.model_validate({
        "agi": {"token": "token-of-the-test"},
        "tenant": [{"name": "acme", "spoken": "Acme", "calls_per_number": 5, "calls_per_day": 200, **tenant}],
        "pbx": [{"name": "lab", "host": "127.0.0.1", "secret": "secret", "trunk": [{"name": TRUNK, "spoken": "it"}]}],
        "line": [{
            "name": "support", "tenant": "acme", "pbx": "lab", "dids": [did, "5550100"], "caller_id": caller_id,
            "ring": ["PJSIP/10101", "PJSIP/front-10102"], "callback_trunks": [TRUNK],
        }],
        "site": [{
            "name": "hq", "tenant": "acme", "pbx": "lab", "spoken": "it", "phones": ["PJSIP/20201", "PJSIP/20202"],
        }],
    })  # fmt: skip


def _house(
    name: str, tenant: dict[str, Any], line: tuple[str, str], friends: tuple[str, ...], unjudged: tuple[str, ...] = ()
) -> House:
    settings = settings_of(tenant, *line)
    digits = [number.removeprefix("+") for number in line if number.startswith("+")]
    own = (*line, *digits, *(f"00{number}" for number in digits), "5550100", "10101", "10102", "20201", "20202")
    return House(
        name=name,
        home=settings.tenant[0].home,
        rulebook=rulebook_of(settings, "acme"),
        friends=friends,
        own=own,
        unjudged=frozenset(unjudged),
    )


def houses() -> tuple[House, ...]:
    """All of them, with everything unset as it is by default."""
    every = [
        *(f"{digit}*" for digit in DIGITS),
        *(f"+{digit}*" for digit in DIGITS),
        "00*",
        "011*",
        "+1*",
        "+49*",
        "+44*",
    ]
    return (
        _house(
            "Berlin", {"callback_regions": ["DE", "AT"], "timezone": "Europe/Berlin"},
            ("+4930555010", "+49305550199"),
            ("+4930901820", "030901820", "4930901820", "004930901820", "+4915112345678", "015112345678"),
        ),
        _house(
            "Boston", {"callback_regions": ["US", "CA"], "timezone": "America/New_York"},
            ("+16175550100", "6175550101"),
            ("+12125550123", "2125550123", "12125550123", "+14165550123", "01112125550123"),
        ),
        _house(
            "Leeds", {"callback_regions": ["GB"], "timezone": "Europe/London"}, ("+441135550100", "+441135550101"),
            ("+442079460000", "02079460000", "+447400123456", "00442079460000"),
        ),
        _house(
            "Madrid", {"callback_regions": ["ES", "FR"], "timezone": "Europe/Madrid"}, ("+34915550100", "+34915550101"),
            ("+34915551234", "915551234", "0034915551234", "+33612345678"),
        ),
        _house(
            "listed", {"callback_numbers": ["+4930*", "+1555*", "1555*", "030*"]}, ("+4930555010", "+49305550199"),
            ("+4930901820", "+15551230201", "15551230201", "030901820"),
        ),
        _house(
            "careless", {"callback_regions": ["DE"], "callback_numbers": every}, ("+4930555010", "+49305550199"),
            ("+4930901820", "+12125550123", "0012125550123", "+442079460000"), unjudged=("abroad",),
        ),
        _house("default", {}, ("+4930555010", "+49305550199"), ()),
    )  # fmt: skip
