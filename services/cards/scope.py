"""Whom a rule is for: every tenant, a kind, those with a label, or one. Pure.

Limits and prices go by it.
"""

from __future__ import annotations

from dataclasses import dataclass

from services.access.viewer import TenantPattern
from services.cards.labels import LABEL, label_of
from services.cards.models import Label


@dataclass(frozen=True, slots=True, order=True)
class LabelScope:
    """The tenants that have a label on their cards, written `label:plan=gold`."""

    label: Label

    def __str__(self) -> str:
        return f"{LABEL}{self.label}"


Scope = TenantPattern | LabelScope
"""No label has a slash, which every kind and tenant has: so what is written tells them apart."""


def scope_of(text: str) -> Scope:
    """Read what somebody typed. Raises NamingError, and CardError for a label that is none."""
    if _is_label(text):
        return LabelScope(label_of(text.removeprefix(LABEL)))
    return TenantPattern.parse(text)


def scope_written(text: str) -> Scope:
    """Read back what `str` wrote of one, whatever it is called."""
    if _is_label(text):
        key, _, value = text.removeprefix(LABEL).partition("=")
        return LabelScope(Label(key, value))
    kind, _, name = text.partition("/")
    return TenantPattern(kind, name or "*")


def _is_label(text: str) -> bool:
    return text.startswith(LABEL) and "/" not in text
