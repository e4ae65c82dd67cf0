"""The two formats in which metrics are written, and which of them a client asks for. Pure.

prometheus_client writes them. Its own choice is not taken (0.26.0): it does not heed the weights
(`q=`) of an Accept header (findings/prometheus_client_quality.sh), and repeats a version that
nobody writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from prometheus_client import exposition
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

_END = b"# EOF\n"
_OPEN = "application/openmetrics-text"
_VERSIONS = ("", "1.0.0", "0.0.1")
"""Of OpenMetrics: what is written is 1.0.0, which who asks for the draft reads too."""


@dataclass(frozen=True, slots=True)
class Format:
    """How metrics are written: its media type, who writes it, and what the text ends with."""

    content_type: str
    write: Callable[[Collector], bytes]
    end: bytes = b""

    def text(self, collector: Collector, *more: bytes) -> bytes:
        """Write what a collector has, and behind it lines that are there already, copied once."""
        return b"".join((self.write(collector).removesuffix(self.end), *more, self.end))


PLAIN = Format("text/plain; version=0.0.4; charset=utf-8", exposition.generate_latest)
OPENMETRICS = Format(
    "application/openmetrics-text; version=1.0.0; charset=utf-8", openmetrics.generate_latest, _END
)


def format_of(accept: str) -> Format:
    """Return the format that an Accept header asks for (RFC 9110, section 12.5.1).

    OpenMetrics has to be named, and to weigh no less than what plain text does.
    """
    weights = {PLAIN: 0.0, OPENMETRICS: 0.0}
    for media, parameters in _ranges(accept):
        if media == _OPEN and parameters.get("version", "") in _VERSIONS:
            weights[OPENMETRICS] = max(weights[OPENMETRICS], _weight(parameters))
        elif media in ("text/plain", "text/*", "*/*"):
            weights[PLAIN] = max(weights[PLAIN], _weight(parameters))
    return OPENMETRICS if 0 < weights[OPENMETRICS] >= weights[PLAIN] else PLAIN


def _ranges(accept: str) -> Iterator[tuple[str, dict[str, str]]]:
    for each in accept.lower().split(","):
        media, *rest = (word.strip() for word in each.split(";"))
        pairs = (word.partition("=") for word in rest)
        yield media, {name.strip(): value.strip().strip('"') for name, _, value in pairs}


def _weight(parameters: dict[str, str]) -> float:
    """Return `q`, from 0 to 1; 1 where there is none, 0 for what is no number."""
    try:
        found = float(parameters.get("q", "1"))
    except ValueError:
        return 0.0
    return found if 0 <= found <= 1 else 0.0
