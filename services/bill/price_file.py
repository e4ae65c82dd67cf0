"""Reads the price file, each time that a bill is asked for."""

from __future__ import annotations

import os
from pathlib import Path

from services.bill.prices import PriceError, Terms, read_terms
from services.errors import SettingsError

VARIABLE = "KATO_TENANTS_PRICES"
_LONGEST = 1 << 20  # characters


def terms_in(path: Path | None) -> Terms | None:
    """Return what a price file says; None where none is named. Raises SettingsError."""
    if path is None:
        return None
    try:
        return read_terms(_read(path))
    except PriceError as exc:
        raise SettingsError(VARIABLE, f"{path.name}: {exc}") from None


def _read(path: Path) -> str:
    try:
        if not path.is_file():  # a pipe would be waited for
            raise SettingsError(VARIABLE, f"{path} is no file that is there")
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(_LONGEST + 1)
    except OSError as exc:
        reason = f"{path} cannot be read ({os.strerror(exc.errno or 0)})"
        raise SettingsError(VARIABLE, reason) from None
    except ValueError:
        raise SettingsError(VARIABLE, f"{path} is not text in UTF-8") from None
    if len(text) > _LONGEST:
        raise SettingsError(VARIABLE, f"{path} is too long: it has at most 1 MiB")
    return text
