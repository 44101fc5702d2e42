"""A running companion, as the command talks to it: its API over HTTP, every failure in one line with a remedy."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from ami_bridge.loading import load_web, web_token

PATIENCE = 20.0  # seconds for one answer
UPLOAD_PATIENCE = 90.0  # and for one to a recording, which the companion first has to have whole
LARGEST = 64 << 20  # bytes of one
LARGEST_AUDIO = 10_000_000  # bytes of one recording, as the companion takes it

PART = 1 << 16  # bytes of an export that are read at once

Answer = dict[str, Any]
Wishes = Sequence[tuple[str, str]]  # names and values of a query


class CannotOrder(Exception):
    """The companion cannot be asked, or did not do what it was asked. The message says why and what to do."""


def companion(config: Path, url: str | None, environment: Mapping[str, str]) -> Companion:
    """The companion at `url`, or at the [web] listen of the settings; raise SettingsError or CannotOrder."""
    token = web_token(environment)
    if url is None or (token is None and config.exists()):
        web = load_web(config, environment)
        token = web.token.get_secret_value() if web.token else None
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(web.listen.host, web.listen.host)  # noqa: S104 - asked, not opened
        url = url or f"http://{f'[{host}]' if ':' in host else host}:{web.listen.port}"
    return Companion(url, token)


class Companion:
    """One request at a time, to a companion that listens at `url`."""

    def __init__(self, url: str, token: str | None) -> None:
        try:
            parts = urlsplit(url)
            self._port = parts.port
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
            raise CannotOrder("--url: an address such as http://127.0.0.1:8080 is needed")
        if token is not None and not (token.isascii() and token.isprintable()):
            raise CannotOrder("KEEPLINE_WEB_TOKEN has characters that no token has; set it to the companion's token")
        self._url, self._token = url.rstrip("/"), token
        self._host, self._path, self._tls = parts.hostname, parts.path.rstrip("/"), parts.scheme == "https"

    def status(self) -> Answer:
        return self._ask("GET", "/api/status")

    def subject(self, kind: str, name: str, pbx: str | None) -> Answer:
        """How the API names it; on which PBX it is need not be said where there is one of that name only."""
        known = [row for row in _rows(self.status(), "subjects") if row["kind"] == kind]
        found = [row for row in known if row["name"] == name and pbx in (None, row["pbx"])]
        if not found:
            names = ", ".join(sorted({str(row["name"]) for row in known if pbx in (None, row["pbx"])})) or "none"
            where = f" on {pbx}" if pbx else ""
            raise CannotOrder(f"there is no {kind} {name}{where}; there are: {names}")
        if len(found) > 1:
            pbxs = ", ".join(sorted(str(row["pbx"]) for row in found))
            raise CannotOrder(f"{kind} {name} is on more than one PBX; name one with --pbx: {pbxs}")
        return {key: found[0][key] for key in ("pbx", "kind", "name")}

    def declare(self, order: Answer) -> Answer:
        return self._ask("POST", "/api/incidents", order)

    def steer(self, incident: str, step: str, by: str) -> Answer:
        id_ = self._meant("incidents", incident, "open incident")
        return self._ask("POST", f"/api/incidents/{quote(id_, safe='')}/{step}", {"by": by})

    def expect(self, incident: str, expected: datetime | None, by: str) -> Answer:
        id_ = self._meant("incidents", incident, "open incident")
        iso = expected.isoformat() if expected else None
        return self._ask("POST", f"/api/incidents/{quote(id_, safe='')}/expected", {"expected": iso, "by": by})

    def keep(self, file: Path, language: str) -> Answer:
        """Have the recording in `file` kept, to be named in a declaration."""
        try:
            with file.open("rb") as stream:
                audio = stream.read(LARGEST_AUDIO + 1)
        except OSError as error:
            raise CannotOrder(f"--recording: {file} cannot be read: {error.strerror}") from None
        if len(audio) > LARGEST_AUDIO:
            raise CannotOrder(f"--recording: {file} is larger than {LARGEST_AUDIO // 1_000_000} MB; use a shorter one")
        return self._ask("POST", f"/api/recordings?{urlencode({'language': language})}", audio, UPLOAD_PATIENCE)

    def trace(self, number: str, line: str | None, language: str | None) -> Answer:
        asked = {name: text for name, text in (("line", line), ("language", language)) if text}
        return self._ask("GET", f"/api/callers/{quote(number, safe='')}?{urlencode(asked)}")

    def plan(self, order: Answer) -> Answer:
        return self._ask("POST", "/api/maintenance", order)

    def cancel(self, maintenance: str) -> Answer:
        id_ = self._meant("maintenance", maintenance, "planned work")
        return self._ask("DELETE", f"/api/maintenance/{quote(id_, safe='')}")

    def promises(self, wishes: Wishes, limit: int, after: str | None) -> Answer:
        asked = (*wishes, ("limit", str(limit)), *((("after", after),) if after else ()))
        return self._ask("GET", f"/api/promises?{urlencode(asked)}")

    def promise(self, promise: str, numbers: str) -> Answer:
        return self._ask("GET", f"{_promise(promise)}?{urlencode({'numbers': numbers})}")

    def call_off(self, promise: str, why: str, by: str) -> Answer:
        return self._ask("POST", f"{_promise(promise)}/cancel", {"why": why, "by": by})

    def try_again(self, promise: str, by: str) -> Answer:
        return self._ask("POST", f"{_promise(promise)}/retry", {"by": by})

    def export(self, form: str, wishes: Wishes) -> Iterator[bytes]:
        """The whole ledger in parts, as they come; raise CannotOrder at the latest where it broke off."""
        with self._asked("GET", f"/api/promises.{form}?{urlencode(wishes)}", None, PATIENCE) as answer:
            if answer.status != 200:
                self._read(answer.status, answer.read(LARGEST), "GET")
                raise self._stranger()
            while True:
                try:
                    part = answer.read(PART)
                except (OSError, HTTPException):
                    raise CannotOrder(
                        "the export broke off and is not whole; see the companion's log, and try again"
                    ) from None
                if not part:
                    return
                yield part

    def _meant(self, rows: str, beginning: str, what: str) -> str:
        """The whole id of what is meant by an id's beginning."""
        ids = [str(row["key"]) for row in _rows(self.status(), rows)]
        found = [id_ for id_ in ids if id_ == beginning] or [id_ for id_ in ids if id_.startswith(beginning)]
        if len(found) == 1 and beginning:
            return found[0]
        known = ", ".join(found or ids) or "none"
        said = "fits more than one" if found else "is not there"
        raise CannotOrder(f"{what} {beginning} {said}; there are: {known}")

    def _ask(self, method: str, path: str, body: Answer | bytes | None = None, patience: float = PATIENCE) -> Answer:
        with self._asked(method, path, body, patience) as answer:
            try:
                text = answer.read(LARGEST)
            except (OSError, HTTPException) as error:
                raise self._gone(error) from None
            return self._read(answer.status, text, method)

    @contextmanager
    def _asked(self, method: str, path: str, body: Answer | bytes | None, patience: float) -> Iterator[HTTPResponse]:
        """What the companion begins to answer; raise CannotOrder when it does not."""
        headers = {"Connection": "close"}
        if body is not None:
            headers["Content-Type"] = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        sent = json.dumps(body).encode() if isinstance(body, dict) else body
        connection = (HTTPSConnection if self._tls else HTTPConnection)(self._host, self._port, timeout=patience)
        with closing(connection):
            try:
                connection.request(method, self._path + path, sent, headers)
                answer = connection.getresponse()
            except (OSError, HTTPException) as error:
                raise self._gone(error) from None
            with answer:
                yield answer

    def _gone(self, error: OSError | HTTPException) -> CannotOrder:
        if isinstance(error, HTTPException):
            return self._stranger()
        why = error.strerror or str(error)
        return CannotOrder(
            f"no companion answers at {self._url} ({why}); start it with `keepline run`, or name another with --url"
        )

    def _read(self, status: int, text: bytes, method: str) -> Answer:
        try:
            said = json.loads(text)
        except (ValueError, RecursionError):
            said = None
        if status == 401:
            reason = "the token is wrong" if self._token else "there is no token"
            raise CannotOrder(f"{reason}; set KEEPLINE_WEB_TOKEN to the one the companion was started with")
        if isinstance(said, dict) and "error" in said:
            raise CannotOrder(str(said["error"]))
        if status == 421:
            raise CannotOrder(f"the companion does not answer to the name in {self._url}; add it to web.hosts")
        if status >= 500 and method != "GET":
            raise CannotOrder(f"the companion failed ({status}); see its log, and `keepline status` for what was done")
        if status not in (200, 201) or not isinstance(said, dict):
            raise self._stranger()
        return said

    def _stranger(self) -> CannotOrder:
        return CannotOrder(f"what answers at {self._url} is not Keepline's status page; name that with --url")


def told(document: Answer) -> Iterator[str]:
    """The state of the house in lines for a terminal, what is out of order first. Times are local."""
    yield ", ".join(str(row["words"]) for row in _rows(document, "summary"))
    for row in _rows(document, "incidents"):
        yield f"Incident {row['key']}: {row['title']}: {row['words']} since {clock(row['since'])}; {row['told_words']}"
        if row["late"]:
            yield f"    {row['late_words']} It was {clock(row['expected'])}."
        elif row["expected"]:
            yield f"    should be fixed by {clock(row['expected'])}"
        yield from _seen(row)
    for row in _rows(document, "maintenance"):
        span = f"{clock(row['begin'])} to {clock(row['end'])}"
        yield f"Planned work {row['key']}: {row['title']}: {row['words']}, {span}; {row['announced_words']}"
    for name, one in (("pbxs", "PBX"), ("trunks", "Trunk"), ("sites", "Site"), ("lines", "Line")):
        for row in _rows(document, name):
            where = "" if name == "pbxs" else f" on {row['pbx']}"
            health = f", {row['health_words']}" if row.get("health_words") else ""
            yield f"{one} {row['name']}{where}: {row['words']}{health}"
            for said in row.get("sayings", ()):
                which = f" in {said['language_words']}" if said["language_words"] else ""
                yield f"    callers hear{which}: {said['text']}"
            if row.get("told_words"):
                yield f"    {row['told_words']}"


def _seen(row: Answer) -> Iterator[str]:
    for seen in _rows(row, "evidence"):
        yield f"    {clock(seen['at'])} {seen['source_words']}: {seen['text']}"


def _promise(beginning: str) -> str:
    """The address of the promise whose id begins so."""
    if not beginning:
        raise CannotOrder("PROMISE: an id, or how it begins, is needed; `keepline promises list` names them")
    return f"/api/promises/{quote(beginning, safe='')}"


def _rows(document: Answer, name: str) -> list[Answer]:
    rows = document.get(name)
    if not isinstance(rows, list):
        raise CannotOrder("the companion is of another version than this command; use the one it was installed with")
    return rows


def clock(iso: object) -> str:
    """A time of an answer as people here read it, with its date when that is not today's."""
    time = datetime.fromisoformat(str(iso)).astimezone()
    today = datetime.now().astimezone().date()
    return f"{time:%H:%M:%S}" if time.date() == today else f"{time:%Y-%m-%d %H:%M:%S}"
