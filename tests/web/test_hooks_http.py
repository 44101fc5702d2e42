"""Webhooks in, as Alertmanager and simpler senders post them: what becomes of each, and what the sender is told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientSession
from pydantic import SecretStr

from ami_bridge.domain.names import PbxName
from ami_bridge.domain.orders import Report
from ami_bridge.domain.signal import Kind, Strength, Subject
from ami_bridge.integrations.hooks import HookSettings, Rule
from tests.web.house import Running
from tests.web.taking import TOKEN

pytestmark = pytest.mark.asyncio(loop_scope="session")

Serve = Callable[..., Awaitable[Running]]
PBX1 = PbxName("pbx1")
CARRIER = Subject(Kind.TRUNK, "carrier")
PROMETHEUS = HookSettings(
    name="prometheus",
    token=SecretStr("token-of-prometheus"),
    strength=Strength.DOWN,
    rules=(
        Rule(labels={"job": "carrier"}, pbx=PBX1, subject=CARRIER),
        Rule(labels={"job": "carrier", "severity": "page"}, pbx=PbxName("pbx2"), subject=CARRIER),
    ),
)
SCRIPT = HookSettings(name="script", token=SecretStr("token-of-script"), lifetime=timedelta(minutes=10))


def group(*alerts: dict[str, Any], **more: object) -> dict[str, Any]:
    """A request of the shape that Alertmanager documents."""
    return {
        "receiver": "keepline", "status": "firing", "alerts": list(alerts), "groupLabels": {"alertname": "CarrierDown"},
        "commonLabels": {"alertname": "CarrierDown"}, "commonAnnotations": {}, "externalURL": "http://alertmanager:9093",
        "version": "4", "groupKey": '{}:{alertname="CarrierDown"}', "truncatedAlerts": 0, **more,
    }  # fmt: skip


def alert(status: str = "firing", fingerprint: str = "b6cd1f3a0e5f2c11", **labels: str) -> dict[str, Any]:
    return {
        "status": status, "labels": {"alertname": "CarrierDown", "job": "carrier", **labels},
        "annotations": {"summary": "The carrier's SBC\ndoes not answer"}, "startsAt": "2026-03-01T09:00:00.123Z",
        "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "http://prometheus:9090/graph?g0.expr=up",
        "fingerprint": fingerprint,
    }  # fmt: skip


async def post(
    http: ClientSession, page: Running, path: str, body: object, token: str = "token-of-prometheus"
) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {token}"}
    async with http.post(page.url + "/hooks/" + path, json=body, headers=headers) as answer:
        return answer.status, await answer.json()


def reports(page: Running) -> list[Report]:
    return [order[1] for order in page.orders.taken if isinstance(order[1], Report)]


async def test_each_alert_becomes_a_report_on_the_subject_its_labels_mean(serve: Serve, http: ClientSession) -> None:
    page = await serve(hooks=(PROMETHEUS, SCRIPT))
    before = datetime.now(UTC)
    status, answer = await post(
        http, page, "alertmanager/prometheus",
        group(alert(), alert(fingerprint="2", severity="page"), alert("resolved", "3")),
    )  # fmt: skip
    assert (status, answer["said"], answer["taken"]) == (200, "4 reports taken.", 4)
    first, *rest = reports(page)
    assert (first.pbx, first.subject, first.strength) == (PBX1, CARRIER, Strength.DOWN)
    assert first.words == "prometheus says: The carrier's SBC does not answer"
    assert first.told_by == "prometheus/b6cd1f3a0e5f2c11"
    assert before + timedelta(hours=5) <= first.until <= datetime.now(UTC) + timedelta(hours=5)
    assert [(r.pbx, r.told_by, r.strength) for r in rest] == [
        ("pbx1", "prometheus/2", Strength.DOWN),
        ("pbx2", "prometheus/2", Strength.DOWN),
        ("pbx1", "prometheus/3", Strength.CLEAR),
    ]


async def test_an_alert_sent_again_is_the_same_report_with_a_later_end(serve: Serve, http: ClientSession) -> None:
    page = await serve(hooks=(PROMETHEUS,))
    for _ in range(2):
        assert (await post(http, page, "alertmanager/prometheus", group(alert())))[0] == 200
    first, second = reports(page)
    assert (first.told_by, first.subject, first.words) == (second.told_by, second.subject, second.words)
    assert first.until < second.until


async def test_alerts_that_no_rule_speaks_of_are_named_counted_and_no_fault(serve: Serve, http: ClientSession) -> None:
    page = await serve(hooks=(PROMETHEUS,))
    other = {**alert(), "labels": {"alertname": "DiskFull", "job": "node", "caller": "+15551230142"}}
    status, answer = await post(http, page, "alertmanager/prometheus", group(alert(), other))
    assert status == 200
    assert answer["said"] == "1 report taken; 1 alert matched by no rule of webhook prometheus."
    assert answer["unmatched"] == ["alertname=DiskFull, caller=•••142, job=node"]
    assert page.server.unmatched == {"prometheus": 1}
    assert len(reports(page)) == 1


async def test_a_refused_report_is_told_and_the_others_are_taken(serve: Serve, http: ClientSession) -> None:
    lost = Rule(labels={"job": "other"}, pbx=PBX1, subject=Subject(Kind.SITE, "nowhere"))
    hook = HookSettings(name="prometheus", token=PROMETHEUS.token, rules=(lost, *PROMETHEUS.rules))
    page = await serve(hooks=(hook,))
    page.orders.unknown = {"nowhere"}
    status, answer = await post(http, page, "alertmanager/prometheus", group(alert(job="other"), alert()))
    assert status == 409
    assert answer["error"].startswith("site nowhere on pbx1: there is no nowhere")
    assert [report.subject for report in reports(page)] == [CARRIER]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (group(alert(), version="3"), 'version: it should be \'4\'; write "4"'),
        (group({**alert(), "status": "ringing"}), 'alerts[1].status: it should be \'firing\' or \'resolved\'; write'),
        (group(alert(), {**alert(), "labels": {"a": 1}}), "alerts[2].labels.a: it is no text; write an object"),
        (group({**alert(), "labels": ["a"]}), "alerts[1].labels: "),
        (group(*[alert()] * 1001), "alerts: "),
        ({"version": "4"}, "alerts: it is missing; write a list of at most 1000 alerts"),
        (["version"], "the body: it is no JSON object"),
    ],
)  # fmt: skip
async def test_what_is_not_alertmanagers_shape_is_refused_by_name(
    serve: Serve, http: ClientSession, body: object, said: str
) -> None:
    page = await serve(hooks=(PROMETHEUS,))
    status, answer = await post(http, page, "alertmanager/prometheus", body)
    assert status == 422
    assert said in answer["error"]
    assert reports(page) == []


@pytest.mark.parametrize(
    ("state", "strength"), [("down", Strength.SUSPECT), ("suspect", Strength.SUSPECT), ("up", Strength.CLEAR)]
)
async def test_the_plain_form_says_no_more_than_its_hook_may(
    serve: Serve, http: ClientSession, state: str, strength: Strength
) -> None:
    page = await serve(hooks=(SCRIPT,))
    body = {"pbx": "pbx1", "kind": "site", "name": "vienna", "state": state, "words": "the power is out", "minutes": 30}
    before = datetime.now(UTC)
    assert (await post(http, page, "plain/script", body, "token-of-script"))[0] == 200
    [report] = reports(page)
    assert (report.pbx, report.subject, report.strength) == (PBX1, Subject(Kind.SITE, "vienna"), strength)
    assert (report.words, report.told_by) == ("script says: the power is out", "script")
    assert before + timedelta(minutes=30) <= report.until <= datetime.now(UTC) + timedelta(minutes=30)


async def test_a_plain_hook_with_rules_speaks_of_their_subjects_only(serve: Serve, http: ClientSession) -> None:
    page = await serve(hooks=(PROMETHEUS,))
    body = {"pbx": "pbx1", "kind": "trunk", "name": "carrier", "state": "down"}
    assert (await post(http, page, "plain/prometheus", body))[0] == 200
    status, answer = await post(http, page, "plain/prometheus", {**body, "name": "other"})
    assert status == 422
    assert (
        answer["error"] == "name: webhook prometheus has rules, and none of them is about trunk other on pbx1; add one"
    )
    assert [report.subject for report in reports(page)] == [CARRIER]


async def test_each_hook_has_its_own_token(serve: Serve, http: ClientSession) -> None:
    page = await serve(hooks=(PROMETHEUS, SCRIPT), token=SecretStr(TOKEN))
    for token in ("token-of-script", TOKEN, ""):
        assert (await post(http, page, "alertmanager/prometheus", group(alert()), token))[0] == 401
    assert (await post(http, page, "alertmanager/other", group(alert())))[0] == 404
    assert reports(page) == []


async def test_a_hook_s_token_gives_no_orders(serve: Serve, http: ClientSession) -> None:
    page = await serve(hooks=(PROMETHEUS,), token=SecretStr(TOKEN))
    headers = {"Authorization": "Bearer token-of-prometheus"}
    async with http.post(page.url + "/api/incidents/i-1/end", headers=headers) as answer:
        assert answer.status == 401
    assert page.orders.taken == []
