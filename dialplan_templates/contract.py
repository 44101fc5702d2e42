"""What the companion and the dialplan agree on: AstDB families, contexts and variables. Both sides read it here.

AstDB survives a restart of Asterisk, so everything that must hold while the companion is away is kept there.
"""

# keepline-line/<line> = <until>-<recording>-<keys>-<standby until>-<standby recording>: what callers of a line hear and
# until when (epoch seconds of the PBX's clock), the keys it offers, and the timeless words that may be said after that.
# It is the gate: a line without it is healthy. keepline-line/<line>/<language> is the same in another language (two
# letters).
LINES = "keepline-line"
# keepline-prompts/<line>-<phrase> = <recording>: what the dialplan plays when the companion does not answer;
# keepline-prompts/<line>-<phrase>/<language> in another language. What lacks a language is played in the one without.
PROMPTS = "keepline-prompts"
# keepline-keys/<uniqueid>-<key> = <epoch>:<line>:<key>:<number>:<language>: pressed at that time of the PBX's clock,
# and not yet in the companion's ledger as far as the dialplan knows. The number is empty when it is withheld, the
# language two letters.
KEYS = "keepline-keys"
# keepline-attempts/<attempt> = how far a callback came: answered | accepted | later | declined | told | joined | unmet.
# Where an agent is asked first, before that: unattended (no agent took it) | agent (one did) | dialling (the customer's
# phone may ring from now on) | ended-<DIALSTATUS>-<cause> (they did not answer).
ATTEMPTS = "keepline-attempts"
# keepline-solved/<attempt> = 1 | 2: whether it is solved, as the customer said after the talk; not in the ledger yet.
SOLVED = "keepline-solved"

PROMPT_PHRASES = (
    *("offer", "offer_no_number", "noted_offline", "not_noted"),
    *("callback_unmet", "solved_question", "solved_thanks", "agent_hold", "agent_unmet"),
    "operator_failed",
)

# A customer who accepted a callback goes before all others; a segment's priority is below that. Within each, whoever
# came earlier is further ahead, also when they come back from hearing the offer of a callback: QUEUE_PRIO, an int of
# 32 bits, has a step for each priority, which is as many seconds (six years) wide.
CALLBACK_PRIORITY = 10
PRIORITY_STEP = 190_000_000

# What the offer of a callback offers while the companion is away.
OFFER_KEYS = "1"

# Where the companion is asked: the far half of a Local channel, beside the call it is about and no part of it.
QUESTION_CONTEXT = "keepline-question"
CALLBACK_CONTEXT = "keepline-callback"
# A place-holder in line for a customer who is called when an agent took it: one half waits, the other stands in line in
# the extension line-<line> of the context.
HOLD_CONTEXT = "keepline-hold"
HOLD_CHANNEL = "Local/wait@keepline-hold/n"
# The UserEvent that says how far a callback came, for an agent's screen.
USER_EVENT = "KeeplineCallback"
REHEARSE_CONTEXT = "keepline-rehearse"
REHEARSE_CHANNEL = "Local/idle@keepline-rehearse/n"
# Into the ear of a caller who waits: the channel plays KL_SAY (a recording), and its other half, originated into the
# extension `spy` of the context, brings it to the channel KL_SPY.
WHISPER_CONTEXT = "keepline-whisper"
WHISPER_EXTENSION = "spy"
WHISPER_CHANNEL = "Local/say@keepline-whisper/n"
# Whispered to that channel alone (W), under its full name (u), without a tone (q), and over when it is gone (E, S).
WHISPER_OPTIONS = "quWES"
