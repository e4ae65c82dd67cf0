"""What the nodes of the sample fleet left in Redis, in the layout of KATO 3.10.1. Pure."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from random import Random

from services.embedded.sample.patterns import Pattern
from services.embedded.sample.tenants import Node
from services.embedded.write.dataset import Entry, KeyType, RedisValue


def _text(key: str, value: object) -> Entry:
    return Entry(key, KeyType.STRING, value if isinstance(value, str) else json.dumps(value))


def _other(key: str, kind: KeyType, value: RedisValue) -> Entry:
    return Entry(key, kind, value)


def keys(node: Node, learnt: Sequence[Pattern], *, random: Random) -> Iterator[Entry]:
    """Yield every key of a node's knowledge base; none of them ever expires."""
    kb = node.kb_id
    for pattern in learnt:
        yield from _of_pattern(kb, pattern, trained=node.trained)
    yield from _of_symbols(kb, learnt)
    yield from _totals(kb, learnt)
    for number in range(node.strays):  # left by a clear-all that was cut short
        name = random.randbytes(20).hex()
        yield _text(f"{kb}:frequency:{name}", str(number + 1))
    for _ in range(round(len(learnt) * node.busy)):
        yield _prediction(kb, learnt, random)


def _of_pattern(kb: str, pattern: Pattern, *, trained: bool) -> Iterator[Entry]:
    emotives = [] if pattern.joy is None else [{"joy": pattern.joy}] * min(pattern.frequency, 5)
    yield _text(f"{kb}:frequency:{pattern.name}", str(pattern.frequency))
    yield _text(f"{kb}:emotives:{pattern.name}", emotives)
    yield _text(f"{kb}:metadata:{pattern.name}", {"src": ["sample"]} if emotives else {})
    if trained:
        yield from _of_training(kb, pattern)


def _of_training(kb: str, pattern: Pattern) -> Iterator[Entry]:
    tokens = pattern.tokens
    shares = {token: count / len(tokens) for token, count in Counter(tokens).items()}
    entropy = -sum(share * math.log2(share) for share in shares.values())
    most = math.log2(len(tokens)) if len(tokens) > 1 else 1.0
    yield _text(f"{kb}:entropy:{pattern.name}", repr(entropy))
    yield _text(f"{kb}:normalized_entropy:{pattern.name}", repr(entropy / most))
    yield _text(f"{kb}:global_normalized_entropy:{pattern.name}", repr(entropy / most / 2))
    yield _text(f"{kb}:tf_vector:{pattern.name}", shares)


def _of_symbols(kb: str, learnt: Sequence[Pattern]) -> Iterator[Entry]:
    frequency: Counter[str] = Counter()
    spread: Counter[str] = Counter()
    names: defaultdict[str, list[str]] = defaultdict(list)
    joy: defaultdict[str, float] = defaultdict(float)
    for pattern in learnt:
        for token, count in Counter(pattern.tokens).items():
            frequency[token] += count * pattern.frequency
            spread[token] += 1
            names[token].append(pattern.name)
            joy[token] += pattern.joy or 0.0
    if not frequency:
        return
    yield _other(f"{kb}:symbols:freq", KeyType.HASH, _as_text(frequency))
    yield _other(f"{kb}:symbols:pmf", KeyType.HASH, _as_text(spread))
    for token, found in names.items():
        yield _other(f"{kb}:symbol_to_patterns:{token}", KeyType.SET, tuple(found))
        if joy[token]:
            share = {"joy": repr(joy[token] / spread[token])}
            yield _other(f"{kb}:affinity:{token}", KeyType.HASH, share)


def _as_text(counts: Counter[str]) -> dict[str, str]:
    return {name: str(count) for name, count in counts.items()}


def _totals(kb: str, learnt: Sequence[Pattern]) -> Iterator[Entry]:
    symbols = sum(pattern.frequency * len(pattern.tokens) for pattern in learnt)
    frequencies = sum(pattern.frequency for pattern in learnt)
    yield _text(f"{kb}:global:total_unique_patterns", str(len(learnt)))
    yield _text(f"{kb}:global:total_pattern_frequencies", str(frequencies))
    yield _text(f"{kb}:global:total_symbols_in_patterns_frequencies", str(symbols))


def _prediction(kb: str, learnt: Sequence[Pattern], random: Random) -> Entry:
    found = [random.choice(learnt) for _ in range(random.choice((1, 1, 2, 3)))]
    predicted = [_predicted(pattern, random) for pattern in found]
    return _text(f"{kb}:prediction:obs-{random.randbytes(16).hex()}", predicted)


def _predicted(pattern: Pattern, random: Random) -> dict[str, object]:
    similarity = round(random.uniform(0.1, 1.0), 6)
    first, *rest = [list(event) for event in pattern.events]
    return {
        "type": "prototypical",
        "name": pattern.name,
        "frequency": pattern.frequency,
        "emotives": {} if pattern.joy is None else {"joy": pattern.joy},
        "matches": first,
        "past": [],
        "present": [first],
        "missing": [[]],
        "extras": [[]],
        "anomalies": [],
        "potential": similarity * 2,
        "evidence": similarity / 2,
        "similarity": similarity,
        "fragmentation": 0.0,
        "snr": similarity / 4,
        "confluence": similarity / 8,
        "sequence": [first, *rest],
        "future": rest,
        "confidence": similarity,
    }
