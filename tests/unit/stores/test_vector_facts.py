"""What is read out of Qdrant's JSON, whatever its shape."""

from __future__ import annotations

from hypothesis import given, strategies as st

from services.stores.qdrant.facts import facts_of_info, facts_of_telemetry, names_of

_WORDS = st.sampled_from([
    "result", "collections", "number_of_collections", "id", "name", "shards", "local", "remote",
    "segments", "info", "num_points", "vectors_size_bytes", "status", "config", "params",
    "vectors", "size", "distance", "payload_schema", "tenant_id", "points", "index_schema",
])  # fmt: skip
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | _WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=4),
    max_leaves=30,
)
_ENTRIES = st.lists(st.dictionaries(_WORDS, _JSON, max_size=6), max_size=4)


@given(_JSON | _ENTRIES.map(lambda found: {"result": {"collections": {"collections": found}}}))
def test_no_shape_makes_it_fail(answer: object) -> None:
    """What is not where a version puts it is not known; a figure is never negative."""
    names_of(answer)
    found = [facts_of_info("name", answer), *(facts_of_telemetry(answer) or [])]
    for facts in found:
        assert facts.points is None or facts.points >= 0
        assert facts.bytes is None or facts.bytes >= 0


def _telemetry(*shards: object) -> object:
    entry = {"id": "a", "shards": list(shards)}
    return {"result": {"collections": {"number_of_collections": 1, "collections": [entry]}}}


def test_shards_are_summed_and_the_worst_status_shows() -> None:
    """A collection is as well as its sickest shard."""
    shard = {"local": {"status": "green", "num_points": 2, "vectors_size_bytes": 8}, "remote": []}
    sick = {"local": {"status": "red", "num_points": 3, "vectors_size_bytes": 12}, "remote": []}
    (facts,) = facts_of_telemetry(_telemetry(shard, sick)) or []
    assert (facts.points, facts.bytes, facts.status) == (5, 20, "red")


def test_a_figure_that_one_shard_does_not_say_is_not_known() -> None:
    """Half a sum is no sum."""
    shard = {"local": {"num_points": 2, "vectors_size_bytes": 8}, "remote": []}
    silent = {"local": {"num_points": 3}, "remote": []}
    (facts,) = facts_of_telemetry(_telemetry(shard, silent)) or []
    assert (facts.points, facts.bytes, facts.status) == (5, None, "unknown")
