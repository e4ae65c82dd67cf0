"""Which archives and purges another job takes for its own: by their reason, and of its tenant."""

from __future__ import annotations

from unittest.mock import Mock

from services.archive.as_part import PartArchives
from services.purge import as_part as purging
from services.purge.models import Request, Target
from services.tenancy.kb_ids import TenantKey

ACME, EVIL = (Target(TenantKey("tenant", name)) for name in ("acme", "evil"))


def test_what_somebody_else_wrote_the_same_reason_on_is_not_its_own() -> None:
    """A reason is typed by anybody: another tenant's archive would be copied with it."""
    mine, theirs = Mock(target=ACME), Mock(target=EVIL)
    service = Mock(**{"begun_for.return_value": (theirs, mine)})
    part = PartArchives(service, Mock(), Request(ACME), "moved by the job j", quiesce=True)
    assert part.all() == (mine,)
    purges = [Mock(**{"plan.request.target": target}) for target in (EVIL, ACME)]
    book = Mock(**{"jobs.return_value": purges})
    assert purging.found(book, ACME, "moved by the job j") is purges[1]
    assert purging.found(book, Target(TenantKey("tenant", "a")), "moved by the job j") is None
