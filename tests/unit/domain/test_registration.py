"""Registrations by trunk: from a snapshot with names, and from events that know only the two URIs."""

from __future__ import annotations

from ami_bridge.domain.events import RegistrationChanged, RegistrationState
from ami_bridge.domain.names import TrunkName
from ami_bridge.domain.registration import Registrations

MAIN, SPARE = TrunkName("main"), TrunkName("spare")
REGISTERED, REJECTED = RegistrationState.REGISTERED, RegistrationState.REJECTED


def said(client: str, state: RegistrationState, trunk: str | None = None) -> RegistrationChanged:
    return RegistrationChanged(
        client=client, server="sip:carrier", state=state, trunk=TrunkName(trunk) if trunk else None
    )


def test_an_event_is_known_by_the_uris_of_the_snapshot() -> None:
    registrations = Registrations([MAIN, SPARE])
    assert registrations.observe(said("sip:a", REJECTED)) is None
    registrations.listed([said("sip:a", REGISTERED, "main"), said("sip:b", REGISTERED, "another"), object()])
    assert (registrations.of(MAIN), registrations.of(SPARE)) == (REGISTERED, None)
    assert registrations.observe(said("sip:a", REJECTED)) == MAIN
    assert registrations.of(MAIN) is REJECTED
    assert registrations.observe(said("sip:b", REJECTED)) is None
    assert registrations.of(TrunkName("another")) is None


def test_a_trunk_is_as_good_as_its_worst_registration() -> None:
    registrations = Registrations([MAIN])
    registrations.listed([said("sip:a", REGISTERED, "main"), said("sip:b", RegistrationState.UNREGISTERED, "main")])
    assert registrations.of(MAIN) is RegistrationState.UNREGISTERED
    registrations.observe(said("sip:a", REJECTED))
    assert registrations.of(MAIN) is REJECTED
    for client in ("sip:a", "sip:b"):
        registrations.observe(said(client, REGISTERED))
    assert registrations.of(MAIN) is REGISTERED


def test_what_a_later_snapshot_does_not_have_is_gone() -> None:
    registrations = Registrations([MAIN])
    registrations.listed([said("sip:a", REGISTERED, "main")])
    registrations.listed([])
    assert registrations.of(MAIN) is None
    assert registrations.observe(said("sip:a", REGISTERED)) is None


def test_a_registration_that_is_renewed_is_no_news() -> None:
    registrations = Registrations([MAIN])
    registrations.listed([said("sip:a", REGISTERED, "main")])
    assert registrations.observe(said("sip:a", REGISTERED)) is None
    assert registrations.observe(said("sip:a", REJECTED)) == MAIN
    assert registrations.observe(said("sip:a", REJECTED)) is None
