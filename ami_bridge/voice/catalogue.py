"""The phrases there are, and the facts each of them needs: the same in every language."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType


class Phrase(Enum):
    """A phrase's name, which is also its template's and that of an operator's recording of it."""

    # What is the matter. Several may follow one another in one breath, and the keys come last.
    INCIDENT_FIRST = "incident_first"  # before any detail is known
    INCIDENT = "incident"
    INCIDENT_AUDIO_FIRST = "incident_audio_first"  # calls are hard to understand
    INCIDENT_AUDIO = "incident_audio"
    INCIDENT_SURGE_FIRST = "incident_surge_first"  # far more callers than usual
    INCIDENT_SURGE = "incident_surge"
    INCIDENT_SUSPECTED_FIRST = "incident_suspected_first"  # signs of trouble, and no more than that
    INCIDENT_SUSPECTED = "incident_suspected"
    MAINTENANCE_FIRST = "maintenance_first"
    MAINTENANCE = "maintenance"
    LINE_UNANSWERED = "line_unanswered"
    ALSO_INCIDENT = "also_incident"  # after another one
    ALSO_AUDIO = "also_audio"
    ALSO_SUSPECTED = "also_suspected"
    EXPECTED = "expected"  # when it should be fixed
    EXPECTED_PASSED = "expected_passed"  # that time has come and gone
    NEXT_WORD = "next_word"
    KEYS_TURN = "keys_turn"
    KEYS_TURN_FIXED = "keys_turn_fixed"
    # What is known of this caller.
    KNOWN_PROMISE = "known_promise"
    KNOWN_PROMISE_DUE = "known_promise_due"
    KNOWN_RESTORED = "known_restored"
    KNOWN_TICKET = "known_ticket"
    # Into the ear of those who wait already.
    WAITING_NEWS = "waiting_news"
    WAITING_PLACE = "waiting_place"
    WAITING_OVER = "waiting_over"
    WAITING_OVER_GENERAL = "waiting_over_general"
    # After waiting in vain, and what a key press came to.
    OFFER = "offer"
    OFFER_NO_NUMBER = "offer_no_number"  # the same, for a caller whose number is withheld
    NOTED_IN_TURN = "noted_in_turn"
    NOTED_RESTORED = "noted_restored"
    ALREADY_PROMISED = "already_promised"
    NOTED_OFFLINE = "noted_offline"  # played by the PBX alone, its key press kept for the companion's return
    NOT_NOTED = "not_noted"
    # When we call.
    CALLBACK = "callback"
    CALLBACK_CONNECTING = "callback_connecting"
    CALLBACK_LATER = "callback_later"
    CALLBACK_DECLINED = "callback_declined"
    CALLBACK_UNMET = "callback_unmet"  # accepted, but no agent could be reached
    RESTORED = "restored"
    # To operators who dialled a line's code.
    OPERATOR_PIN = "operator_pin"
    OPERATOR_PIN_AGAIN = "operator_pin_again"
    OPERATOR_REFUSED = "operator_refused"
    OPERATOR_LOCKED = "operator_locked"
    OPERATOR_CLEAR = "operator_clear"
    OPERATOR_DECLARED_FIRST = "operator_declared_first"
    OPERATOR_DECLARED = "operator_declared"
    OPERATOR_FOUND_FIRST = "operator_found_first"  # seen, but declared by nobody
    OPERATOR_FOUND = "operator_found"
    OPERATOR_SHARED_FIRST = "operator_shared_first"  # one that is not this tenant's alone, so not theirs to end
    OPERATOR_SHARED = "operator_shared"
    OPERATOR_SPEAK = "operator_speak"  # to record what callers hear
    OPERATOR_HEAR = "operator_hear"
    OPERATOR_KEEP = "operator_keep"
    OPERATOR_UNUSABLE = "operator_unusable"
    OPERATOR_DONE = "operator_done"
    OPERATOR_ENDED = "operator_ended"
    OPERATOR_ENDED_OTHER = "operator_ended_other"
    OPERATOR_FAILED = "operator_failed"  # also played by the PBX alone


_FACTS = {
    Phrase.INCIDENT_FIRST: "what",
    Phrase.INCIDENT: "what since",
    Phrase.INCIDENT_AUDIO_FIRST: "what",
    Phrase.INCIDENT_AUDIO: "what since",
    Phrase.INCIDENT_SURGE: "since",
    Phrase.INCIDENT_SUSPECTED_FIRST: "what",
    Phrase.INCIDENT_SUSPECTED: "what since",
    Phrase.MAINTENANCE_FIRST: "what",
    Phrase.MAINTENANCE: "what until",
    Phrase.ALSO_INCIDENT: "what",
    Phrase.ALSO_AUDIO: "what",
    Phrase.ALSO_SUSPECTED: "what",
    Phrase.EXPECTED: "expected",
    Phrase.NEXT_WORD: "next_word",
    Phrase.KNOWN_PROMISE: "asked",
    Phrase.KNOWN_PROMISE_DUE: "asked due",
    Phrase.KNOWN_RESTORED: "asked what",
    Phrase.KNOWN_TICKET: "opened reference",
    Phrase.WAITING_OVER: "what",
    Phrase.OPERATOR_DECLARED: "since",
    Phrase.OPERATOR_FOUND: "since",
    Phrase.OPERATOR_SHARED: "since",
    Phrase.CALLBACK: "tenant",
    Phrase.RESTORED: "tenant what fixed",
}

# The facts each phrase needs, in whatever language it is said.
FACTS: Mapping[Phrase, frozenset[str]] = MappingProxyType(
    {phrase: frozenset(_FACTS.get(phrase, "").split()) for phrase in Phrase}
)

# Facts that are times, in words of `spoken.moment`; `reference` is in words of `spoken.spelled`, the rest are names.
TIMES = frozenset({"since", "until", "expected", "next_word", "asked", "due", "opened", "fixed"})
