"""A row as bytes: a fifth of what it takes as JSON, of which a large fleet's year has millions.

All are whole numbers of seven bits a byte, the lowest first, the last without the eighth bit (as
LEB128); what is often near something else is kept as the difference, signs in the lowest bit (as
Protocol Buffers' zigzag). After the version: for how long most figures were known, for how long the
first that changed had been what it was (others changed with the same snapshot), how many figures
there are, the name and form of each, and what each was at the end. Of those that did what figures
mostly do follows by how much they grew, and then what they came to; of others all that they did;
and at the end names that have no number. Alike stands beside alike, which compresses well. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from services.history.models import Figure
from services.history.rollup import Rollup

VERSION = 3
"""Versions 1 and 2 have each figure with how many bytes it takes, and all that it did; 1 does not
say for how long a figure had been what it was: every integral is whole."""

_KINDS = (
    "frequency", "emotives", "metadata", "entropy", "normalized_entropy",
    "global_normalized_entropy", "tf_vector", "symbols", "symbol_to_patterns", "affinity", "global",
    "prediction", "session_index", "active_pointer", "session", "metrics", "stream", "cache",
    "namespaced", "unknown", "other",
)  # fmt: skip
_NAMES = (
    "", "patterns", "patterns_bytes", "keys", "keys_bytes", "vectors", "vectors_bytes", "sessions",
    "sessions_bytes", *(f"keys:{kind}" for kind in _KINDS), "keys:prediction_bytes",
)  # fmt: skip
"""By their number, which stays: more may follow, with a new version of the records, since older
products do not know them. Any other name is kept as it is."""

NUMBERS = {name: number for number, name in enumerate(_NAMES) if name}
"""What a figure's name is kept as; one without a number is kept as text, under 0."""

FLAGS = 2
"""How many bits say what is there, below the name's number."""

STEADY, PLAIN, SAMPLED, WHOLE = range(4)
"""The form of a figure: never changed, and exact; exact, known as long as most, and always between
its first and its last; never changed, with a margin; anything else."""

MARGIN, ROLLUP = 1, 2
"""In versions 1 and 2: the bits that say which of these is there."""

_MORE, _SEVEN, _FORM = 0x80, 0x7F, 3

Packed = tuple[str, Figure, Rollup | None]
"""A figure's name, what it was at the end of the span, and what it did in it, if it changed."""


def pack(figures: Collection[Packed]) -> bytes:
    """Return figures as bytes."""
    known = next((did.known for _, _, did in figures if did is not None), 0)
    moved = next((at for _, _, did in figures if did and (at := _moved(did)) is not None), 0)
    out = bytearray([VERSION])
    for number in (known, moved, len(figures)):
        _put(out, number)
    values, grown, came_to, rest, names = (bytearray() for _ in range(5))
    for name, figure, did in figures:
        form = _form(figure, did, known)
        number = NUMBERS.get(name, 0)
        _put(out, number << FLAGS | form)
        if not number:
            text = name.encode("utf-8", "surrogateescape")
            _put(names, len(text))
            names += text
        _put(values, _zigzag(figure.value))
        if form in {SAMPLED, WHOLE}:
            _put(rest, _zigzag(figure.margin))
        if did is not None:
            last, first, least, most, integral = _rollup(did, figure.value, moved)
            if form == PLAIN:
                _put(grown, _zigzag(first))
                _put(came_to, _zigzag(integral))
            else:
                for each in (last, first, least, most, integral, did.known - known):
                    _put(rest, _zigzag(each))
    return bytes(out + values + grown + came_to + rest + names)


def _form(figure: Figure, did: Rollup | None, known: int) -> int:
    if did is None:
        return SAMPLED if figure.margin else STEADY
    between = (did.least, did.most) == (min(did.first, did.last), max(did.first, did.last))
    usual = (did.last, did.known) == (figure.value, known)
    return PLAIN if between and usual and not figure.margin else WHOLE


def unpack(kept: bytes, wanted: Collection[str] | None = None) -> Iterator[Packed]:
    """Yield the figures in bytes; of those that are wanted, if these are named."""
    if kept[0] < VERSION:
        yield from _unpack_before(kept, wanted)
        return
    (known, moved, count), at = _several(kept, 1, 3)
    heads, at = _several(kept, at, count)
    values, at = _several(kept, at, count)
    plain = sum(head & _FORM == PLAIN for head in heads)
    grown, at = _several(kept, at, plain)
    came_to, at = _several(kept, at, plain)
    likely = zip(grown, came_to, strict=True)
    found = list[tuple[Figure, Rollup | None]]()
    for head, value in zip(heads, map(_signed, values), strict=True):
        form, margin, numbers = head & _FORM, 0, list[int]()
        if form in {SAMPLED, WHOLE}:
            (margin, *numbers), at = _several(kept, at, 1 if form == SAMPLED else 7)
        elif form == PLAIN:
            first, integral = next(likely)
            numbers = [0, first, 0, 0, integral, 0]
        did = _unrolled([value, *map(_signed, numbers)], known, moved) if numbers else None
        found.append((Figure(value, _signed(margin)), did))
    for head, (figure, did) in zip(heads, found, strict=True):
        name = _NAMES[head >> FLAGS]
        if not head >> FLAGS:
            length, at = _take(kept, at)
            name = kept[at : at + length].decode("utf-8", "surrogateescape")
            at += length
        if wanted is None or name in wanted:
            yield name, figure, did


def _unpack_before(kept: bytes, wanted: Collection[str] | None) -> Iterator[Packed]:
    """Read versions 1 and 2."""
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


def _signed(number: int) -> int:
    return number >> 1 if not number & 1 else -((number + 1) >> 1)


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


def _several(kept: bytes, at: int, count: int) -> tuple[list[int], int]:
    """Return so many numbers, and where the next one begins."""
    found = []
    for _ in range(count):
        number = kept[at]
        if number < _MORE:
            at += 1
        else:
            number, at = _take(kept, at)
        found.append(number)
    return found, at


def _numbers(kept: bytes, at: int, ends: int) -> Iterator[int]:
    while at < ends:
        number, at = _take(kept, at)
        yield _signed(number)
