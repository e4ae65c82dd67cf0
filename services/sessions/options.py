"""The options of a KATO session, with the ranges that KATO 3.10 takes. Pure.

KATO drops what is out of range without a word when a session is created, so that it is checked
here before, and compared with what KATO answered afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from services.errors import SessionRefused


class OptionKind(StrEnum):
    """What an option's value is."""

    WHOLE = "whole"
    SHARE = "share"
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
            case _:
                return None if self._holds(value) else self._range()

    def _holds(self, value: object) -> bool:
        numbers = int if self.kind is OptionKind.WHOLE else (int, float)
        if isinstance(value, bool) or not isinstance(value, numbers):
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


def _share(name: str, default: float | None, text: str) -> Option:
    return Option(name, OptionKind.SHARE, default, text, 0, 1)


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

OPTIONS: tuple[Option, ...] = (
    _share("recall_threshold", 0.1, "How similar a pattern has to be to be predicted."),
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
    _share("fuzzy_token_threshold", None, "How similar two tokens have to be to count as one."),
    Option("filter_pipeline", OptionKind.LIST, [], "Filters in this order before comparing.",
           choices=FILTERS),
    _share("jaccard_threshold", 0.3, "For the jaccard filter."),
    _share("minhash_threshold", 0.7, "For the minhash filter."),
    _whole("max_candidates_per_stage", 100_000, None, "Most patterns that pass a filter.",
           least=100),
    _flag("enable_filter_metrics", "Logs what each filter does."),
)  # fmt: skip
"""The options that can be set when a session is created here."""

_BY_NAME = {option.name: option for option in OPTIONS}


def check_options(config: Mapping[str, object]) -> None:
    """Raise SessionRefused for the first option that KATO would drop."""
    for name, value in config.items():
        option = _BY_NAME.get(name)
        problem = option.problem(value) if option else "is no option of a session"
        if problem:
            raise SessionRefused(f"{name} {problem}")


@dataclass(frozen=True, slots=True)
class Answered:
    """One thing that was asked of KATO, and what it made of that."""

    name: str
    asked: object
    accepted: object

    @property
    def kept(self) -> bool:
        """Whether KATO took it as it was asked."""
        return self.asked == self.accepted


def compare(asked: Mapping[str, object], accepted: Mapping[str, object]) -> Iterator[Answered]:
    """Yield each thing asked beside what KATO answered, None for what it left out."""
    for name, value in asked.items():
        yield Answered(name, value, accepted.get(name))
