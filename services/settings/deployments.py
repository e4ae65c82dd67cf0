"""The deployments of one dashboard, out of the file or the folder that names them.

    [deployment.prod-eu]
    color = "red"
    labels = { region = "eu", stage = "production" }

    [deployment.prod-eu.settings]
    CLICKHOUSE_HOST = "clickhouse.eu.example.com"
    REDIS_URL_FILE = "/run/secrets/prod_eu_redis_url"

`settings` has the variables of the environment, or is the path of a file of them, as Docker's
`--env-file` reads it. What each deployment's settings come to, `deployment_settings` says.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values

from services.errors import SettingsError
from services.settings.sign_in import DEPLOYMENTS
from services.settings.variables import read_text

COLORS = ("gray", "blue", "green", "orange", "red", "violet")
"""What a deployment's badge may have; the first one where nothing is said."""

MOST = 100
"""So many deployments one dashboard has at most."""

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,38}[A-Za-z0-9])?")
_KNOWN = frozenset({"color", "labels", "settings"})
_LONGEST_LABEL, _MOST_LABELS = 60, 20


@dataclass(frozen=True, slots=True)
class Declared:
    """One deployment as the file has it; `problem` says what of it cannot be read, else empty.

    `variables` are those of the environment, each as a text.
    """

    name: str
    color: str = COLORS[0]
    labels: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


def has_several(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the environment names several: asked often, and told at once."""
    return bool(environment.get(DEPLOYMENTS, "").strip())


def declared_in(place: Path) -> tuple[Declared, ...]:
    """Return the deployments that a file names, or all `*.toml` of a folder, in their order.

    Raises SettingsError where that cannot be read as a whole: then nothing of it is known.
    """
    found: dict[str, Declared] = {}
    for path in _files(place):
        for each in _in_text(read_text(DEPLOYMENTS, path), path):
            twin = next((name for name in found if name.lower() == each.name.lower()), None)
            if twin is not None:
                raise SettingsError(DEPLOYMENTS, f"has two deployments that are called {twin}")
            found[each.name] = each
    if not found:
        raise SettingsError(DEPLOYMENTS, "names no deployment: write [deployment.NAME]")
    if len(found) > MOST:
        raise SettingsError(DEPLOYMENTS, f"names more than {MOST} deployments")
    return tuple(found.values())


def stamp_of(place: Path) -> tuple[object, ...]:
    """Return what changes when the file, or a file of the folder, does; raises nothing."""
    return tuple(_stamps(place))


def _stamps(place: Path) -> Iterator[object]:
    try:
        files = sorted(place.glob("*.toml")) if place.is_dir() else [place]
    except OSError as exc:
        yield exc.errno
        return
    for path in files:
        try:
            found = path.stat()
            yield str(path), found.st_mtime_ns, found.st_size, found.st_ino
        except OSError as exc:
            yield str(path), exc.errno


def _files(place: Path) -> Sequence[Path]:
    try:
        return sorted(place.glob("*.toml")) if place.is_dir() else [place]
    except OSError as exc:
        reason = f"its folder cannot be read ({os.strerror(exc.errno or 0)})"
        raise SettingsError(DEPLOYMENTS, reason) from None


def _in_text(text: str, path: Path) -> Iterator[Declared]:
    try:
        found = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as exc:
        where = str(exc) if isinstance(exc, tomllib.TOMLDecodeError) else "it nests too deep"
        raise SettingsError(DEPLOYMENTS, f"{path.name} is no TOML: {_place_in(where)}") from None
    strange = sorted(set(found) - {"deployment"})
    named = found.get("deployment", {})
    if strange or not isinstance(named, dict):
        what = strange[0] if strange else "deployment"
        reason = f"{path.name} has {what[:40]!r} where [deployment.NAME] belongs"
        raise SettingsError(DEPLOYMENTS, reason)
    for name, table in named.items():
        if not _NAME.fullmatch(name):
            reason = (f"{path.name} has a name that cannot be used: at most 40 letters, digits and "
                      "-_. between two of these")  # fmt: skip
            raise SettingsError(DEPLOYMENTS, reason)
        yield _declared(name, table, path.parent)


def _place_in(text: str) -> str:
    """Say where an error is, and nothing of what stands there: it may be a password."""
    found = re.search(r"\(at (line \d+, column \d+|end of document)\)", text)
    return found.group(1) if found else text[:40]


def _declared(name: str, table: object, folder: Path) -> Declared:
    try:
        return _read(name, table, folder)
    except SettingsError as exc:
        return Declared(name, problem=f"{exc.variable}: {exc.reason}")
    except ValueError as exc:
        return Declared(name, problem=f"it {exc}")


def _read(name: str, table: object, folder: Path) -> Declared:
    if not isinstance(table, dict):
        raise ValueError(f"is to be a table: [deployment.{name}]")  # noqa: TRY004  as all here
    if strange := sorted(set(table) - _KNOWN):
        raise ValueError(f"has {strange[0][:40]!r}, which is none of color, labels, settings")
    return Declared(
        name, _color(table.get("color", COLORS[0])), _labels(table.get("labels", {})),
        _variables(table.get("settings", {}), folder),
    )  # fmt: skip


def _color(value: object) -> str:
    if value not in COLORS:
        raise ValueError(f"has a color that is none of {', '.join(COLORS)}")
    return str(value)


def _labels(value: object) -> Mapping[str, str]:
    if not isinstance(value, dict) or len(value) > _MOST_LABELS:
        raise ValueError(f"has labels that are no table of at most {_MOST_LABELS}")
    texts = [text for pair in value.items() for text in pair]
    if not all(isinstance(text, str) and _is_label(text) for text in texts):
        raise ValueError(f"has a label that is no line of at most {_LONGEST_LABEL} characters")
    return dict(value)


def _is_label(text: str) -> bool:
    return 0 < len(text) <= _LONGEST_LABEL and text.isprintable()


def _variables(value: object, folder: Path) -> Mapping[str, str]:
    if isinstance(value, str):
        text = read_text("settings", folder / value)
        found = dotenv_values(stream=StringIO(text), interpolate=False)
        return {name: text for name, text in found.items() if text}
    if not isinstance(value, dict):
        raise ValueError("has settings that are neither a table nor the path of a file")  # noqa: TRY004  as above
    return {name: _text(each) for name, each in value.items()}


def _text(value: object) -> str:
    """Write a value as the environment has it: lists and tables as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float | list | dict):
        return json.dumps(value, default=str)
    raise ValueError("has a date among its settings: write it as a text")
