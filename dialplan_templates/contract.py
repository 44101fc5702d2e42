"""What the companion and the dialplan agree on: AstDB families, contexts and variables. Both sides read it here.

AstDB survives a restart of Asterisk, so everything that must hold while the companion is away is kept there.
"""

# keepline-line/<line> = <until>-<recording>-<keys>-<standby until>-<standby recording>: what callers of a line hear and
# until when (epoch seconds), the keys it offers, and the timeless words that may be said after that.
LINES = "keepline-line"
# keepline-prompts/<line>-<phrase> = <recording>: what the dialplan plays when the companion does not answer.
PROMPTS = "keepline-prompts"
# keepline-keys/<uniqueid>-<key> = <epoch>:<line>:<key>:<number>: pressed while the companion was away.
KEYS = "keepline-keys"
# keepline-attempts/<attempt> = answered | accepted | later | declined | told | joined | unmet: how far a callback came.
ATTEMPTS = "keepline-attempts"

PROMPT_PHRASES = ("offer", "noted_offline", "callback_unmet", "operator_failed")

CALLBACK_CONTEXT = "keepline-callback"
REHEARSE_CONTEXT = "keepline-rehearse"
REHEARSE_CHANNEL = "Local/idle@keepline-rehearse/n"
