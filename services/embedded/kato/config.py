"""A session's config, as KATO 3.10.1 keeps, defaults and checks it. Pure.

At creation one entry that is out of range has the whole config dropped without a word, and types
are not looked at. Afterwards nine entries are checked, and the others stored as they come.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

CLEAR, ROLLING = "CLEAR", "ROLLING"
RANKS = (
    "potential", "similarity", "evidence", "confidence", "snr", "fragmentation", "frequency",
    "normalized_entropy", "global_normalized_entropy", "itfdf_similarity", "confluence",
    "predictive_information", "bayesian_posterior", "bayesian_prior", "bayesian_likelihood",
    "tfidf_score", "weighted_similarity", "weighted_evidence", "weighted_confidence",
    "weighted_snr",
)  # fmt: skip
INDEXERS = ("VI", "LSH", "ANNOY", "FAISS")
FILTERS = ("length", "jaccard", "minhash", "bloom", "rapidfuzz")


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry: what it is when not set (None: not shown at all), and what it may be.

    `holds` is the range, which raises TypeError for what cannot be compared. Where a change of a
    config is checked, `kinds` are the types that it takes and `refusal` what is answered.
    """

    default: object
    holds: Callable[[Any], bool] = lambda _: True
    kinds: tuple[type, ...] = ()
    refusal: str = ""

    def allows(self, value: object) -> bool:
        """Whether KATO keeps a value at creation; None stands for the default."""
        try:
            return value is None or self.holds(value)
        except TypeError:
            return False

    def changes_to(self, value: object) -> bool:
        """Whether KATO lets a config be changed to a value."""
        return not self.refusal or (isinstance(value, self.kinds) and self.holds(value))


def _within(default: float | None, least: float, most: float, *, checked: str = "") -> Rule:
    return Rule(default, lambda value: least <= value <= most, (int, float), checked)


def _whole(default: int, least: int, most: int, *, checked: str = "") -> Rule:
    return Rule(default, lambda value: least <= value <= most, (int,), checked)


def _at_least(default: float, least: float, *, checked: str = "") -> Rule:
    return Rule(default, lambda value: value >= least, (int,), checked)


def _of(default: str, choices: tuple[str, ...]) -> Rule:
    said = f"Must be one of: {', '.join(choices)}"
    return Rule(default, lambda value: value in choices, (str,), said)


def _checked_flag() -> Rule:
    return Rule(True, kinds=(bool,), refusal="Must be a boolean (true/false)")


RULES: Mapping[str, Rule] = {
    "max_pattern_length": _at_least(0, 0, checked="Must be a non-negative integer"),
    "persistence": _whole(5, 1, 100, checked="Must be an integer between 1 and 100"),
    "recall_threshold": _within(0.1, 0, 1, checked="Must be a number between 0.0 and 1.0"),
    "stm_mode": Rule(CLEAR, kinds=(str,), refusal="Must be a string"),
    "indexer_type": _of("VI", INDEXERS),
    "max_predictions": _whole(100, 1, 10_000, checked="Must be an integer between 1 and 10000"),
    "sort_symbols": Rule(True),
    "process_predictions": _checked_flag(),
    "use_token_matching": _checked_flag(),
    "fuzzy_token_threshold": _within(None, 0, 1),
    "rank_sort_algo": _of("potential", RANKS),
    "affinity_emotive": Rule(None),
    "filter_pipeline": Rule([], lambda value: set(value) <= set(FILTERS)),
    "length_min_ratio": _within(0.5, 0, 1),
    "length_max_ratio": _at_least(2.0, 1),
    "jaccard_threshold": _within(0.3, 0, 1),
    "jaccard_min_overlap": _at_least(2, 1),
    "minhash_threshold": _within(0.7, 0, 1),
    "minhash_bands": _whole(20, 1, 100),
    "minhash_rows": _whole(5, 1, 20),
    "minhash_num_hashes": _whole(100, 10, 256),
    "bloom_false_positive_rate": _within(0.01, 0.0001, 0.1),
    "max_candidates_per_stage": _at_least(100_000, 100),
    "enable_filter_metrics": Rule(True),
}
"""Every entry that a session's config can hold."""


def refusals(config: Mapping[str, object]) -> dict[str, str]:
    """Return the entries that a config cannot be changed to, and why."""
    known = {name: RULES[name] for name in config if name in RULES}
    return {n: rule.refusal for n, rule in known.items() if not rule.changes_to(config[n])}


def accepted(config: Mapping[str, object]) -> dict[str, object]:
    """Return what KATO keeps at a session's creation: all that it knows, or nothing."""
    known = _known(config)
    return known if all(RULES[name].allows(value) for name, value in known.items()) else {}


def changed(config: Mapping[str, object]) -> dict[str, object]:
    """Return what a change of a config comes to; one entry takes another along."""
    known = _known(config)
    if "use_token_matching" in known:
        known.setdefault("sort_symbols", known["use_token_matching"])
    return known


def _known(config: Mapping[str, object]) -> dict[str, object]:
    """Return the entries that KATO knows, an unknown mode bent."""
    known = {name: value for name, value in config.items() if name in RULES}
    if known.get("stm_mode") is not None and known["stm_mode"] not in (CLEAR, ROLLING):
        known["stm_mode"] = CLEAR
    return known


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
