"""What KATO counts of patterns, for those that went to a name of their own. Pure.

It adds to these at each learning: to a symbol as often as the pattern has it, to its patterns
once, and to three totals. Of patterns that were learnt once each, that is all told by the patterns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from services.apart.evidence import Pattern
from services.archive.formats import TypedKey
from services.tenancy.layout import bytes_of, text_of

FREQ, PMF, MEMBERS = b":symbols:freq", b":symbols:pmf", b":symbol_to_patterns:"
PATTERNS = b":global:total_unique_patterns"
LEARNINGS = b":global:total_pattern_frequencies"
SYMBOLS = b":global:total_symbols_in_patterns_frequencies"
_FIELDS = 5_000


@dataclass(slots=True)
class Counts:
    """KATO's counts over some patterns, learnt once each."""

    freq: Counter[bytes] = field(default_factory=Counter)
    pmf: Counter[bytes] = field(default_factory=Counter)
    patterns: int = 0

    def add(self, patterns: Iterable[Pattern]) -> None:
        """Add patterns."""
        for each in patterns:
            self.freq.update(each.tokens)
            self.pmf.update(dict.fromkeys(each.tokens, 1))
            self.patterns += 1

    @property
    def totals(self) -> Mapping[bytes, int]:
        """The three totals, by what follows the kb_id in their keys."""
        return {PATTERNS: self.patterns, LEARNINGS: self.patterns,
                SYMBOLS: self.freq.total()}  # fmt: skip

    def keys(self, kb_id: str) -> Iterator[TypedKey]:
        """Yield the keys that have these counts, for a kb_id that has none."""
        head = bytes_of(kb_id)
        if not self.patterns:
            return
        for name, count in self.totals.items():
            yield TypedKey(head + name, "string", str(count))
        for name, counted in ((FREQ, self.freq), (PMF, self.pmf)):
            fields = [
                [text_of(symbol), str(count), None] for symbol, count in sorted(counted.items())
            ]
            for at in range(0, len(fields), _FIELDS):
                some = fields[at : at + _FIELDS]
                yield TypedKey(head + name, "hash", some, continues=at > 0)
