"""How a value of the domain is kept in one column, the same on both databases, and what neither of them takes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, Text, TypeDecorator

from ami_bridge.domain.incident import Cause
from ami_bridge.domain.names import LineName
from ami_bridge.domain.signal import Evidence, Kind, Source, Subject
from ami_bridge.store.errors import Unstorable


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: bound timezone-aware or refused, kept in UTC with microseconds, returned aware in UTC.

    SQLite keeps it as text of fixed width, so that comparing and ordering the text compares the moments.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        utc = in_utc(value)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Words(TypeDecorator[str]):
    """Text of any content both databases return unchanged; what one of them could not keep is refused by both."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else storable(value)


class WordList(TypeDecorator[tuple[str, ...]]):
    """A tuple of texts, kept as JSON."""

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, dialect: Dialect) -> list[str]:  # noqa: ARG002
        return [storable(word) for word in value or ()]

    def process_result_value(self, value: Any | None, dialect: Dialect) -> tuple[str, ...]:  # noqa: ARG002
        return tuple(value or ())


def storable(value: str) -> str:
    """Return `value`; raise Unstorable for a NUL (PostgreSQL has none) or a lone surrogate (no UTF-8 for it)."""
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise Unstorable("text with a NUL or a broken character cannot be stored")
    return value


class Blob(TypeDecorator[Any]):
    """Plain data another room made and will read: lists, texts, numbers and the like, kept as JSON in text.

    What JSON would not return as it was is the maker's business (tuples come back as lists).
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:  # noqa: ARG002
        try:
            return json.dumps(value, allow_nan=False, separators=(",", ":"))
        except (TypeError, ValueError) as error:
            raise Unstorable(f"this cannot be kept as JSON: {error}") from None

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Any:  # noqa: ARG002
        return None if value is None else json.loads(value)


def _evidence_row(seen: Evidence) -> dict[str, Any]:
    row: dict[str, Any] = {
        "at": in_utc(seen.at).isoformat(),
        "source": seen.source.value,
        "words": storable(seen.words),
    }
    if seen.about is not None:
        row["about"] = [seen.about.kind.value, storable(seen.about.name)]
    return row


def _evidence_of(row: dict[str, Any]) -> Evidence:
    about = row.get("about")
    return Evidence(
        at=datetime.fromisoformat(row["at"]),
        source=Source(row["source"]),
        words=row["words"],
        about=Subject(Kind(about[0]), about[1]) if about else None,
    )


class EvidenceList(TypeDecorator[tuple[Evidence, ...]]):
    """What was seen, in order, kept as JSON with its times in UTC."""

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: tuple[Evidence, ...] | None, dialect: Dialect) -> list[Any]:  # noqa: ARG002
        return [_evidence_row(seen) for seen in value or ()]

    def process_result_value(self, value: Any | None, dialect: Dialect) -> tuple[Evidence, ...]:  # noqa: ARG002
        return tuple(_evidence_of(seen) for seen in value or ())


class Causes(TypeDecorator[tuple[Cause, ...]]):
    """The subjects at fault, kept as JSON."""

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: tuple[Cause, ...] | None, dialect: Dialect) -> list[Any]:  # noqa: ARG002
        return [
            {
                "kind": cause.subject.kind.value,
                "name": storable(cause.subject.name),
                "since": in_utc(cause.since).isoformat(),
                "lines": [storable(line) for line in cause.lines],
                "over": cause.over,
                "what": storable(cause.what),
                "sources": [source.value for source in cause.sources],
            }
            for cause in value or ()
        ]

    def process_result_value(self, value: Any | None, dialect: Dialect) -> tuple[Cause, ...]:  # noqa: ARG002
        return tuple(
            Cause(
                subject=Subject(Kind(cause["kind"]), cause["name"]),
                since=datetime.fromisoformat(cause["since"]),
                lines=tuple(LineName(line) for line in cause["lines"]),
                over=cause["over"],
                what=cause.get("what", ""),
                sources=tuple(Source(source) for source in cause.get("sources", ())),
            )
            for cause in value or ()
        )


def in_utc(moment: datetime) -> datetime:
    """Return `moment` in UTC; raise Unstorable for one without a zone."""
    if moment.tzinfo is None:
        raise Unstorable(f"a time without a zone cannot be stored: {moment.isoformat()}")
    return moment.astimezone(UTC)
