"""What people paste into a search for vectors, read strictly. Pure."""

from __future__ import annotations

import json
import math
import re
from uuid import UUID

from services.errors import VectorError

MOST = 65_536
"""Numbers in a vector, as Qdrant allows."""

_LARGEST_ID = 2**64
_BETWEEN = re.compile(r"[\s,;]+")


def read_vector(text: str, *, size: int | None) -> list[float]:
    """Read a vector: a JSON list, or numbers with commas, semicolons or spaces between them.

    `size` is how many numbers it has to have, None where that is not known. Raises VectorError
    with what is wrong, and where.
    """
    found = [_number(word, at) for at, word in enumerate(_words(text.strip()), start=1)]
    if not found:
        raise VectorError("paste the numbers of a vector")
    if len(found) > MOST:
        raise VectorError(f"a vector has at most {MOST:,} numbers")
    if size is not None and len(found) != size:
        raise VectorError(f"it has {len(found):,} numbers; vectors here have {size:,}")
    return found


def _words(text: str) -> list[object]:
    if not text.startswith("["):
        return [word for word in _BETWEEN.split(text) if word]
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise VectorError("it begins as a JSON list and is none") from None
    if not isinstance(found, list):
        raise VectorError("it begins as a JSON list and is none")
    return found


def _number(word: object, at: int) -> float:
    if isinstance(word, bool) or not isinstance(word, str | int | float):
        raise VectorError(f"number {at:,} is no number")
    try:
        value = float(word)
    except (ValueError, OverflowError):
        raise VectorError(f"number {at:,} is no number") from None
    if not math.isfinite(value):
        raise VectorError(f"number {at:,} is not finite")
    return value


def read_point_id(text: str) -> int | str:
    """Read a point's id as Qdrant has them: a whole number or a UUID. Raises VectorError."""
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) <= 20 and int(text) < _LARGEST_ID:  # noqa: PLR2004 - 2**64 has 20 digits
        return int(text)
    try:
        return str(UUID(text))
    except ValueError:
        raise VectorError("a point's id is a whole number or a UUID") from None
