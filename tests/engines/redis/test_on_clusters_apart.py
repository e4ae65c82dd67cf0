"""Taking a kb_id apart in a cluster, where no transaction spans its keys: the same tests."""

from __future__ import annotations

import pytest

from tests.engines.redis.test_apart import (
    server,
    test_a_session_ends_as_it_is_then_under_another_id_and_node,
    test_counts_that_are_lower_than_they_should_be_stay,
    test_cut_the_shared_one_is_as_if_they_had_never_been_learnt,
    test_one_that_is_learnt_again_in_the_moment_of_the_cut_stays,
    test_what_is_not_the_same_at_both_or_learnt_again_stays,
    test_what_was_cut_stays_cut_though_it_was_learnt_again_at_its_new_name,
    test_what_was_learnt_once_is_copied_with_kato_s_own_counts,
)
from tests.servers.whole_cluster import WholeCluster

__all__ = [
    "server",
    "test_a_session_ends_as_it_is_then_under_another_id_and_node",
    "test_counts_that_are_lower_than_they_should_be_stay",
    "test_cut_the_shared_one_is_as_if_they_had_never_been_learnt",
    "test_one_that_is_learnt_again_in_the_moment_of_the_cut_stays",
    "test_what_is_not_the_same_at_both_or_learnt_again_stays",
    "test_what_was_cut_stays_cut_though_it_was_learnt_again_at_its_new_name",
    "test_what_was_learnt_once_is_copied_with_kato_s_own_counts",
]


@pytest.fixture
def _server(cluster: WholeCluster) -> WholeCluster:
    return cluster
