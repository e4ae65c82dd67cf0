"""What of a purge's surface is where in Qdrant: worked out of names. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from services.purge.models import Surface
from services.stores.qdrant.aliases import Standing
from services.stores.qdrant.payloads import Named
from services.tenancy.layout import NOBODY, owners_of_collection, read_collection


@dataclass(frozen=True)
class Aim:
    """A surface, and the collections that there are with all their names.

    `whole` has the collections that go whole, each with the names of the surface that reach it;
    `shared` likewise those that tenants share by payload.
    """

    surface: Surface
    standing: Standing
    named: Named = field(init=False)
    whole: dict[str, list[str]] = field(init=False)
    shared: dict[str, list[str]] = field(init=False)

    def __post_init__(self) -> None:
        """Resolve the surface's names."""
        shared = self.standing.asked(self.surface.shared_collections)
        reached = self.standing.asked(self.surface.collections)
        whole = {name: by for name, by in reached.items() if name not in shared}
        for name, value in {"whole": whole, "shared": shared}.items():
            object.__setattr__(self, name, value)  # frozen, and made of the others
        object.__setattr__(self, "named", Named(self.surface))

    def by(self, aliases: dict[str, str]) -> Aim:
        """Return what it comes to with these aliases."""
        return replace(self, standing=Standing(self.standing.collections, aliases))

    def others(self, collection: str) -> list[str]:
        """Return the names of a collection that are an owner's who is not of the surface."""
        return [
            name
            for name in self.standing.names_of(collection)
            if name not in self.surface.collections and _is_owners(name)
        ]

    def asked(self, collection: str) -> str:
        """Return the name that a collection of the surface is asked by: its own if that is one."""
        by = self.whole.get(collection) or self.shared[collection]
        return collection if collection in by else by[0]

    def reached(self, collection: str) -> list[str]:
        """Return the names that KATO makes of the target's ids, and reaches a collection by."""
        names = self.standing.names_of(collection)
        return [name for name in names if name in self.surface.collections and _is_owners(name)]

    def nobodys(self) -> list[str]:
        """Return the collections that no name says an owner of, and that are not shared."""
        return [
            name
            for name in self.standing.collections
            if name not in self.shared
            and name not in self.whole
            and not owners_of_collection(self.standing.names_of(name))
        ]

    def passed_over(self, collection: str) -> bool:
        """Whether what cannot be erased of a collection is to stay."""
        return not self.surface.passed_over.isdisjoint(self.standing.names_of(collection))


def _is_owners(name: str) -> bool:
    return read_collection(name).owner != NOBODY


def owner_of(name: str) -> str:
    """Return the owner that a collection's name says, as it is written there; else the name."""
    return read_collection(name).owner.name or name
