"""What moving needs of everything else: it takes, proves, erases and restores nothing itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from services.archive.service import ArchiveService
from services.cards.holds import Holds
from services.jobs.ports import Jobs
from services.move.ports import Book
from services.move.there import There
from services.purge.service import PurgeService
from services.tenancy.kb_ids import TenantKey


@dataclass(frozen=True, slots=True)
class Tools:
    """What moving needs.

    `destinations` names the deployments that are set, and `there` opens one of them; it raises
    SettingsError for one whose settings are wrong, and StoreError. `place` says why no archive can
    be taken here, empty where one can; `opens` is whether what is encrypted here can be read here
    too. `unbury` has a purge expect back what it erased, and `moved` has the register of
    instances say to which deployment a tenant went, and by whom.
    """

    archives: Callable[[], ArchiveService]
    purges: Callable[[], PurgeService]
    destinations: Callable[[], tuple[str, ...]]
    there: Callable[[str], There]
    book: Book
    jobs: Jobs
    holds: Holds
    place: Callable[[], str]
    opens: Callable[[], bool]
    unbury: Callable[[str], None]
    moved: Callable[[TenantKey, str, str], None]
    now: Callable[[], datetime]
