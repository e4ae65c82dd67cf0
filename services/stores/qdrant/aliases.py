"""Which collections Qdrant has, and by which names each is reached. One call for all aliases.

An alias reads and writes the collection behind it, and KATO asks by the name that it makes of a
kb_id without knowing which of the two that is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property

from services.errors import StoreMisconfigured
from services.stores.qdrant.answers import Answers
from services.stores.qdrant.connect import NOT_QDRANT, STORE
from services.stores.qdrant.facts import aliases_of, names_of
from services.tenancy.layout import owners_of_collection


@dataclass(frozen=True)
class Standing:
    """The collections that there are, and the collection of each alias."""

    collections: tuple[str, ...]
    aliases: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def _there(self) -> frozenset[str]:
        return frozenset(self.collections)

    @cached_property
    def _by_collection(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {name: [] for name in self.collections}
        for alias, collection in sorted(self.aliases.items()):
            if collection in found:
                found[collection].append(alias)
        return {name: tuple(aliases) for name, aliases in found.items()}

    def behind(self, name: str) -> str | None:
        """Return the collection that a name reaches, None where it reaches nothing."""
        found = name if name in self._there else self.aliases.get(name)
        return found if found in self._there else None

    def aliases_of(self, collection: str) -> tuple[str, ...]:
        """Return the aliases of a collection."""
        return self._by_collection.get(collection, ())

    def names_of(self, collection: str) -> tuple[str, ...]:
        """Return every name that reaches a collection, its own first."""
        return (collection, *self.aliases_of(collection))

    def asked(self, names: Iterable[str]) -> dict[str, list[str]]:
        """Return the collections that these names reach, each with those of the names that do."""
        found: dict[str, list[str]] = {}
        for name in sorted(names):
            collection = self.behind(name)
            if collection is not None:
                found.setdefault(collection, []).append(name)
        return found


def say_nothing(names: Sequence[str], shared: frozenset[str]) -> bool:
    """Whether only an index on tenant_id can tell that a collection of these names is shared."""
    return shared.isdisjoint(names) and not owners_of_collection(names)


Asking = Callable[[str], AbstractContextManager[None]]
"""Translates the driver's errors in what is done within; takes what is done, in words."""


def collections_listed(answers: Answers, asking: Asking, operation: str) -> list[str]:
    """List the collections; an alias is none. Raises a StoreError."""
    with asking(operation):
        names = names_of(answers.listing())
    if names is None:
        raise StoreMisconfigured(STORE, operation, NOT_QDRANT)
    return names


def aliases_listed(answers: Answers, asking: Asking) -> dict[str, str]:
    """Return the collection of every alias. Raises a StoreError."""
    operation = "list the aliases"
    with asking(operation):
        found = aliases_of(answers.aliases())
    if found is None:
        raise StoreMisconfigured(STORE, operation, NOT_QDRANT)
    return found


def standing_of(answers: Answers, asking: Asking) -> Standing:
    """Ask for all collections and all aliases: two calls. Raises a StoreError.

    A collection may be made and an alias moved to it in between: it is listed again then.
    """
    names = collections_listed(answers, asking, "list the collections")
    aliases = aliases_listed(answers, asking)
    if not set(names).issuperset(aliases.values()):
        names = collections_listed(answers, asking, "list the collections")
    return Standing(tuple(names), aliases)
