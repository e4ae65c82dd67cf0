"""The groups of a pass over Redis, in columns: there are ten times as many as kb_ids. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from services.figures import Amount
from services.tenancy.layout import Owner
from services.usage.readings import KeyGroup
from services.usage.sums import Amounts, Margins, Numbers


@dataclass(frozen=True, slots=True, eq=False)
class Groups(Sequence[KeyGroup]):
    """Reads like a tuple of groups, each of which is made when it is looked at.

    `owners` are each an owner with whether it is sure; `owner_of` and `kind_of` are places in
    `owners` and `kinds`. The columns after them are those of the amounts: `sizes`, in bytes,
    count where they are `known`.
    """

    owners: Sequence[tuple[Owner, bool]]
    kinds: Sequence[str]
    owner_of: NDArray[np.intp]
    kind_of: NDArray[np.intp]
    counts: Numbers
    sizes: Numbers
    known: NDArray[np.bool_]
    count_margin: Margins
    bytes_margin: Margins

    @classmethod
    def of(cls, groups: Sequence[KeyGroup]) -> Groups:
        """Return groups in columns: those that are so already as they are."""
        if isinstance(groups, Groups):
            return groups
        owners = {(group.owner, group.sure): None for group in groups}
        kinds = {group.kind: None for group in groups}
        at_owner = {owner: at for at, owner in enumerate(owners)}
        at_kind = {kind: at for at, kind in enumerate(kinds)}
        amounts = [group.amount for group in groups]
        return cls(
            owners=tuple(owners),
            kinds=tuple(kinds),
            owner_of=np.array([at_owner[group.owner, group.sure] for group in groups], np.intp),
            kind_of=np.array([at_kind[group.kind] for group in groups], np.intp),
            counts=np.array([each.count for each in amounts], np.int64),
            sizes=np.array([each.bytes or 0 for each in amounts], np.int64),
            known=np.array([each.bytes is not None for each in amounts], np.bool_),
            count_margin=np.array([each.count_margin for each in amounts], np.float64),
            bytes_margin=np.array([each.bytes_margin for each in amounts], np.float64),
        )

    @property
    def amounts(self) -> Amounts:
        """The amounts of the groups."""
        return Amounts(self.counts, self.sizes, self.known, self.count_margin, self.bytes_margin)

    def __len__(self) -> int:
        return len(self.owner_of)

    def __iter__(self) -> Iterator[KeyGroup]:
        return self._made(slice(None))

    @overload
    def __getitem__(self, at: int) -> KeyGroup: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[KeyGroup, ...]: ...
    def __getitem__(self, at: int | slice) -> KeyGroup | tuple[KeyGroup, ...]:
        if isinstance(at, slice):
            return tuple(self._made(at))
        place = range(len(self))[at]
        return next(self._made(slice(place, place + 1)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Groups | tuple):
            return NotImplemented
        return self is other or tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]  # as of any sequence of many

    def _made(self, some: slice) -> Iterator[KeyGroup]:
        columns = (
            self.owner_of, self.kind_of, self.counts, self.sizes, self.known, self.count_margin,
            self.bytes_margin,
        )  # fmt: skip
        for owner, kind, count, size, is_known, of_count, of_bytes in zip(
            *(column[some].tolist() for column in columns), strict=True
        ):
            amount = Amount(count, size if is_known else None, of_count, of_bytes)
            (whose, sure) = self.owners[owner]
            yield KeyGroup(whose, self.kinds[kind], amount, sure)


def owners_of(groups: Sequence[KeyGroup]) -> Iterable[Owner]:
    """Return each owner of any groups."""
    columns = Groups.of(groups)
    return (columns.owners[at][0] for at in np.unique(columns.owner_of).tolist())
