"""Evidence, and whom each piece of it is about: by that it is decided who may see it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class ShownTo(StrEnum):
    """Who sees what a rule finds."""

    TENANTS = "tenants"  # its findings are about some tenants each: whoever sees all of these
    FLEET = "fleet"  # about a store or everyone, so that one being there tells of others


Value = int | float | str | tuple[str, ...]


class About(StrEnum):
    """Whom a piece of evidence names or counts."""

    THESE = "these"  # the finding's own tenants and kb_ids, and nobody else
    OTHERS = "others"  # others too: for those who see all, and the rest of the finding stays
    NODES = "node_ids"  # whoever holds these node_ids, and so on
    KBS = "kb_ids"
    COLLECTIONS = "collections"
    TENANTS = "tenants"
    TENANT_IDS = "tenant ids"
    NAMES = "names"  # kb_ids or, in the guide layout, how a tenant's keys begin
    TENANTS_COUNTED = "number of tenants"  # besides the finding's first, of whom all are named
    KBS_COUNTED = "number of kb_ids"


@dataclass(frozen=True, slots=True)
class Fact:
    """A piece of evidence that says whom it is about."""

    value: Value
    about: About


Evidence = Mapping[str, Value | Fact]
"""What was seen, by the words that name it: counts, texts, and samples of names.

A bare value may be about anybody: a finding that has one is for those who see all.
"""


def these(value: Value) -> Fact:
    """Return what says nothing of anybody besides the finding's own tenants and kb_ids."""
    return Fact(value, About.THESE)


def plain(evidence: Evidence) -> dict[str, Value]:
    """Return the values alone."""
    return {word: said.value if isinstance(said, Fact) else said for word, said in evidence.items()}
