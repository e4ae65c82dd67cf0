"""What things cost: the price file, as it is written, and whose price is what. Pure."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)
from pydantic_core import ErrorDetails

from services.access.viewer import EVERYTHING
from services.cards.labels import LABEL
from services.cards.models import CardError
from services.cards.scope import scope_of
from services.errors import NamingError
from services.tenancy.kb_ids import TenantKey


class Charge(StrEnum):
    """What is billed, by the name of its price in the file."""

    BASE = "base"
    PATTERNS = "thousand_patterns"
    DISK = "disk_gib"
    MEMORY = "memory_gib"
    VECTORS = "vectors_gib"
    SESSIONS = "session_hour"


class Rounding(StrEnum):
    """How the fleet's total is rounded to the last unit."""

    HALF_UP = "half_up"
    HALF_EVEN = "half_even"
    UP = "up"
    DOWN = "down"


class SharedRule(StrEnum):
    """Who pays for what several tenants hold."""

    NOBODY = "nobody"
    EQUALLY = "equally"
    BY_USE = "by_use"


_A_PRICE = "has to be a number, as 0.25"


class PriceError(Exception):
    """A price file is not as it has to be; the text says where and why, in one line."""


def _number(value: object) -> object:
    """Take whole numbers too: in TOML a price of 4 is one."""
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value


Money = Annotated[Decimal, BeforeValidator(_number), Field(ge=0, le=10**12, decimal_places=12)]
Text = Annotated[str, Field(max_length=500)]


def _pattern(name: str) -> str:
    try:
        scope_of(name)
    except (CardError, NamingError):
        raise ValueError("is neither *, nor a kind as org/*, nor a label as label:plan=gold, nor a "
                         "tenant as tenant/acme") from None  # fmt: skip
    return name


Pattern = Annotated[str, AfterValidator(_pattern)]


class Rates(BaseModel):
    """The prices of some tenants; one that is None is told elsewhere, or nowhere."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    base: Money | None = None
    thousand_patterns: Money | None = None
    disk_gib: Money | None = None
    memory_gib: Money | None = None
    vectors_gib: Money | None = None
    session_hour: Money | None = None

    def of(self, charge: Charge) -> Decimal | None:
        """Return one price."""
        found: Decimal | None = getattr(self, charge)
        return found


@dataclass(frozen=True, slots=True)
class Price:
    """A price, and whose it is: the pattern under which the file has it."""

    amount: Decimal
    of: str


class Terms(BaseModel):
    """A whole price file."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    decimals: Annotated[int, Field(ge=0, le=6)]
    rounding: Annotated[Rounding, Field(strict=False)]
    shared: Annotated[SharedRule, Field(strict=False)]
    issuer: Text = ""
    note: Text = ""
    prices: Annotated[Mapping[Pattern, Rates], Field(min_length=1)]

    def price(
        self, tenant: TenantKey, charge: Charge, labels: Collection[str] = ()
    ) -> Price | None:
        """Return what a tenant pays: its own price, else a label's, its kind's, or everybody's.

        Of its labels, which are written as in the file, that which the file has first.
        """
        everybody = map(str, EVERYTHING)
        labelled = (name for name in self.prices if name in labels) if labels else ()
        for name in (str(tenant), *labelled, f"{tenant.kind}/*", *everybody):
            amount = self.prices[name].of(charge) if name in self.prices else None
            if amount is not None:
                return Price(amount, name)
        return None

    @property
    def by_label(self) -> bool:
        """Whether any price is a label's: then a bill goes by what tenants' cards say."""
        return any(name.startswith(LABEL) and "/" not in name for name in self.prices)


def read_terms(text: str) -> Terms:
    """Read a price file. Raises PriceError, which names the line and the key."""
    try:
        found = tomllib.loads(text, parse_float=Decimal)
    except (tomllib.TOMLDecodeError, ValueError, RecursionError) as exc:
        raise PriceError(f"is not TOML: {exc}") from None
    try:
        return Terms.model_validate(found)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        where = tuple(str(part) for part in first["loc"] if part != _OF_A_KEY)
        raise PriceError(f"{_line(text, where)}{_key(where)} {_reason(first)}") from None


_OF_A_KEY = "[key]"
_REASONS = {
    "missing": "is missing",
    "extra_forbidden": "is no key that is known here",
    "is_instance_of": _A_PRICE,
    "finite_number": _A_PRICE,
    "greater_than_equal": "has to be 0 or more",
    "string_pattern_mismatch": "has to be a code of three capitals, as EUR",
    "too_short": "has to have one table at least",
}


def _reason(error: ErrorDetails) -> str:
    """Say what is wrong; pydantic's own words are good enough where these are none."""
    own = error["msg"].removeprefix("Value error, ")
    return _REASONS.get(error["type"], own if own.startswith("is ") else f"is wrong: {own}")


def _key(path: Sequence[str]) -> str:
    """Write a key as TOML does."""
    bare = re.compile(r"[A-Za-z0-9_-]+")
    return ".".join(part if bare.fullmatch(part) else f'"{part}"' for part in path)


def _line(text: str, path: Sequence[str]) -> str:
    """Return the line of a key, as words before it; none of a key that is missing.

    It is the first line with which the text has the key. That is looked for by halves: a text
    that has it still has it with more lines.
    """
    lines = text.splitlines(keepends=True)
    if not _has(lines, path):
        return ""
    without, having = 0, len(lines)
    while having - without > 1:
        middle = (without + having) // 2
        if _has(lines[:middle], path):
            having = middle
        else:
            without = middle
    return f"line {having}: "


def _has(lines: Sequence[str], path: Sequence[str]) -> bool:
    """Whether the lines have a key; of a value that is cut in the middle, without it."""
    found: object = _start(lines)
    for part in path:
        if not isinstance(found, Mapping) or part not in found:
            return False
        found = found[part]
    return True


def _start(lines: Sequence[str]) -> object:
    for end in range(len(lines), 0, -1):
        try:
            return tomllib.loads("".join(lines[:end]), parse_float=Decimal)
        except ValueError:
            continue
    return {}
