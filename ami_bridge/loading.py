"""Reading the settings: one TOML file, secrets from the environment or from files."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ami_bridge.settings import Settings, SettingsError, Web

Model = TypeVar("Model", bound=BaseModel)

_FROM_ENVIRONMENT = (("agi", "token"), ("store", "url"), ("agi", "url"), ("audio", "url"), ("web", "token"))
# Secrets of named parts: KEEPLINE_<PART>_<NAME>_<SETTING>.
_OF_PARTS = (("pbx", "secret"), ("tenant", "pin"), ("tenant", "screen_pop_secret"), ("webhook", "token"))


def load(path: Path, environment: Mapping[str, str]) -> Settings:
    """Read `path`, add secrets from `environment`, and validate; raise SettingsError with a line per problem.

    From the environment come secrets and what differs from host to host: KEEPLINE_AGI_TOKEN,
    KEEPLINE_WEB_TOKEN, KEEPLINE_PBX_<NAME>_SECRET, KEEPLINE_TENANT_<NAME>_PIN,
    KEEPLINE_TENANT_<NAME>_SCREEN_POP_SECRET, KEEPLINE_WEBHOOK_<NAME>_TOKEN, KEEPLINE_STORE_URL, KEEPLINE_AGI_URL,
    KEEPLINE_AUDIO_URL, or each with _FILE appended and the path of a file that holds it.
    """
    raw = _toml(path)
    _add_secrets(raw, environment)
    return _checked(Settings, raw, path)


def load_web(path: Path, environment: Mapping[str, str]) -> Web:
    """Read only [web], and KEEPLINE_WEB_TOKEN: who talks to a running companion need not hold its other secrets."""
    part = _toml(path).get("web", {})
    if (token := web_token(environment)) is not None and isinstance(part, dict):
        part["token"] = token
    return _checked(Web, part, path, ("web",))


def web_token(environment: Mapping[str, str]) -> str | None:
    """KEEPLINE_WEB_TOKEN, or what is in the file that KEEPLINE_WEB_TOKEN_FILE names."""
    return _secret("KEEPLINE_WEB_TOKEN", environment)


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{path}: there is no such file; name the settings with --config") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not valid TOML: {error}") from None


def _checked(model: type[Model], raw: object, path: Path, within: tuple[str, ...] = ()) -> Model:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        faults = error.errors(include_input=False)
        # A list whose only item is wrong is also reported as too short: the item's own fault says more.
        told = [f for f in faults if not any(f is not g and f["loc"] == g["loc"][: len(f["loc"])] for g in faults)]
        problems = [f"{path}: {_where((*within, *fault['loc']))}: {_problem(fault)}" for fault in told]
        raise SettingsError("\n".join(problems)) from None


def _add_secrets(raw: dict[str, Any], environment: Mapping[str, str]) -> None:
    for section, setting in _FROM_ENVIRONMENT:
        part = raw.setdefault(section, {})
        value = _secret(f"KEEPLINE_{section}_{setting}".upper(), environment)
        if value is not None and isinstance(part, dict):
            part[setting] = value
    for part, setting in _OF_PARTS:
        named = raw.get(part)
        for one in named if isinstance(named, list) else []:
            variable = _variable(part, one.get("name"), setting) if isinstance(one, dict) else ""
            if variable and (secret := _secret(variable, environment)):
                one[setting] = secret


def _variable(part: str, name: object, setting: str) -> str:
    return f"KEEPLINE_{part.upper()}_{re.sub('[^A-Z0-9]', '_', str(name).upper())}_{setting.upper()}"


def _secret(variable: str, environment: Mapping[str, str]) -> str | None:
    if variable in environment:
        return environment[variable]
    if (path := environment.get(f"{variable}_FILE")) is None:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{variable}_FILE: the file it names cannot be read: {error}") from None


def _where(loc: tuple[int | str, ...]) -> str:
    """`('pbx', 0, 'port')` as people write it: `pbx[1].port`."""
    text = ""
    for part in loc:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "settings"


def _problem(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return "there is no such setting; check its spelling"
    if error["type"] == "missing" and error["loc"][0] == "webhook" and error["loc"][-1] == "token":
        return "the token is missing; set KEEPLINE_WEBHOOK_<NAME>_TOKEN (any long random text)"
    if error["type"] == "missing" and error["loc"][-1] == "token":
        return "the token is missing; set KEEPLINE_AGI_TOKEN (any long random text, the same as when rendering)"
    if error["type"] == "missing" and error["loc"][-1] == "secret":
        return "the AMI secret is missing; set KEEPLINE_PBX_<NAME>_SECRET or KEEPLINE_PBX_<NAME>_SECRET_FILE"
    plain = {
        "missing": "this setting is needed",
        "too_short": "at least one is needed",
        "model_type": "a section is needed",
    }
    return plain.get(error["type"]) or str(error["msg"]).removeprefix("Value error, ")
