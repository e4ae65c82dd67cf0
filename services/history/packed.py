"""A row as bytes: a third of what it takes as JSON, of which a large fleet's year has millions.

After the version, for how long most figures were known and for how long the first that changed had
been what it was (others changed with the same snapshot), each figure is how many bytes it takes,
its name, and whole numbers of seven bits a byte, the lowest first, the last without the eighth bit
(as LEB128); what is often near something else is kept as the difference, signs in the lowest bit
(as Protocol Buffers' zigzag). Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from services.history.models import Figure
from services.history.rollup import Rollup

VERSION = 2
"""Version 1 does not say for how long a figure had been what it was: every integral is whole."""

_KINDS = (
    "frequency", "emotives", "metadata", "entropy", "normalized_entropy",
    "global_normalized_entropy", "tf_vector", "symbols", "symbol_to_patterns", "affinity", "global",
    "prediction", "session_index", "active_pointer", "session", "metrics", "stream", "cache",
    "namespaced", "unknown", "other",
)  # fmt: skip
_NAMES = (
    "", "patterns", "patterns_bytes", "keys", "keys_bytes", "vectors", "vectors_bytes", "sessions",
    "sessions_bytes", *(f"keys:{kind}" for kind in _KINDS),
)  # fmt: skip
"""By their number, which stays: more may follow, and any other name is kept as it is."""

NUMBERS = {name: number for number, name in enumerate(_NAMES) if name}
"""What a figure's name is kept as; one without a number is kept as text, under 0."""

MARGIN, ROLLUP, FLAGS = 1, 2, 2
"""What is there too, and how many bits say so, below the name's number."""

_MORE, _SEVEN = 0x80, 0x7F

Packed = tuple[str, Figure, Rollup | None]
"""A figure's name, what it was at the end of the span, and what it did in it, if it changed."""


def pack(figures: Collection[Packed]) -> bytes:
    """Return figures as bytes."""
    out = bytearray([VERSION])
    known = next((did.known for _, _, did in figures if did is not None), 0)
    moved = next((at for _, _, did in figures if did and (at := _moved(did)) is not None), 0)
    _put(out, known)
    _put(out, moved)
    for name, figure, did in figures:
        entry = bytearray()
        number = NUMBERS.get(name, 0)
        flags = MARGIN * bool(figure.margin) + ROLLUP * (did is not None)
        _put(entry, number << FLAGS | flags)
        if not number:
            text = name.encode("utf-8", "surrogateescape")
            _put(entry, len(text))
            entry += text
        _put(entry, _zigzag(figure.value))
        if figure.margin:
            _put(entry, _zigzag(figure.margin))
        if did is not None:
            for each in _rollup(did, figure.value, moved):
                _put(entry, _zigzag(each))
            _put(entry, _zigzag(did.known - known))
        _put(out, len(entry))
        out += entry
    return bytes(out)


def unpack(kept: bytes, wanted: Collection[str] | None = None) -> Iterator[Packed]:
    """Yield the figures in bytes; of those that are wanted, if these are named."""
    (usual, at), moved = _take(kept, 1), 0
    if kept[0] > 1:
        moved, at = _take(kept, at)
    left = -1 if wanted is None else len(wanted)
    while at < len(kept) and left:
        size, at = _take(kept, at)
        name, head, first = _named(kept, at)
        at += size
        if wanted is None or name in wanted:
            numbers = list(_numbers(kept, first, at))
            margin = numbers.pop(1) if head & MARGIN else 0
            did = _unrolled(numbers, usual, moved) if head & ROLLUP else None
            yield name, Figure(numbers[0], margin), did
            left -= 1


def _named(kept: bytes, at: int) -> tuple[str, int, int]:
    """Return the name of the figure that begins there, its head, and where its numbers begin."""
    head, at = _take(kept, at)
    if number := head >> FLAGS:
        return _NAMES[number], head, at
    length, at = _take(kept, at)
    return kept[at : at + length].decode("utf-8", "surrogateescape"), head, at + length


def _moved(did: Rollup) -> int | None:
    """Return for how long a figure had been what it was first, if it changed once."""
    change = did.last - did.first
    if not change:
        return None
    return max(0, (did.last * did.known - did.integral) // change)


def _rollup(did: Rollup, value: int, moved: int) -> tuple[int, ...]:
    return (
        did.last - value, did.first - did.last, did.least - min(did.first, did.last),
        did.most - max(did.first, did.last),
        did.integral - did.last * did.known + (did.last - did.first) * moved,
    )  # fmt: skip


def _unrolled(numbers: list[int], usual: int, moved: int) -> Rollup:
    value, last, first, least, most, integral, known = numbers
    last, known = last + value, known + usual
    first += last
    return Rollup(
        first, last, least + min(first, last), most + max(first, last),
        integral + last * known - (last - first) * moved, known,
    )  # fmt: skip


def _zigzag(number: int) -> int:
    return number << 1 if number >= 0 else (-number << 1) - 1


def _put(out: bytearray, number: int) -> None:
    while number > _SEVEN:
        out.append(number & _SEVEN | _MORE)
        number >>= 7
    out.append(number)


def _take(kept: bytes, at: int) -> tuple[int, int]:
    """Return the number that begins there, and where the next does."""
    number = kept[at]
    if number < _MORE:
        return number, at + 1
    number = shift = 0
    while True:
        byte = kept[at]
        at += 1
        number |= (byte & _SEVEN) << shift
        if byte < _MORE:
            return number, at
        shift += 7


def _numbers(kept: bytes, at: int, ends: int) -> Iterator[int]:
    while at < ends:
        number, at = _take(kept, at)
        yield number >> 1 if not number & 1 else -((number + 1) >> 1)
