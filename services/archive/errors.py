"""What archives raise: what cannot be taken or kept, and what is wrong with what is read."""

from __future__ import annotations

from enum import StrEnum

from services.errors import KatoTenantsError


class ArchiveError(KatoTenantsError):
    """An archive that cannot be taken or found, or a destination that did not keep it."""


class ArchiveFlaw(StrEnum):
    """What is wrong with an archive that is read."""

    NOT_ONE = "it is no archive of this product"
    VERSION = "it is of a version that this product does not read"
    CUT = "it is cut: its end is missing"
    ALTERED = "it is not as it was written"
    LOCKED = "it is encrypted, and none of the identities that are set opens it"


class ArchiveRefused(ArchiveError):
    """An archive that is not taken; `flaw` says why, `where` in which member, which may be empty.

    It is raised before anything of the part in question is used.
    """

    def __init__(self, flaw: ArchiveFlaw, where: str = "") -> None:
        super().__init__(f"the archive is refused: {flaw}" + (f" ({where})" if where else ""))
        self.flaw, self.where = flaw, where
