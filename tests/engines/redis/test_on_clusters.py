"""What holds of one Redis holds of a cluster of three: the same tests, once more."""

from __future__ import annotations

import pytest

from tests.engines.redis.test_erasing import (
    test_a_kb_id_of_the_capture_goes_and_nothing_else,
    test_keys_alone_leave_the_records,
    test_the_guides_keys_go_by_the_exact_tenant,
    test_the_sessions_of_a_node_end_and_no_others,
)
from tests.engines.redis.test_keyspace import (
    test_empty_keyspace,
    test_hostile_names_are_counted_as_what_they_are,
    test_memory_of_every_key_is_exact,
    test_without_memory_bytes_are_not_known,
)
from tests.engines.redis.test_sweep import (
    test_many_tenants_go_at_once,
)
from tests.servers.whole_cluster import WholeCluster

__all__ = [
    "test_a_kb_id_of_the_capture_goes_and_nothing_else",
    "test_empty_keyspace",
    "test_hostile_names_are_counted_as_what_they_are",
    "test_keys_alone_leave_the_records",
    "test_many_tenants_go_at_once",
    "test_memory_of_every_key_is_exact",
    "test_the_guides_keys_go_by_the_exact_tenant",
    "test_the_sessions_of_a_node_end_and_no_others",
    "test_without_memory_bytes_are_not_known",
]


@pytest.fixture
def valkey(cluster: WholeCluster) -> WholeCluster:
    """An empty cluster in the place of an empty server."""
    return cluster
