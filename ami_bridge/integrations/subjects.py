"""How a trunk, site, line, tenant or PBX is named in what others send us."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from ami_bridge.domain.names import PbxName
from ami_bridge.domain.signal import Kind, Subject
from ami_bridge.forms import Name
from ami_bridge.integrations.reading import Strict, wrong


class Named(Strict):
    """`{"pbx": "pbx1", "kind": "trunk", "name": "carrier"}`; of kind pbx, the name may be left out."""

    pbx: Name = Field(description="the name of a [[pbx]] in the settings")
    kind: Kind = Field(description='"trunk", "site", "line", "tenant" or "pbx"')
    name: Name | None = Field(default=None, description="the name of the trunk, site, line or tenant in the settings")

    @model_validator(mode="after")
    def _has_its_name(self) -> Self:
        if self.kind is Kind.PBX and self.name not in (None, self.pbx):
            raise wrong("name", f"of kind pbx it is that of the PBX; write {self.pbx}, or leave it out")
        if self.kind is not Kind.PBX and self.name is None:
            raise wrong("name", f"it is missing; write the name of the {self.kind.value} in the settings")
        return self

    @property
    def of(self) -> PbxName:
        return PbxName(self.pbx)

    @property
    def subject(self) -> Subject:
        return Subject(self.kind, self.name or self.pbx)
