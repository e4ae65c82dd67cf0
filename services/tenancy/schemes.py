"""Who a node_id belongs to, by naming schemes: templates that make node_ids and read them. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import islice
from typing import Self

from services.errors import NamingError
from services.tenancy.kb_ids import TenantKey, sanitise

_FIELD = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_MAX_READINGS = 16
_KEPT_READINGS = 200_000

GUIDE_TEMPLATES = (
    "tenant:{tenant}:user:{user}",
    "tenant-{tenant}:user-{user}",
    "tenant_{tenant}",
    "app:{app}:ctx:{context}:user:{user}",
    "team:{team}:shared",
    "org:{org}:dept:{dept}:user:{user}",
    "user:{user}",
)
"""The naming schemes of KATO's isolation guide."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One way in which a scheme reads a text.

    `tenant` is the owner it names, `values` all its fields, `others` the different tenants
    that the same scheme could read out of the same text.
    """

    scheme: NamingScheme
    tenant: TenantKey
    values: Mapping[str, str]
    others: tuple[TenantKey, ...] = ()


@dataclass(frozen=True)
class NamingScheme:
    """A template that makes and reads node_ids; its first field names the tenant's kind.

    `NamingScheme("org:{org}:dept:{dept}:user:{user}")` reads `org:bigco:dept:x:user:y` as the
    tenant `org/bigco`. Raises NamingError for a template that nothing could be read with.
    """

    template: str
    fields: tuple[str, ...] = field(init=False)
    literals: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        parts = _FIELD.split(self.template)
        object.__setattr__(self, "literals", tuple(parts[0::2]))
        object.__setattr__(self, "fields", tuple(parts[1::2]))
        self._check()

    def _check(self) -> None:
        if not self.fields:
            raise NamingError(f"{self.template!r} has no {{field}}")
        if len(set(self.fields)) != len(self.fields):
            raise NamingError(f"{self.template!r} names a field twice")
        if any("{" in text or "}" in text for text in self.literals):
            raise NamingError(f"{self.template!r} has a brace outside of a field")
        if not all(self.literals[1:-1]):
            raise NamingError(f"{self.template!r} has two fields with nothing between them")
        if not self.literals[0]:
            raise NamingError(f"{self.template!r} must begin with a word, or it reads anything")
        if self.fields[0] == "kb":
            raise NamingError("the kind 'kb' stands for kb_ids that no scheme reads")

    @property
    def kind(self) -> str:
        """The kind of tenant that this scheme names: its first field."""
        return self.fields[0]

    @cached_property
    def weight(self) -> int:
        """How much fixed text a match takes: the higher, the more a match says."""
        return sum(map(len, self.literals))

    @cached_property
    def sanitised_literals(self) -> tuple[str, ...]:
        """The fixed text as it stands in a kb_id."""
        return tuple(map(sanitise, self.literals))

    def make(self, **values: str) -> str:
        """Make a node_id. Raises NamingError for values that it could not read back."""
        if set(values) != set(self.fields):
            raise NamingError(f"{self.template} takes the fields {', '.join(self.fields)}")
        for name in self.fields:
            if not values[name]:
                raise NamingError(f"{name} is empty")
        node_id = self.template.format_map(values)
        if list(islice(self.readings(node_id), 2)) != [values]:
            raise NamingError(f"{node_id!r} could be read in more than one way")
        return node_id

    def readings(self, text: str) -> Iterator[dict[str, str]]:
        """Yield every way to read a node_id, the shortest first field first."""
        return self._readings(text, self.literals)

    def readings_sanitised(self, text: str) -> Iterator[dict[str, str]]:
        """Yield every way to read a sanitised node_id; the values are sanitised too."""
        return self._readings(text, self.sanitised_literals)

    def _readings(self, text: str, literals: tuple[str, ...]) -> Iterator[dict[str, str]]:
        first, last = literals[0], literals[-1]
        if text.startswith(first) and text.endswith(last):
            body = text[len(first) : len(text) - len(last)]
            for values in _splits(body, literals[1:-1]):
                yield dict(zip(self.fields, values, strict=True))

    def begins(self, text: str) -> Iterator[str]:
        """Yield the tenant ids that the beginning of a cut, sanitised node_id can name.

        Only where the whole id is legible, that is, where the text after it is there too.
        """
        first, after = self.sanitised_literals[:2]
        if after and text.startswith(first):
            for values in _splits(text[len(first) :] + "x", (after,)):
                yield values[0]

    def tenant(self, values: Mapping[str, str]) -> TenantKey:
        """Return the tenant that these field values name."""
        return TenantKey(self.kind, values[self.kind])


def _splits(text: str, separators: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield every way to cut `text` at the separators, in order, into non-empty parts."""
    if not separators:
        if text:
            yield (text,)
        return
    separator, others = separators[0], separators[1:]
    at = text.find(separator, 1)
    while at != -1:
        after = text[at + len(separator) :]
        if others:
            yield from ((text[:at], *rest) for rest in _splits(after, others))
        elif after:
            yield (text[:at], after)
        at = text.find(separator, at + 1)


def _firsts(text: str, separators: tuple[str, ...]) -> Collection[str]:
    """Return the different first parts of the first ways to cut `text` at the separators."""
    if not separators:
        return (text,) if text else ()
    separator, at = separators[0], text.find(separators[0], 1)
    if at == -1:
        return ()
    if len(separators) == 1 and text.find(separator, at + 1) == -1:  # as nearly always
        return (text[:at],) if at + len(separator) < len(text) else ()
    ways = islice(_splits(text, separators), _MAX_READINGS)
    return dict.fromkeys(first for first, *_ in ways).keys()


@dataclass(frozen=True)
class NamingSchemes:
    """The naming schemes of a deployment, asked as one: the most telling match wins."""

    schemes: tuple[NamingScheme, ...]

    @classmethod
    def of(cls, templates: Iterable[str] = ()) -> Self:
        """Build the guide's schemes and a deployment's own. Raises NamingError."""
        every = dict.fromkeys((*GUIDE_TEMPLATES, *templates))
        return cls(tuple(NamingScheme(template) for template in every))

    @cached_property
    def by_weight(self) -> tuple[NamingScheme, ...]:
        """The schemes, those with the most fixed text first."""
        return tuple(sorted(self.schemes, key=lambda scheme: -scheme.weight))

    def kinds(self) -> tuple[str, ...]:
        """Return every kind of tenant that a scheme can name."""
        return tuple(dict.fromkeys(scheme.kind for scheme in self.schemes))

    def read(self, node_id: str) -> Reading | None:
        """Read a node_id with the most telling scheme, or return None."""
        return self._read(node_id)

    @cached_property
    def _read(self) -> Callable[[str], Reading | None]:
        """`read`, which keeps what it worked out: the same node_ids are asked for all the time."""
        ends = [(s.literals[0], s.literals[-1], s) for s in self.by_weight]
        return lru_cache(maxsize=_KEPT_READINGS)(
            lambda node_id: _best(_fitting(ends, node_id), node_id, NamingScheme.readings)
        )

    def read_sanitised(self, text: str) -> Reading | None:
        """Read a sanitised node_id, as a kb_id keeps it, or return None."""
        return _best(_fitting(self._sanitised_ends, text), text, NamingScheme.readings_sanitised)

    def tenants_named(self, text: str) -> Iterator[tuple[TenantKey, ...]]:
        """Yield whom each scheme reads out of a sanitised node_id, the most telling scheme first.

        Each time the different tenants of its first readings. Schemes that do not read it are left
        out, and so are those that read as another does.
        """
        for first, last, between, kind in self._sanitised:
            if text.startswith(first) and text.endswith(last):  # most do not read most texts
                names = _firsts(text[len(first) : len(text) - len(last)], between)
                if len(names) == 1:  # as nearly always
                    yield (TenantKey(kind, *names),)
                elif names:
                    yield tuple([TenantKey(kind, name) for name in names])

    @cached_property
    def _sanitised_ends(self) -> Sequence[_Ends]:
        return [(s.sanitised_literals[0], s.sanitised_literals[-1], s) for s in self.by_weight]

    @cached_property
    def _sanitised(self) -> Sequence[tuple[str, str, tuple[str, ...], str]]:
        """What each scheme begins with, ends with, has in between, and the kind; each once."""
        of_each = [(scheme.sanitised_literals, scheme.kind) for scheme in self.by_weight]
        return tuple((text[0], text[-1], text[1:-1], kind) for text, kind in dict.fromkeys(of_each))


_Readings = Callable[[NamingScheme, str], Iterator[dict[str, str]]]
_Ends = tuple[str, str, NamingScheme]
"""The fixed text that a scheme begins and ends with, and the scheme."""


def _fitting(ends: Iterable[_Ends], text: str) -> list[NamingScheme]:
    """Return the schemes that may read a text: most do not read most texts."""
    return [s for first, last, s in ends if text.startswith(first) and text.endswith(last)]


def _best(schemes: Iterable[NamingScheme], text: str, readings: _Readings) -> Reading | None:
    for scheme in schemes:
        found = list(islice(readings(scheme, text), _MAX_READINGS))
        if len(found) == 1:
            return Reading(scheme, scheme.tenant(found[0]), found[0])
        if found:
            first, *others = dict.fromkeys(map(scheme.tenant, found))
            return Reading(scheme, first, found[0], tuple(others))
    return None
