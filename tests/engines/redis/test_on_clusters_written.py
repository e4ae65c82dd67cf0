"""Writing to a cluster what an archive has: the same tests as over one server."""

from __future__ import annotations

import pytest

from tests.engines.redis.test_typed_writing import (
    test_a_large_key_is_built_aside,
    test_a_large_key_that_is_there_stays,
    test_a_large_key_that_was_left_half_way_is_begun_anew,
    test_a_large_key_whose_end_comes_while_it_is_built_is_over,
    test_a_name_that_comes_twice_is_written_once,
    test_fields_end_when_they_are_to,
    test_looking_says_what_is_there_and_changes_nothing,
    test_what_comes_meanwhile_stays,
    test_what_is_otherwise_is_named,
    test_what_is_over_does_not_come_back,
    test_what_is_there_stays,
    test_whose_sessions_there_are_is_read_without_a_change,
)
from tests.servers.whole_cluster import WholeCluster

__all__ = [
    "test_a_large_key_is_built_aside",
    "test_a_large_key_that_is_there_stays",
    "test_a_large_key_that_was_left_half_way_is_begun_anew",
    "test_a_large_key_whose_end_comes_while_it_is_built_is_over",
    "test_a_name_that_comes_twice_is_written_once",
    "test_fields_end_when_they_are_to",
    "test_looking_says_what_is_there_and_changes_nothing",
    "test_what_comes_meanwhile_stays",
    "test_what_is_otherwise_is_named",
    "test_what_is_over_does_not_come_back",
    "test_what_is_there_stays",
    "test_whose_sessions_there_are_is_read_without_a_change",
]


@pytest.fixture
def server(cluster: WholeCluster) -> WholeCluster:
    return cluster


@pytest.fixture
def with_field_ends(cluster: WholeCluster) -> WholeCluster:
    return cluster
