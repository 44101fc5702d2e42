"""What belongs together on one PBX: which lines a trunk, a site, a tenant or the PBX touches, and whose they are.

It comes from the settings and does not change while the companion runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ami_bridge.domain.names import LineName, PbxName, TenantName
from ami_bridge.domain.signal import Kind, Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """Whom a subject's failure touches: the lines whose callers are told, and what it is to them, in their words."""

    lines: tuple[LineName, ...]
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Estate:
    """One PBX and all that is on it."""

    pbx: PbxName
    touched: Mapping[Subject, Touched]
    tenant_of: Mapping[LineName, TenantName]

    def lines_of(self, subject: Subject) -> tuple[LineName, ...]:
        """The lines `subject` touches; none for one that the settings do not have (any more)."""
        touched = self.touched.get(subject)
        return touched.lines if touched else ()

    def what(self, subject: Subject) -> str:
        touched = self.touched.get(subject)
        return touched.what if touched else ""

    def tenants_of(self, lines: Iterable[LineName]) -> tuple[TenantName, ...]:
        return tuple(dict.fromkeys(self.tenant_of[line] for line in lines if line in self.tenant_of))

    def contains(self, outer: Subject, inner: Subject) -> bool:
        """Whether planned work on `outer` explains what is seen of `inner`."""
        if outer == inner or outer.kind is Kind.PBX:
            return True
        if inner.kind is Kind.LINE:
            return LineName(inner.name) in self.lines_of(outer)
        lines = set(self.lines_of(inner))  # a site's are all of its tenant; without any, nobody is told of it
        of_tenant = outer.kind is Kind.TENANT and inner.kind is Kind.SITE
        return of_tenant and bool(lines) and lines.issubset(self.lines_of(outer))
