"""What changes of cards come to. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from services.cards.labels import words_of
from services.cards.models import Card, Edit
from services.cards.service import Cards

TOLD = ("name", "contact", "labels", "notes")
"""What a card may say, in the order in which it is shown."""


@dataclass(frozen=True, slots=True)
class Change:
    """One card that would be another one."""

    edit: Edit
    before: Card
    after: Card

    @property
    def fields(self) -> tuple[str, ...]:
        """What of it would be different."""
        return tuple(
            name for name in TOLD if getattr(self.before, name) != getattr(self.after, name)
        )

    @property
    def labels(self) -> str:
        """Say in one line which labels it would have: `tenant/acme plan=gold`."""
        return f"{self.after.tenant} {words_of(self.after.labels) or 'no label'}"

    @property
    def texts(self) -> str:
        """Say in one line which texts it would have; the name in it is as it is."""
        told = (f"{name} {getattr(self.after, name)!r}" for name in self.fields if name != "labels")
        return f"{self.after.tenant}: {', '.join(told)}"


def changes(edits: Iterable[Edit], cards: Cards) -> tuple[Change, ...]:
    """Return what of edits is a change: nothing that is so already."""
    return tuple(_changes(edits, cards))


def _changes(edits: Iterable[Edit], cards: Cards) -> Iterator[Change]:
    for edit in edits:
        before = cards.get(edit.tenant) or Card(edit.tenant)
        after = edit.after(before)
        if after != before:
            yield Change(edit, before, after)
