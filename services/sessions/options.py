"""The options of a KATO session, with the ranges that KATO 3.10 takes. Pure.

When a session is created KATO drops all of them without a word where one is out of range, and it
checks few of them when they are changed. So each is checked here before, and what KATO answered is
compared with what was asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite

from services.errors import SessionRefused


class OptionKind(StrEnum):
    """What an option's value is."""

    WHOLE = "whole"
    NUMBER = "number"
    TEXT = "text"
    FLAG = "flag"
    CHOICE = "choice"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its kind, what KATO takes without it, and what it may be.

    `least` and `most` bound numbers, `choices` words. `help` is one line for the screen.
    """

    name: str
    kind: OptionKind
    default: object
    help: str
    least: float = 0
    most: float | None = None
    choices: tuple[str, ...] = ()

    def problem(self, value: object) -> str | None:
        """Say why KATO would drop a value, None when it would not."""
        match self.kind:
            case OptionKind.FLAG:
                return None if isinstance(value, bool) else "has to be on or off"
            case OptionKind.CHOICE:
                return None if value in self.choices else self._among()
            case OptionKind.LIST:
                listed = isinstance(value, list | tuple) and set(value) <= set(self.choices)
                return None if listed else self._among()
            case OptionKind.TEXT:
                text = isinstance(value, str) and value.strip() and value.isprintable()
                return None if text else "has to be a text without control characters"
            case _:
                return None if self._holds(value) else self._range()

    def _holds(self, value: object) -> bool:
        numbers = int if self.kind is OptionKind.WHOLE else (int, float)
        if isinstance(value, bool) or not isinstance(value, numbers) or not isfinite(value):
            return False
        return self.least <= value and (self.most is None or value <= self.most)

    def _range(self) -> str:
        what = "a whole number" if self.kind is OptionKind.WHOLE else "a number"
        if self.most is None:
            return f"has to be {what} of at least {self.least:,g}"
        return f"has to be {what} from {self.least:,g} to {self.most:,g}"

    def _among(self) -> str:
        return f"has to be of {', '.join(self.choices)}"


def _whole(name: str, default: int, most: int | None, text: str, *, least: int = 1) -> Option:
    return Option(name, OptionKind.WHOLE, default, text, least, most)


def _number(
    name: str, default: float | None, text: str, *, least: float = 0, most: float | None = 1
) -> Option:
    return Option(name, OptionKind.NUMBER, default, text, least, most)


def _flag(name: str, text: str) -> Option:
    return Option(name, OptionKind.FLAG, True, text)


RANKS = (
    "potential", "similarity", "evidence", "confidence", "snr", "fragmentation", "frequency",
    "normalized_entropy", "global_normalized_entropy", "itfdf_similarity", "confluence",
    "predictive_information", "bayesian_posterior", "bayesian_prior", "bayesian_likelihood",
    "tfidf_score", "weighted_similarity", "weighted_evidence", "weighted_confidence",
    "weighted_snr",
)  # fmt: skip
FILTERS = ("length", "jaccard", "minhash", "bloom", "rapidfuzz")
VI = "VI"
INDEXERS = (VI, "LSH", "ANNOY", "FAISS")

OPTIONS: tuple[Option, ...] = (
    _number("recall_threshold", 0.1, "How similar a pattern has to be to be predicted."),
    _whole("max_predictions", 100, 10_000, "Most predictions in one answer."),
    _whole("persistence", 5, 100, "How many emotives a pattern keeps."),
    _whole("max_pattern_length", 0, None, "Learns by itself at so many events; 0 never does.",
           least=0),
    Option("stm_mode", OptionKind.CHOICE, "CLEAR", "What is left in the STM after it learnt.",
           choices=("CLEAR", "ROLLING")),
    Option("rank_sort_algo", OptionKind.CHOICE, "potential", "What predictions are sorted by.",
           choices=RANKS),
    _flag("use_token_matching", "Compares token by token rather than character by character."),
    _flag("sort_symbols", "Sorts the symbols of an event."),
    _flag("process_predictions", "Predicts at all."),
    _number("fuzzy_token_threshold", None, "How similar two tokens have to be to count as one."),
    Option("filter_pipeline", OptionKind.LIST, [], "Filters in this order before comparing.",
           choices=FILTERS),
    _number("length_min_ratio", 0.5, "Length filter: shortest pattern, as a share of the STM."),
    _number("length_max_ratio", 2.0, "Length filter: longest pattern, in times the STM.",
            least=1, most=None),
    _number("jaccard_threshold", 0.3, "Jaccard filter: least similarity."),
    _whole("jaccard_min_overlap", 2, None, "Jaccard filter: fewest tokens in common."),
    _number("minhash_threshold", 0.7, "MinHash filter: least similarity, estimated."),
    _whole("minhash_bands", 20, 100, "MinHash filter: bands."),
    _whole("minhash_rows", 5, 20, "MinHash filter: rows in a band."),
    _whole("minhash_num_hashes", 100, 256, "MinHash filter: hashes in a signature.", least=10),
    _number("bloom_false_positive_rate", 0.01, "Bloom filter: share of false positives.",
            least=0.0001, most=0.1),
    _whole("max_candidates_per_stage", 100_000, None, "Most patterns that pass a filter.",
           least=100),
    _flag("enable_filter_metrics", "Logs what each filter does."),
    Option("affinity_emotive", OptionKind.TEXT, None, "The emotive by whose affinity is matched."),
    Option("indexer_type", OptionKind.CHOICE, VI, "Vector index. With any but VI vectors do "
           "nothing.", choices=INDEXERS),
)  # fmt: skip
"""All the options of a session of KATO 3.10.1."""

_BY_NAME = {option.name: option for option in OPTIONS}


def check_options(config: Mapping[str, object]) -> None:
    """Raise SessionRefused for the first option that KATO would drop."""
    for name, value in config.items():
        option = _BY_NAME.get(name)
        problem = option.problem(value) if option else "is no option of a session"
        if problem:
            raise SessionRefused(f"{name} {problem}")


def effects(config: Mapping[str, object]) -> Iterator[str]:
    """Yield what options that KATO takes do besides, where somebody may not expect it."""
    indexer = config.get("indexer_type", VI)
    if indexer != VI:
        yield f"With indexer_type {indexer} the vectors that this session is given do nothing."
    if "use_token_matching" in config and "sort_symbols" not in config:
        yield (
            "use_token_matching sets sort_symbols along where a session is changed, and not where "
            "it is created: set both."
        )


@dataclass(frozen=True, slots=True)
class Answered:
    """One thing that was asked of KATO, and what it made of that.

    `along` is what was not asked for, and changed with what was.
    """

    name: str
    asked: object
    accepted: object
    along: bool = False

    @property
    def kept(self) -> bool:
        """Whether KATO took it as it was asked."""
        return not self.along and self.asked == self.accepted


def compare(asked: Mapping[str, object], accepted: Mapping[str, object]) -> Iterator[Answered]:
    """Yield each thing asked beside what KATO answered, None for what it left out."""
    for name, value in asked.items():
        yield Answered(name, value, accepted.get(name))


def compare_change(
    asked: Mapping[str, object], *, before: Mapping[str, object], after: Mapping[str, object]
) -> Iterator[Answered]:
    """Yield each option asked for beside what it is now, and then those that changed along."""
    yield from compare(asked, after)
    for option in OPTIONS:
        name = option.name
        if name not in asked and before.get(name) != after.get(name):
            yield Answered(name, None, after.get(name), along=True)
