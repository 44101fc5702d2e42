"""Writes docs/settings.md from the settings themselves: their types, their defaults, and the comments beside them.

python docs/reference.py            writes the page
python docs/reference.py --check    ends with status 1 if the page is not what would be written
"""

from __future__ import annotations

import ast
import inspect
import io
import sys
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any, Literal, cast, get_args, get_origin

from pydantic.fields import FieldInfo

from ami_bridge.domain.signal import Strength
from ami_bridge.forms import Part, RatePrefix
from ami_bridge.settings import Listen, Settings
from ami_bridge.tuning import ENABLED, SECTIONS, WORDS, Detection, forms

PAGE = Path(__file__).with_name("settings.md")
HEAD = """# Settings

Every setting there is, written by `make reference` from the settings themselves. [install.md](install.md) says which of
them you have to decide; the rest has defaults that are meant to stay. One that is wrong or unknown is refused by its
full name before anything starts: try `keepline check`. Each detector's page tells what its settings do together, and
[verdicts.md](verdicts.md) how what the detectors say adds up.

Units are part of the names: `_seconds`, `_percent`, `_days`. Secrets come from the environment, or from files it names
([install.md](install.md)); `KEEPLINE_WEB_TOKEN` and the PINs may be left out, and then no orders are taken that way.
"""
_SECRETS = {
    "agi.token": "`KEEPLINE_AGI_TOKEN`",
    "web.token": "`KEEPLINE_WEB_TOKEN`",
    "pbx.secret": "`KEEPLINE_PBX_<NAME>_SECRET`",
    "tenant.pin": "`KEEPLINE_TENANT_<NAME>_PIN`",
    "tenant.screen_pop_secret": "`KEEPLINE_TENANT_<NAME>_SCREEN_POP_SECRET`",
    "webhook.token": "`KEEPLINE_WEBHOOK_<NAME>_TOKEN`",
}
_UNITS = {"_seconds": "s", "_percent": "%", "_days": "days"}
_PLAIN = {bool: "true, false", int: "a whole number", float: "a number"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One setting as the page shows it."""

    name: str
    may_be: str
    default: str
    means: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One section of the settings."""

    title: str
    about: str
    rows: tuple[Row, ...]


def comments(kind: type) -> Mapping[str, str]:
    """What is written beside each field of a class: behind it, or in the lines above it."""
    source = dedent(inspect.getsource(kind))
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    at = {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}
    lines = source.splitlines()
    found = {}
    for node in ast.parse(source).body[0].body:  # type: ignore[attr-defined]
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            above = node.lineno - 1
            while above in at and lines[above - 1].lstrip().startswith("#"):
                above -= 1
            said = [at[line] for line in range(above + 1, (node.end_lineno or node.lineno) + 1) if line in at]
            found[node.target.id] = " ".join(said)
    return found


def tables() -> Iterator[Table]:
    """All sections, those of detection last."""
    for name, field in Settings.model_fields.items():
        if name != "detection":
            yield from _section(name, field)
    for name, section in SECTIONS.items():
        model = cast("type[Part]", Detection.model_fields[name].annotation)
        said = comments(section.limits)
        meant = {one.name: said.get(field, "") for field, one in forms(section).items()}
        yield Table(
            title=f"[detection.{name}]",
            about=_about(section.limits) + _more(name),
            rows=tuple(
                _row(f"detection.{name}.{setting}", setting, info, meant.get(setting) or ENABLED)
                for setting, info in model.model_fields.items()
            ),
        )


def _section(path: str, field: FieldInfo) -> Iterator[Table]:
    model = cast("type[Part]", _part_of(field.annotation))
    many = get_origin(field.annotation) is tuple
    said, rows, inner = comments(model), [], []
    for name, info in model.model_fields.items():
        if _part_of(info.annotation) is not None:
            inner.append((f"{path}.{name}", info))
        else:
            rows.append(_row(f"{path}.{name}", name, info, said.get(name, "")))
    yield Table(title=f"[[{path}]]" if many else f"[{path}]", about=_about(model), rows=tuple(rows))
    for name, info in inner:
        yield from _section(name, info)


def _part_of(annotation: Any) -> type[Part] | None:
    """The section that a setting holds, if it holds one or several of them."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return None if annotation is Listen else annotation
    return next((found for one in get_args(annotation) if (found := _part_of(one)) is not None), None)


def _about(kind: type) -> str:
    said = " ".join((inspect.getdoc(kind) or "").split("\n\n")[0].split())
    return said.partition(" See docs/")[0]


def _more(name: str) -> str:
    page = Path(__file__).with_name("detection") / f"{name.replace('_', '-')}.md"
    return f" [More](detection/{page.name})." if page.exists() else ""


def _row(path: str, name: str, info: FieldInfo, means: str) -> Row:
    return Row(name=name, may_be=_may_be(name, info), default=_default(path, info), means=means)


def _may_be(name: str, info: FieldInfo) -> str:
    annotation = info.annotation
    if isinstance(info.default, Strength):
        return ", ".join(WORDS.values())
    if get_origin(annotation) is dict:
        return "a table by prefix" if get_args(annotation)[0] == RatePrefix else "a table by language"
    if get_origin(annotation) is Literal:
        return ", ".join(map(str, get_args(annotation)))
    unit = next((unit for ending, unit in _UNITS.items() if name.endswith(ending)), "")
    low = next((f"{sign}{_figure(m, bound)}" for m in info.metadata for bound, sign in _LOW if hasattr(m, bound)), "")
    high = next((_figure(m, bound) for m in info.metadata for bound in ("le", "lt") if hasattr(m, bound)), "")
    if annotation in (int, float) and low and high:
        return f"{low} to {high} {unit}".rstrip()
    return _PLAIN.get(annotation, "") if isinstance(annotation, type) else ""


_LOW = (("ge", ""), ("gt", "above "))


def _figure(bound: Any, name: str) -> str:
    return _number(getattr(bound, name))


def _number(value: float) -> str:
    return f"{value:.15g}"


def _default(path: str, info: FieldInfo) -> str:
    if path in _SECRETS:
        return f"from {_SECRETS[path]}"
    if info.is_required():
        return "needed"
    if info.default_factory is not None:
        return "none"
    match info.default:
        case Listen(host=host, port=port):
            written = f"`{host}:{port}`"
        case Strength() as strength:
            written = WORDS[strength]
        case bool() as switch:
            written = str(switch).lower()
        case int() | float() as number:
            written = _number(number)
        case None | ():
            written = "none"
        case tuple() as several:
            written = ", ".join(f"`{one}`" for one in several)
        case text:
            written = f"`{text}`"
    return written


def page() -> str:
    """The page as it should be."""
    parts = [HEAD]
    for table in tables():
        parts.append(f"## `{table.title}`\n\n{table.about}\n")
        parts.append("| setting | may be | default | means |\n|---|---|---|---|")
        parts += [f"| `{row.name}` | {row.may_be} | {row.default} | {row.means} |" for row in table.rows]
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


def main() -> int:
    """Write the page, or check it."""
    if "--check" in sys.argv[1:]:
        return 0 if PAGE.exists() and PAGE.read_text(encoding="utf-8") == page() else 1
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
