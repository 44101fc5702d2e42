"""News for callers who wait already: a new or changed announcement, and its end, said into each one's ear.

The PBX plays the recording on one half of a Local channel while the other whispers it (ChanSpy) to the waiting caller,
who hears it over the music and keeps the place in line. Who was told what on the way in is known from the front desk,
so that nobody is told the same thing twice.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

import structlog

from ami_bridge.ami import actions
from ami_bridge.ami.errors import AmiError
from ami_bridge.ami.session import Session
from ami_bridge.announcing import Announcer
from ami_bridge.domain.announcement import is_news, over_while_waiting, while_waiting
from ami_bridge.domain.call import Channel
from ami_bridge.domain.events import ChannelState
from ami_bridge.domain.names import LineName, Uniqueid
from ami_bridge.domain.saying import Saying
from ami_bridge.domain.watch import Watch
from ami_bridge.voice.errors import VoiceError
from dialplan_templates import contract

log = structlog.get_logger(__name__)

MOST_REMEMBERED = 10_000  # callers of whom it is known what they heard; of more the oldest are forgotten
AT_ONCE = 8  # whispers that are begun at the same time on one PBX
# What a channel may be called to be named to ChanSpy, to which a comma means its next argument and & another channel.
_NAMEABLE = re.compile(r"[A-Za-z0-9]+/[A-Za-z0-9_.@:;+-]+")


@dataclass(slots=True)
class _Told:
    """What one caller was told last, and in which language; nothing, if they came before there was anything to say."""

    story: Saying | None
    language: str = ""
    line: LineName | None = None
    whisper: Uniqueid | None = None  # the channel that brought it to them last, which may be over by now
    seen: bool = False  # among the PBX's channels, from where we hear a little later than from the front desk


class Whisperer:
    """Tells the waiting callers of one PBX what is new on their line."""

    def __init__(self, session: Session, watch: Watch, announcer: Announcer) -> None:
        self._session = session
        self._watch = watch
        self._announcer = announcer
        self._told: dict[Uniqueid, _Told] = {}
        self._telling: dict[LineName, asyncio.Lock] = {line: asyncio.Lock() for line in watch.lines}
        self._slots = asyncio.Semaphore(AT_ONCE)
        self.count: dict[LineName, int] = dict.fromkeys(watch.lines, 0)  # callers told while they waited

    def heard(self, caller: Uniqueid, story: Saying | None, language: str) -> None:
        """A caller was told `story` on the way in, or None because there was nothing to say."""
        self._told[caller] = _Told(story, language)

    def is_at_it(self, line: LineName) -> bool:
        """Whether something may still be being said to a caller of `line`."""
        return any(told.line == line and told.whisper for told in self._told.values())

    async def tell(self, line: LineName) -> None:
        """Tell those who wait on `line` what they have not been told yet."""
        if line not in self._announcer.live:
            return
        async with self._telling[line]:
            story = self._announcer.stories.get(line)
            since = self._announcer.since(line)
            due = [channel for channel in self._waiting(line) if self._is_due(channel, line, story, since)]
            await asyncio.gather(*(self._tell(channel, line, story) for channel in due))
            await self._hush(line)
        self._forget_gone()

    def _waiting(self, line: LineName) -> Iterator[Channel]:
        """The channels of callers who wait in the queue, or for a phone that rings, and can be spoken to."""
        for call, waiting in self._watch.lines[line].waiting.items():
            channel = self._watch.tracker.channels.get(Uniqueid(call))
            if waiting.tried is not None and channel is not None and channel.state is ChannelState.UP:
                yield channel

    def _is_due(self, channel: Channel, line: LineName, story: Saying | None, since: datetime | None) -> bool:
        told = self._told.get(channel.uniqueid)
        if told is None:
            # Nobody saw what they heard on the way in: the PBX told those who came after it was there to be told.
            came = self._watch.lines[line].waiting[channel.call.id].since
            before = since is not None and came < since
            told = self._told[channel.uniqueid] = _Told(None if before else story)
        return told.story != story and (is_news(story) or is_news(told.story))

    async def _tell(self, channel: Channel, line: LineName, story: Saying | None) -> None:
        told = self._told[channel.uniqueid]
        if is_news(story) and story is not None:
            saying = while_waiting(story)
        elif told.story is not None:
            saying = over_while_waiting(told.story)
        else:
            return
        whisper: Uniqueid | None = None
        async with self._slots:
            if not _NAMEABLE.fullmatch(channel.name):
                log.warning("A waiting caller's channel has a name that cannot be used", pbx=self._session.name)
                self._told[channel.uniqueid] = _Told(story, told.language)
                return
            try:
                language = told.language or await actions.language(self._session, channel.name)
                recording = await self._announcer.record(line, saying, language)
                if self._announcer.rehearsals.can_play(recording) and self._still_waits(channel, line):
                    whisper = Uniqueid(f"whisper-{uuid4().hex}")
                    await actions.call_itself(
                        self._session,
                        contract.WHISPER_CHANNEL,
                        contract.WHISPER_CONTEXT,
                        contract.WHISPER_EXTENSION,
                        {"KL_SPY": channel.name, "KL_SAY": recording.hash},
                        whisper,
                    )
                    self.count[line] += 1
            except (AmiError, VoiceError) as error:
                log.warning("A waiting caller could not be told", pbx=self._session.name, line=line, problem=str(error))
                return  # tried again with the next tick
        self._told[channel.uniqueid] = _Told(story, language, line, whisper)

    async def _hush(self, line: LineName) -> None:
        """End what is still being said to callers of `line` who do not wait any more: they talk with somebody."""
        for caller, told in list(self._told.items()):
            channel = self._watch.tracker.channels.get(caller)
            if told.line == line and told.whisper and (channel is None or not self._still_waits(channel, line)):
                whisper, told.whisper = told.whisper, None
                if whisper in self._watch.tracker.channels:
                    await actions.hang_up(self._session, whisper)

    def _still_waits(self, channel: Channel, line: LineName) -> bool:
        """Not answered and not gone while the words were made."""
        return channel.call.id in self._watch.lines[line].waiting

    def _forget_gone(self) -> None:
        channels = self._watch.tracker.channels
        for caller in list(self._told):
            told = self._told[caller]
            told.seen = told.seen or caller in channels
            if (told.seen and caller not in channels) or len(self._told) > MOST_REMEMBERED:
                del self._told[caller]
