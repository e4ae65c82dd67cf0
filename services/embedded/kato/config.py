"""A session's config, as KATO 3.10.1 keeps, defaults and checks it. Pure.

Only the refusal of `recall_threshold` was recorded from a real KATO; the other bounds are this
stand-in's own, in the same words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry: what it is when not set (None: not shown at all), and what it may be."""

    default: object
    allows: Callable[[object], bool]
    refusal: str


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _whole(default: int, least: int, most: int | None = None) -> Rule:
    def allows(value: object) -> bool:
        whole = isinstance(value, int) and not isinstance(value, bool)
        return whole and least <= value and (most is None or value <= most)  # type: ignore[operator]

    bounds = f"of at least {least}" if most is None else f"between {least} and {most}"
    return Rule(default, allows, f"Must be an integer {bounds}")


def _share(default: float | None) -> Rule:
    def allows(value: object) -> bool:
        return isinstance(value, int | float) and _is_number(value) and 0 <= value <= 1

    return Rule(default, allows, "Must be a number between 0.0 and 1.0")


def _ratio(default: float) -> Rule:
    def allows(value: object) -> bool:
        return isinstance(value, int | float) and _is_number(value) and value >= 0

    return Rule(default, allows, "Must be a number of at least 0.0")


def _flag(default: bool) -> Rule:
    return Rule(default, lambda value: isinstance(value, bool), "Must be a boolean")


def _text(default: str | None) -> Rule:
    return Rule(default, lambda value: isinstance(value, str), "Must be a string")


def _of(default: str, *others: str) -> Rule:
    allowed = (default, *others)
    return Rule(default, lambda value: value in allowed, f"Must be one of {', '.join(allowed)}")


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


RULES: Mapping[str, Rule] = {
    "max_pattern_length": _whole(0, 0),
    "persistence": _whole(5, 1, 100),
    "recall_threshold": _share(0.1),
    "stm_mode": _of("CLEAR", "ROLLING"),
    "indexer_type": _text("VI"),
    "max_predictions": _whole(100, 1, 10_000),
    "sort_symbols": _flag(True),
    "process_predictions": _flag(True),
    "use_token_matching": _flag(True),
    "fuzzy_token_threshold": _share(None),
    "rank_sort_algo": _text("potential"),
    "affinity_emotive": _text(None),
    "filter_pipeline": Rule([], _is_texts, "Must be a list of strings"),
    "length_min_ratio": _ratio(0.5),
    "length_max_ratio": _ratio(2.0),
    "jaccard_threshold": _share(0.3),
    "jaccard_min_overlap": _whole(2, 0),
    "minhash_threshold": _share(0.7),
    "minhash_bands": _whole(20, 1),
    "minhash_rows": _whole(5, 1),
    "minhash_num_hashes": _whole(100, 1),
    "bloom_false_positive_rate": _share(0.01),
    "max_candidates_per_stage": _whole(100_000, 1),
    "enable_filter_metrics": _flag(True),
}
"""Every entry that a session's config can hold."""


def refusals(config: Mapping[str, object]) -> dict[str, str]:
    """Return the entries that are out of bounds, and why."""
    known = {name: RULES[name] for name in config if name in RULES}
    return {n: rule.refusal for n, rule in known.items() if not rule.allows(config[n])}


def accepted(config: Mapping[str, object]) -> dict[str, object]:
    """Return the entries that KATO keeps at a session's creation: it drops the rest silently."""
    refused = refusals(config)
    return {n: v for n, v in config.items() if n in RULES and n not in refused}


def stored(config: Mapping[str, object]) -> dict[str, object]:
    """Return the config as it stands in a session's record: None for what was not set."""
    return {name: config.get(name) for name in RULES}


def shown(record: Mapping[str, object]) -> dict[str, object]:
    """Return the config as answers show it: defaults in, what has none left out."""
    effective = {
        name: rule.default if record.get(name) is None else record[name]
        for name, rule in RULES.items()
    }
    return {name: value for name, value in effective.items() if value is not None}
