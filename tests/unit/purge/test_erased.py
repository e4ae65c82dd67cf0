"""What was erased is found by every name that it may be typed by."""

from __future__ import annotations

from unittest.mock import Mock

from hypothesis import given, strategies as st

from services.purge.erased import erased_before, kb_ids_meant
from services.purge.job import Tombstone
from services.purge.ports import Jobs
from services.sessions.landing import Erased
from services.tenancy.kb_ids import kb_id_of
from services.tenancy.ownership import Ownership
from services.tenancy.schemes import NamingSchemes
from tests.servers.purger import LATER, NOW

OWNERSHIP = Ownership((), schemes=NamingSchemes.of())
IDS = st.text(st.sampled_from("ab-_.9é"), min_size=1, max_size=8)


@given(IDS, IDS)
def test_a_user_is_found_by_each_name(tenant: str, user: str) -> None:
    """By the id alone, the node_id and the kb_id, though nothing else remembers any of them."""
    node = f"tenant:{tenant}:user:{user}"
    kb_id = kb_id_of(node, "kato")
    stones = (Tombstone("", f"tenant/{tenant}", "j", NOW), Tombstone("", "the user x", "j", NOW))
    for typed in (user, node, kb_id):
        assert kb_id in kb_ids_meant(typed, stones, OWNERSHIP)
    others = (Tombstone("", "tenant/other", "j", NOW),)
    assert kb_id not in kb_ids_meant(user, others, OWNERSHIP)


def test_when_and_why_is_told_by_the_job() -> None:
    """A job that is no more leaves the time; what was never erased has nothing."""
    jobs = Mock(spec=Jobs)
    jobs.tombstones.return_value = ()
    assert erased_before(jobs, "kb") is None
    jobs.tombstones.return_value = (Tombstone("kb", "tenant/acme", "j", LATER),)
    jobs.job.return_value = None
    assert erased_before(jobs, "kb") == Erased(LATER)
