"""The metrics of several deployments in one scrape: each series with the deployment as a label.

Every family stands in one place, as both formats want it, with the series of all deployments. What
is written once a snapshot gets its labels once too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector as Collects

from services.metrics.catalogue import PREFIX, gauge, single
from services.metrics.formats import Format, format_of
from services.metrics.models import Exposition

Parts = Callable[[Format], tuple[bytes, bytes, bytes]]
"""What tells the metrics of one deployment, as `MetricsService.parts`."""

_HEAD, _FIRST = b"# ", b"# HELP "
_NAMED = f"{PREFIX.rstrip('_')}_info".encode()
"""What has the deployment's name as a label already."""

_process = ProcessCollector(registry=None)


@dataclass(slots=True)
class Family:
    """One metric: the lines that say what it is, and its series."""

    head: list[bytes] = field(default_factory=list)
    series: list[bytes] = field(default_factory=list)


Families = dict[bytes, Family]


def labelled(text: bytes, deployment: str) -> Families:
    """Read metrics as they are written, and label each series. Pure."""
    label = f'deployment="{deployment}"'.encode()
    found: Families = {}
    family = Family()
    for line in text.splitlines(keepends=True):
        if line.startswith(_FIRST):
            family = found.setdefault(line.split(b" ", 3)[2], Family())
        if line.startswith(_HEAD):
            family.head.append(line)
        else:
            family.series.append(line if line.startswith(_NAMED) else _with(line, label))
    return found


def _with(line: bytes, label: bytes) -> bytes:
    """Put a label before the others of a series. No name of a metric has a brace or a blank."""
    name, brace, rest = line.partition(b"{")
    if brace and b" " not in name:
        return b"".join((name, b"{", label, b",", rest))
    name, blank, rest = line.partition(b" ")
    return b"".join((name, b"{", label, b"}", blank, rest))


def joined(all_of_them: Iterator[Families]) -> bytes:
    """Write the families of all deployments, each in one place."""
    found: Families = {}
    for families in all_of_them:
        for name, family in families.items():
            kept = found.setdefault(name, Family(family.head))
            kept.series.extend(family.series)
    return b"".join(b"".join((*each.head, *each.series)) for each in found.values())


class Together:
    """Tells the metrics of all deployments of this process."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._kept: dict[tuple[str, int], tuple[bytes, Families]] = {}

    def expose(
        self, deployments: Mapping[str, Parts | None], accept: str, *, is_read: bool
    ) -> Exposition:
        """Return the metrics of each deployment, None for one that has not started.

        `is_read` is whether the file that names them is read as it is now.
        """
        form = format_of(accept)
        self._forget(deployments)
        up = {name: parts is not None for name, parts in deployments.items()}
        text = form.text(
            _Whole(up, is_read=is_read), joined(self._families(deployments, form))
        )  # fmt: skip
        return Exposition(form.content_type, text)

    def _families(
        self, deployments: Mapping[str, Parts | None], form: Format
    ) -> Iterator[Families]:
        for name, parts in deployments.items():
            if parts is not None:
                fresh, *kept = parts(form)
                yield labelled(fresh, name)
                for at, text in enumerate(kept):
                    yield self._once(name, at, text)

    def _forget(self, deployments: Mapping[str, Parts | None]) -> None:
        with self._turn:
            kept = self._kept.items()
            self._kept = {at: found for at, found in kept if at[0] in deployments}

    def _once(self, name: str, at: int, text: bytes) -> Families:
        with self._turn:
            last = self._kept.get((name, at))
            if last is None or last[0] is not text:
                last = self._kept[name, at] = text, labelled(text, name)
            return last[1]


class _Whole(Collects):
    """What is told of the process, and of which deployments it has."""

    def __init__(self, up: Mapping[str, bool], *, is_read: bool) -> None:
        self._up, self._is_read = up, is_read

    def collect(self) -> Iterator[Metric]:
        """Yield it."""
        found = gauge("deployment_up")
        for name, is_up in self._up.items():
            found.add_metric((name,), is_up)
        yield found
        yield single("deployments_read", self._is_read)
        yield from _process.collect()
