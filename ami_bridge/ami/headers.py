"""The headers of one AMI message, read where they stand: of the twenty or thirty in an event a reader needs a few."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

_EOL = b"\r\n"
_KINDS = frozenset({"Event", "Response", "Action"})  # what a message's first line may begin with


class _Starts(dict[str, bytes]):
    """How the line of a header begins, and the line before it ends, by its name. Names are ours, so they are few."""

    def __missing__(self, name: str) -> bytes:
        start = self[name] = f"\r\n{name}:".encode()
        return start


_STARTS = _Starts()


class RawHeaders(Mapping[str, str]):
    """Header by name, from the bytes of the message; what is not UTF-8 is replaced.

    Of a repeated header the first counts, which is the one Asterisk itself wrote. A value cannot pose as a header: no
    value holds a line's end, and a name is looked for only where a line begins. The one space Asterisk writes after a
    colon, and leaves out before some empty values, is no part of the value. A first line that says no kind of message
    is no header.
    """

    __slots__ = ("raw",)

    def __init__(self, raw: bytes) -> None:
        self.raw = raw  # not copied: the copy would cost as much as a header

    def __getitem__(self, name: str) -> str:
        raw, start = self.raw, _STARTS[name]
        if name in _KINDS and raw.startswith(start[2:]):
            at = len(start) - 2
        elif (at := raw.find(start)) < 0:
            raise KeyError(name)
        else:
            at += len(start)
        end = raw.find(_EOL, at)
        value = raw[at:end] if end >= 0 else raw[at:]
        try:
            return value.decode().removeprefix(" ")
        except UnicodeDecodeError:
            return value.decode("utf-8", "replace").removeprefix(" ")

    def __iter__(self) -> Iterator[str]:
        names = (line.partition(b":")[0] for line in self.raw.split(_EOL) if b":" in line)
        found = dict.fromkeys(name.decode("utf-8", "replace") for name in names)
        return (name for name in found if name in self)

    def __len__(self) -> int:
        return sum(1 for _name in self)


class ListEntry(RawHeaders):
    """One event of a list that was asked for."""

    __slots__ = ()

    @property
    def event(self) -> str:
        """The event's type, by the first line; a header of that name further down is something else."""
        return self["Event"]


def count(value: str) -> int:
    """A whole number as Asterisk writes one; int() takes more, such as digits of other scripts."""
    if len(value) > 10 or not (value.isascii() and value.isdigit()):
        raise ValueError("a number is not a number")
    return int(value)
