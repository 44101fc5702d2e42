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
    KNOWN_SCHEDULED = "known_scheduled"
    KNOWN_MISSED = "known_missed"
    # Into the ear of those who wait already.
    WAITING_NEWS = "waiting_news"
    WAITING_PLACE = "waiting_place"
    WAITING_OVER = "waiting_over"
    WAITING_OVER_GENERAL = "waiting_over_general"
    # After waiting in vain, and what a key press came to.
    OFFER = "offer"
    OFFER_NO_NUMBER = "offer_no_number"  # the same, for a caller whose number is withheld
    OFFER_WITHHELD = "offer_withheld"  # to such a caller, who is asked for a number
    OFFER_OTHER = "offer_other"  # after a refusal: another number
    OFFER_KNOWN = "offer_known"  # to whom a call is owed already
    # How long a call back takes as things are, said after an offer and after what was noted.
    WINDOW_QUARTER = "window_quarter"
    WINDOW_HALF = "window_half"
    WINDOW_HOUR = "window_hour"
    WINDOW_TWO_HOURS = "window_two_hours"
    WINDOW_TODAY = "window_today"
    WINDOW_NEXT_DAY = "window_next_day"
    NOTED_IN_TURN = "noted_in_turn"
    NOTED_RESTORED = "noted_restored"
    ALREADY_PROMISED = "already_promised"
    NOTED_OFFLINE = "noted_offline"  # played by the PBX alone, its key press kept for the companion's return
    NOT_NOTED = "not_noted"
    # What is promised already is made more precise, parts of one conversation; digits are said one by one.
    ARRANGE_IN_TURN = "arrange_in_turn"
    ARRANGE_RESTORED = "arrange_restored"
    ARRANGE_NUMBER = "arrange_number"
    ARRANGE_KEYS = "arrange_keys"
    ARRANGE_KEYS_NUMBER = "arrange_keys_number"
    ARRANGE_KEYS_TIME = "arrange_keys_time"
    ARRANGE_DONE = "arrange_done"
    ARRANGE_FAILED = "arrange_failed"
    ARRANGE_UNCHANGED = "arrange_unchanged"
    NUMBER_ENTER = "number_enter"
    NUMBER_ENTERED = "number_entered"
    NUMBER_KEYS = "number_keys"
    NUMBER_NOTED = "number_noted"
    CHOOSE_TIME = "choose_time"
    SCHEDULED_TODAY_MORNING = "scheduled_today_morning"
    SCHEDULED_TODAY_AFTERNOON = "scheduled_today_afternoon"
    SCHEDULED_TOMORROW_MORNING = "scheduled_tomorrow_morning"
    SCHEDULED_TOMORROW_AFTERNOON = "scheduled_tomorrow_afternoon"
    SCHEDULED_NEXT_MORNING = "scheduled_next_morning"
    SCHEDULED_NEXT_AFTERNOON = "scheduled_next_afternoon"
    SCHEDULED_NONE = "scheduled_none"
    PROMISED_IN_TURN = "promised_in_turn"
    PROMISED_SCHEDULED = "promised_scheduled"
    PROMISED_RESTORED = "promised_restored"
    PROMISED_KEYS = "promised_keys"
    PROMISED_KEYS_NUMBER = "promised_keys_number"
    PROMISED_CANCELLED = "promised_cancelled"
    DIGIT_0 = "digit_0"
    DIGIT_1 = "digit_1"
    DIGIT_2 = "digit_2"
    DIGIT_3 = "digit_3"
    DIGIT_4 = "digit_4"
    DIGIT_5 = "digit_5"
    DIGIT_6 = "digit_6"
    DIGIT_7 = "digit_7"
    DIGIT_8 = "digit_8"
    DIGIT_9 = "digit_9"
    DIGIT_PLUS = "digit_plus"
    # Why a number is not called.
    REFUSED_WITHHELD = "refused_withheld"
    REFUSED_NOT_A_NUMBER = "refused_not_a_number"
    REFUSED_SHORT = "refused_short"
    REFUSED_EMERGENCY = "refused_emergency"
    REFUSED_INTERNAL = "refused_internal"
    REFUSED_REGION = "refused_region"
    REFUSED_TYPE = "refused_type"
    REFUSED_DO_NOT_CALL = "refused_do_not_call"
    REFUSED_NUMBER_CAP = "refused_number_cap"
    REFUSED_TENANT_CAP = "refused_tenant_cap"
    REFUSED_SPEND = "refused_spend"
    # When we call.
    CALLBACK = "callback"
    CALLBACK_MISSED = "callback_missed"  # in return for a call nobody answered
    CALLBACK_CONNECTING = "callback_connecting"
    CALLBACK_LATER = "callback_later"
    CALLBACK_DECLINED = "callback_declined"
    CALLBACK_UNMET = "callback_unmet"  # accepted, but no agent could be reached
    RESTORED = "restored"
    SOLVED_QUESTION = "solved_question"  # after the talk
    SOLVED_THANKS = "solved_thanks"
    # To the agent who is to talk with a customer.
    AGENT_CALLBACK = "agent_callback"
    AGENT_MISSED = "agent_missed"
    AGENT_ABOUT = "agent_about"
    AGENT_HOLD = "agent_hold"
    AGENT_UNMET = "agent_unmet"
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
    Phrase.KNOWN_SCHEDULED: "asked due",
    Phrase.KNOWN_MISSED: "asked",
    Phrase.WAITING_OVER: "what",
    Phrase.OPERATOR_DECLARED: "since",
    Phrase.OPERATOR_FOUND: "since",
    Phrase.OPERATOR_SHARED: "since",
    Phrase.CALLBACK: "tenant",
    Phrase.CALLBACK_MISSED: "tenant asked",
    Phrase.RESTORED: "tenant what fixed",
    Phrase.AGENT_CALLBACK: "asked number",
    Phrase.AGENT_MISSED: "asked number",
    Phrase.AGENT_ABOUT: "what",
}

# The facts each phrase needs, in whatever language it is said.
FACTS: Mapping[Phrase, frozenset[str]] = MappingProxyType(
    {phrase: frozenset(_FACTS.get(phrase, "").split()) for phrase in Phrase}
)

# Facts that are times, in words of `spoken.moment`; `reference` and `number` are in words of
# `spoken.spelled`, the rest are names.
TIMES = frozenset({"since", "until", "expected", "next_word", "asked", "due", "opened", "fixed"})
