"""What an import comes to, as the documented JSON and as lines for people. Pure.

`docs/names.md` describes the JSON.
"""

from __future__ import annotations

from collections.abc import Iterator

from services.names.models import Judged, Preview, Verdict
from services.usage.formats import stamp
from services.visible import visible

MOST = 20
"""How many lines of each kind are shown to people."""

WORDS = {
    Verdict.NEW: "would count as seen",
    Verdict.KNOWN: "seen already",
    Verdict.SHARED: "would count as seen, and shares its kb_id with another tenant",
    Verdict.CONFLICTING: "conflicting: not imported",
    Verdict.REFUSED: "refused: not imported",
}
DONE_WORDS = {
    **WORDS,
    Verdict.NEW: "counts as seen",
    Verdict.SHARED: "counts as seen, and shares its kb_id with another tenant",
}
TOLD = (Verdict.SHARED, Verdict.CONFLICTING, Verdict.REFUSED)
"""The verdicts whose lines are told one by one."""


def preview_json(preview: Preview, *, imported: bool) -> dict[str, object]:
    """Return the documented JSON; lines that are only new or known are counted alone."""
    return {
        "imported": imported,
        "counts": {verdict.value: count for verdict, count in preview.counts.items()},
        "earlier": preview.earlier,
        "lines": [_line_json(line) for verdict in TOLD for line in preview.of(verdict)],
    }


def _line_json(line: Judged) -> dict[str, object]:
    return {
        "line": line.number,
        "verdict": line.verdict.value,
        "node_id": line.node_id or None,
        "tenant": str(line.tenant) if line.tenant else None,
        "since": stamp(line.since),
        "others": list(map(str, line.others)),
        "why": line.why or None,
    }


def preview_lines(preview: Preview, *, imported: bool) -> Iterator[str]:
    """Say what an import comes to: how many of each kind, then line by line what is to be seen."""
    words = DONE_WORDS if imported else WORDS
    for verdict, count in preview.counts.items():
        yield f"{count:>9,}  {words[verdict]}"
    if preview.earlier:
        yield f"{preview.earlier:>9,}  of those seen already, since an earlier time"
    for verdict in TOLD:
        lines = preview.of(verdict)
        yield from map(line_words, lines[:MOST])
        if len(lines) > MOST:
            yield f"and {len(lines) - MOST:,} more {verdict.value}"


def line_words(line: Judged) -> str:
    """Say what is to be seen of one line; every character of it can be seen."""
    name = f"{visible(line.node_id)}: " if line.node_id else ""
    return f"line {line.number:,}, {line.verdict.value}: {name}{visible(why(line))}"


def why(line: Judged) -> str:
    """Say what is the matter with a line: why it is not taken, or with whom it shares."""
    if line.verdict is Verdict.SHARED:
        return f"its kb_id is also of {', '.join(map(str, line.others))}"
    return line.why
