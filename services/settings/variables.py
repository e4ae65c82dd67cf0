"""The environment as the settings see it: stripped, and each secret also out of a file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from services.errors import SettingsError

_LONGEST = 1 << 16  # characters of a secret's file
_BLANKS = frozenset("\t\n\r")
FILE = "_FILE"
"""What the variable ends with that names a secret's file."""


class Variables(PydanticBaseSettingsSource):
    """Reads the environment, or what stands for it, for pydantic.

    Raises SettingsError, which repeats no value.
    """

    def __init__(
        self, settings_cls: type[BaseSettings], environment: Mapping[str, str] = os.environ
    ) -> None:
        super().__init__(settings_cls)
        self._environment = environment

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return a field's value, None where it is not set; its variable, and that it is a text."""
        del field_name
        return _value(field, self._environment), str(field.alias), False

    def __call__(self) -> dict[str, Any]:
        """Return every variable that is set."""
        fields = self.settings_cls.model_fields.values()
        found = {str(field.alias): _value(field, self._environment) for field in fields}
        return {variable: value for variable, value in found.items() if value}


def file_variables(settings: type[BaseSettings]) -> Iterator[str]:
    """Name the variables that name a secret's file: the secret's own, and `_FILE`."""
    return (f"{f.alias}{FILE}" for f in settings.model_fields.values() if _is_secret(f))


def at_fault(exc: ValidationError) -> SettingsError:
    """Return what names the first variable at fault, and repeats no value."""
    first = exc.errors(include_url=False, include_input=False)[0]
    return SettingsError(str(first["loc"][0]), first["msg"].removeprefix("Value error, "))


def _is_secret(field: FieldInfo) -> bool:
    return SecretStr in (field.annotation, *get_args(field.annotation))


def _value(field: FieldInfo, environment: Mapping[str, str]) -> str:
    """Return what a field's variable holds, or the file that it names; empty where none is set."""
    variable, file = str(field.alias), f"{field.alias}{FILE}"
    text = _clean(variable, environment.get(variable, ""))
    path = _clean(file, environment.get(file, "")) if _is_secret(field) else ""
    if text and path:
        raise SettingsError(file, f"set, and so is {variable}: only one of them can be")
    return _clean(file, read_text(file, Path(path))) if path else text


def _clean(variable: str, text: str) -> str:
    """Strip the blanks and line ends around a value."""
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise SettingsError(variable, "is not text in UTF-8")
    stripped = text.strip()
    if any(ord(char) < ord(" ") or char == "\x7f" for char in stripped if char not in _BLANKS):
        raise SettingsError(variable, "has a control character inside")
    return stripped


def read_text(variable: str, path: Path) -> str:
    """Return what a file has that a variable names. Raises SettingsError, which names no path."""
    try:
        if not path.is_file():  # a pipe would be waited for
            raise SettingsError(variable, "names no file that is there")
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(_LONGEST + 1)
    except OSError as exc:
        reason = f"its file cannot be read ({os.strerror(exc.errno or 0)})"
        raise SettingsError(variable, reason) from None
    except ValueError:
        raise SettingsError(variable, "its file is not text in UTF-8") from None
    if not text.strip():
        raise SettingsError(variable, "its file is empty")
    if len(text) > _LONGEST:
        raise SettingsError(variable, "its file is too long for a secret")
    return text
