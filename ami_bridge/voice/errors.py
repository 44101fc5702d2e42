"""What can go wrong between a text and its audio. Each message says what failed and what to do about it."""


class VoiceError(Exception):
    """Audio could not be made; nothing half-made is left where it could be played."""


class EngineMissing(VoiceError):
    """No installed program can speak the language, or sox is missing; the message names the package to install."""


class SpeechFailed(VoiceError):
    """A program failed, overran its deadline or made silence; the message names it and what it said."""


class Inaudible(SpeechFailed):
    """There is nothing to be heard in what was made or handed in."""


class Unusable(VoiceError):
    """What an operator handed in cannot be played to callers; the message says why."""


class LibraryUnwritable(VoiceError):
    """The audio library's directory cannot be written; the message names the setting `voice.directory`."""


class UnknownRecording(VoiceError, LookupError):
    """No recording has this hash; also the answer to anything that is no hash at all, such as a path."""
