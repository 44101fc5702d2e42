"""The commands that talk to a running companion: real processes, the real server, orders written down."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from ami_bridge.domain.names import IncidentId, PbxName
from ami_bridge.domain.orders import Declaration, Maintenance
from ami_bridge.domain.signal import Kind, Subject
from ami_bridge.ordering import Companion
from tests.web.commanding import complaint, keepline, refused
from tests.web.house import House, Running
from tests.web.taking import TOKEN

pytestmark = pytest.mark.asyncio(loop_scope="session")

Serve = Callable[..., Awaitable[Running]]


async def test_declare_says_what_it_did_and_what_to_end(serve: Serve, house: House) -> None:
    page = await serve(house.busy(), token=SecretStr(TOKEN))
    result = await keepline(
        "declare", "site", "vienna", "--what", "our office", "--minutes", "30", "--silent", "--by", "Ada",
        "--url", page.url,
    )  # fmt: skip
    assert (result.status, result.err) == (0, "")
    assert result.out == ("Site vienna is declared out of order for 30 minutes; callers are not told. Incident i-9.\n")
    [(_, declared)] = page.orders.taken
    assert isinstance(declared, Declaration)
    assert (declared.pbx, declared.subject) == (PbxName("pbx1"), Subject(Kind.SITE, "vienna"))
    assert (declared.what, declared.told, declared.by) == ("our office", False, "Ada")


async def test_an_incident_is_steered_by_the_beginning_of_its_id(serve: Serve, house: House) -> None:
    ids = ("4f0ac1", "4f9bd2")
    incidents = tuple(house.incident(id=IncidentId(id_)) for id_ in ids)
    page = await serve(replace(house.quiet(), incidents=incidents), token=SecretStr(TOKEN))
    results = await asyncio.gather(
        *(keepline(command, "4f9", "--by", "Ada", "--url", page.url) for command in ("confirm", "investigate", "end"))
    )
    assert {(result.status, result.err) for result in results} == {(0, "")}
    assert sorted(page.orders.taken) == [(c, "4f9bd2", "Ada") for c in ("confirm", "end", "investigate")]
    known = "there are: 4f0ac1, 4f9bd2"
    assert await refused("end", "4f", "--url", page.url) == f"keepline: open incident 4f fits more than one; {known}"
    said = await complaint(page.url, lambda house: house.steer("5", "end", ""))
    assert said == f"open incident 5 is not there; {known}"


async def test_work_is_planned_in_local_time_and_ended(serve: Serve, house: House) -> None:
    page = await serve(house.busy(), token=SecretStr(TOKEN))
    begin = (datetime.now(UTC) + timedelta(days=2)).replace(microsecond=0)
    local = f"{begin + timedelta(hours=5, minutes=30):%Y-%m-%dT%H:%M:%S}"
    result = await keepline(
        "maintenance", "add", "pbx", "pbx1", "--begin", local, "--minutes", "90", "--announce", "--url", page.url,
        TZ="Asia/Kolkata",
    )  # fmt: skip
    assert (result.status, result.err) == (0, "")
    [(_, work)] = page.orders.taken
    assert isinstance(work, Maintenance)
    assert (work.begin, work.end, work.announced) == (begin, begin + timedelta(minutes=90), True)
    assert result.out == (
        f"Work on the PBX pbx1 is planned for 90 minutes; callers are told. Planned work {work.id}.\n"
    )
    result = await keepline("maintenance", "end", "m-1", "--url", page.url)
    assert (result.out, page.orders.taken[-1]) == ("The planned work is ended.\n", ("cancel", "m-1"))


async def test_status_tells_what_the_page_shows(serve: Serve, house: House) -> None:
    page = await serve(house.busy())
    result = await keepline("status", "--url", page.url, token=None, TZ="UTC")
    assert (result.status, result.err) == (0, "")
    for said in (
        "1 PBX not watched, 1 named time passed: name a new one, 2 open incidents, 1 suspected incident",
        "Incident i-2: Site vienna on pbx1: suspected since ",
        "; callers are not told: waiting for an operator",
        " phones: 3 of 5 phones gone within 90 s",
        "Planned work m-1: Trunk acme-backup on pbx1: planned, ",
        "Trunk acme-primary on pbx1: down",
        "Line billing on pbx1: nobody answers, judged suspect",
        "    callers hear in English: We know that calls",
    ):
        assert said in result.out
    result = await keepline("status", "--json", "--url", page.url, token=None)
    assert json.loads(result.out)["sites"][0]["name"] == "vienna"


async def test_what_is_not_done_is_told_in_one_line_with_the_remedy(serve: Serve, house: House) -> None:
    page = await serve(house.busy(), token=SecretStr(TOKEN))
    order = {"pbx": "pbx1", "kind": "trunk", "name": "acme-primary", "minutes": 60}

    async def said(token: str | None = TOKEN, **change: object) -> str:
        return await complaint(page.url, lambda house: house.declare({**order, **change}), token)

    assert await said(None) == "there is no token; set KEEPLINE_WEB_TOKEN to the one the companion was started with"
    assert await said("another") == (
        "the token is wrong; set KEEPLINE_WEB_TOKEN to the one the companion was started with"
    )
    assert (await said("tök\nen")).startswith("KEEPLINE_WEB_TOKEN has characters that no token has")
    assert "write how customers call what is disturbed, in at most 80 characters" in await said(what="x" * 81)
    page.orders.unknown = {"acme-primary"}
    assert await said() == "there is no acme-primary; name one that is in the settings"
    assert await complaint(page.url, lambda house: house.subject("trunk", "acme", None)) == (
        "there is no trunk acme; there are: acme-backup, acme-primary, globex-sip"
    )
    assert await complaint(page.url, lambda house: house.subject("site", "graz", "pbx2")) == (
        "there is no site graz on pbx2; there are: none"
    )
    assert page.orders.taken == []


async def test_a_companion_without_a_token_says_how_to_give_it_one(serve: Serve, house: House) -> None:
    page = await serve(house.busy())
    for token in (TOKEN, None):
        said = await complaint(page.url, lambda house: house.cancel("m-1"), token)
        assert said.startswith("Orders are off: no token is set. Set web.token or KEEPLINE_WEB_TOKEN")


async def test_a_name_that_several_pbxs_have_must_be_told_apart(serve: Serve, house: House) -> None:
    both = (house.trunk("main"), house.trunk("main", pbx=PbxName("pbx2")))
    page = await serve(replace(house.quiet(), trunks=both), token=SecretStr(TOKEN))
    assert await complaint(page.url, lambda house: house.subject("trunk", "main", None)) == (
        "trunk main is on more than one PBX; name one with --pbx: pbx1, pbx2"
    )
    assert (await keepline("declare", "trunk", "main", "--pbx", "pbx2", "--url", page.url)).status == 0


async def test_a_companion_that_does_not_answer_or_is_none() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    assert await refused("status", "--url", f"http://127.0.0.1:{port}") == (
        f"keepline: no companion answers at http://127.0.0.1:{port} (Connection refused); "
        "start it with `keepline run`, or name another with --url"
    )
    for url in ("127.0.0.1:8080", "http://", "http://h:99999", "ftp://h", "http://[::1"):
        said = await complaint(url, Companion.status)
        assert said == "--url: an address such as http://127.0.0.1:8080 is needed"
    for answer in (
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n<html>",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * 9999,
    ):
        async with stranger(answer) as url:
            said = await complaint(url, Companion.status)
        assert said == f"what answers at {url} is not Keepline's status page; name that with --url"


@asynccontextmanager
async def stranger(answer: bytes) -> AsyncIterator[str]:
    """Somebody else who listens."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_without_a_url_the_settings_say_where_and_no_other_secret_is_needed(
    serve: Serve, house: House, tmp_path: Path
) -> None:
    page = await serve(house.busy(), token=SecretStr(TOKEN))
    file = tmp_path / "keepline.toml"
    file.write_text(f'[web]\nlisten = "0.0.0.0:{page.server.port}"\n[[pbx]]\nname = "no secret here"\n')
    result = await keepline("declare", "line", "sales", "--config", str(file))
    assert (result.status, result.err) == (0, "")
    (tmp_path / "token").write_text(TOKEN + "\n")
    result = await keepline(
        "end", "i-1", "--config", str(file), token=None, KEEPLINE_WEB_TOKEN_FILE=str(tmp_path / "token")
    )
    assert (result.status, result.err) == (0, "")
    assert [order[0] for order in page.orders.taken] == ["declare", "end"]
    file.write_text("[web]\nlisten = 8080\n")
    assert await refused("status", "--config", str(file)) == (
        f"keepline: {file}: web.listen: an address and port such as 127.0.0.1:8080 is needed"
    )
