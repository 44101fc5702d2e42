"""What can go wrong on the way to a PBX. Each class's docstring is what an operator is told."""

from __future__ import annotations


class AmiError(Exception):
    """Something went wrong between us and a PBX."""


class LinkLost(AmiError):
    """The AMI link is gone; whether an action under way was carried out is not known and has to be asked about."""


class LinkSilent(AmiError):
    """The PBX did not answer within the deadline; whether the action was carried out is not known."""


class LoginRefused(AmiError):
    """The PBX answers but does not accept the AMI user name and secret; trying again would not help."""


class ActionRefused(AmiError):
    """The PBX answered an action with an error; nothing was done."""


class Unsendable(AmiError, ValueError):
    """A value with a control character would have injected AMI headers; nothing was sent."""


class Undecodable(AmiError):
    """An event lacks a header it is defined to have, or holds a value outside its definition; it is left out."""

    def __init__(self, event: str, problem: str) -> None:
        super().__init__(f"AMI event {event}: {problem}")
