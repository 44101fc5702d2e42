"""What the rows of the page's document have in common: times, tones, and what was seen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from ami_bridge.domain.signal import Evidence
from ami_bridge.web import words
from ami_bridge.web.masking import clean, clean_and_mask
from ami_bridge.web.words import Tone, counted

Row = dict[str, Any]  # a JSON object; every one in a list has a `key` that stays its own while it is shown
Blind = dict[str, datetime | None]  # the PBXs not watched, and since when

EVIDENCE_SHOWN = 8


def iso(time: datetime | None) -> str | None:
    return None if time is None else time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def tone(of: Tone, watched: bool) -> str:
    return (of if watched else Tone.UNKNOWN).value


def evidence(seen: Sequence[Evidence]) -> Row:
    """The newest of what was seen, oldest of them first, and how many came before."""
    first = max(0, len(seen) - EVIDENCE_SHOWN)
    shown = [
        {
            "key": str(first + i),
            "at": iso(one.at),
            "source": one.source.value,
            "source_words": _who(one),
            "text": clean_and_mask(one.words),
        }
        for i, one in enumerate(seen[first:])
    ]
    return {"evidence": shown, "earlier": f"{counted(first, 'earlier observation')} not shown" if first else ""}


def _who(seen: Evidence) -> str:
    """Whom it is about, where that is known, and who says so."""
    source = words.SOURCE[seen.source]
    return f"{clean(str(seen.about))}, {source}" if seen.about is not None else source
