"""A tenant as what may be out of order: which lines it touches, who may speak of it, and what nobody may."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from ami_bridge.domain.names import IncidentId, LineName, PbxName
from ami_bridge.domain.signal import SCOPES, Kind, Subject, scope_rank
from ami_bridge.integrations.hooks import HookSettings, plain
from ami_bridge.integrations.reading import Misread
from ami_bridge.loading import load
from ami_bridge.settings import Settings, SettingsError
from ami_bridge.watching import estate_of, watch_of

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUSES = """
[[tenant]]
name = "acme"
spoken = "Acme Hosting"
service = "our web hosting"
[[tenant]]
name = "beta"
spoken = "Beta"
[[tenant]]
name = "elsewhere"
spoken = "Elsewhere"
[[pbx]]
name = "east"
host = "east.example"
[[pbx.trunk]]
name = "main"
spoken = "our main line"
[[pbx]]
name = "west"
host = "west.example"
[[pbx.trunk]]
name = "main"
spoken = "our main line"
"""
LINE = """
[[line]]
name = "{name}"
tenant = "{tenant}"
pbx = "{pbx}"
dids = ["{did}"]
queue = "{name}"
callback_trunks = ["main"]
caller_id = "5550100"
"""
LINES = (("support", "acme", "east"), ("sales", "acme", "east"), ("help", "beta", "east"), ("night", "acme", "west"))
RULE = """
[[webhook]]
name = "probe"
token = "a-token-of-the-test"
[[webhook.rule]]
labels = {{ service = "hosting" }}
pbx = "{pbx}"
kind = "tenant"
name = "{name}"
"""


def settings(tmp_path: Path, more: str = "") -> Settings:
    lines = [LINE.format(name=n, tenant=t, pbx=p, did=5550100 + i) for i, (n, t, p) in enumerate(LINES)]
    file = tmp_path / "keepline.toml"
    file.write_text(HOUSES + "".join(lines) + more)
    secrets = {f"KEEPLINE_PBX_{name}_SECRET": "a-secret-of-the-test" for name in ("EAST", "WEST")}
    return load(file, secrets | {"KEEPLINE_AGI_TOKEN": "a-token-of-the-test"})


def test_a_tenant_touches_its_lines_on_one_pbx_and_is_judged_there(tmp_path: Path) -> None:
    house = settings(tmp_path)
    touched = {pbx.name: estate_of(house, pbx) for pbx in house.pbx}
    acme, beta, elsewhere = (Subject(Kind.TENANT, tenant.name) for tenant in house.tenant)
    assert (touched["east"].lines_of(acme), touched["east"].what(acme)) == (("support", "sales"), "our web hosting")
    assert (touched["east"].lines_of(beta), touched["east"].what(beta)) == (("help",), "our service")
    assert touched["west"].lines_of(acme) == ("night",)
    assert beta not in touched["west"].touched
    assert not any(elsewhere in estate.touched for estate in touched.values())
    assert touched["east"].what(Subject(Kind.LINE, LineName("sales"))) == "our web hosting"
    watch = watch_of(house, house.pbx[0], new_id=lambda: IncidentId("i1"))
    assert {acme, beta} <= watch.court.judges.keys()
    assert watch.lost_sight(NOW, "the link is down") == []


def test_rules_of_webhooks_may_be_about_tenants_that_have_lines_there(tmp_path: Path) -> None:
    [hook] = settings(tmp_path, RULE.format(pbx="west", name="acme")).webhook
    assert (hook.rule[0].kind, hook.rule[0].name) == ("tenant", "acme")
    for pbx, name in (("west", "beta"), ("east", "elsewhere"), ("east", "nobody")):
        with pytest.raises(SettingsError, match=f"webhook probe: {pbx} has no tenant {name}"):
            settings(tmp_path, RULE.format(pbx=pbx, name=name))


def test_a_webhook_may_name_a_tenant_by_itself() -> None:
    hook = HookSettings(name="probe", token=SecretStr("a-token-of-the-test"))
    [report] = plain(hook, b'{"pbx": "east", "kind": "tenant", "name": "acme", "state": "down"}', NOW).reports
    assert (report.pbx, report.subject) == (PbxName("east"), Subject(Kind.TENANT, "acme"))
    with pytest.raises(Misread, match="write the name of the tenant in the settings"):
        plain(hook, b'{"pbx": "east", "kind": "tenant", "state": "down"}', NOW)


def test_every_kind_has_its_place_from_the_narrowest_to_the_widest() -> None:
    assert sorted(Kind, key=scope_rank) == [Kind.LINE, Kind.SITE, Kind.TENANT, Kind.TRUNK, Kind.PBX]
    assert set(SCOPES) == set(Kind)
