"""Which of many names can have a text as a field, told before any is read. Pure.

A field stands between the fixed texts of its scheme. Looking for these with the text between them
is much quicker than reading every name, and misses none.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

from services.tenancy.kb_ids import sanitise
from services.tenancy.schemes import NamingSchemes


@dataclass(frozen=True, slots=True)
class Probes:
    """What a name ends with, or holds, when a field of it is the text."""

    ends: tuple[str, ...]
    inside: tuple[str, ...]

    @classmethod
    def raw(cls, schemes: NamingSchemes, text: str) -> Self:
        """Return those for node_ids."""
        return cls._of([scheme.literals for scheme in schemes.schemes], text)

    @classmethod
    def sanitised(cls, schemes: NamingSchemes, text: str) -> Self:
        """Return those for what kb_ids keep of node_ids."""
        literals = [scheme.sanitised_literals for scheme in schemes.schemes]
        return cls._of(literals, sanitise(text))

    @classmethod
    def _of(cls, schemes: Collection[tuple[str, ...]], text: str) -> Self:
        ends = (f"{literals[-2]}{text}{literals[-1]}" for literals in schemes)
        inside = (
            f"{before}{text}{after}"
            for literals in schemes
            for before, after in pairwise(literals[:-1])
        )
        return cls(tuple(dict.fromkeys(ends)), tuple(dict.fromkeys(inside)))

    def fitting(self, names: Collection[str]) -> tuple[str, ...]:
        """Return the names that fit, each once."""
        found = [name for name in names if name.endswith(self.ends)]
        for probe in self.inside:
            found += [name for name in names if probe in name]
        return tuple(dict.fromkeys(found))
