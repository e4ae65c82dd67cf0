"""Findings of the audit say names as samples: those of an erased target are taken out of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, select, update

from services.stores.records.schema import ACCEPTANCES, FINDINGS

_OURS = ("code", "severity", "about")  # what names nobody, whatever words a target is named by
_LONG = 8  # characters: a shorter name may be a part of any word


def forget_in_findings(connection: Connection, words: Mapping[str, str]) -> None:
    """Put words for names in findings, those that were resolved too.

    One whose subject is such a name is removed: the next audit finds it again where it is there.
    """
    longest = sorted(words.items(), key=lambda each: -len(each[0]))  # none within another one
    for row in connection.execute(select(FINDINGS.c.id, FINDINGS.c.text)).all():
        finding = json.loads(row.text)
        worded = {
            part: value if part in _OURS else _worded(value, longest)
            for part, value in finding.items()
        }
        if worded["subject"] != finding["subject"]:
            connection.execute(delete(ACCEPTANCES).where(ACCEPTANCES.c.finding == row.id))
            connection.execute(delete(FINDINGS).where(FINDINGS.c.id == row.id))
        elif worded != finding:
            text = json.dumps(worded, sort_keys=True)
            connection.execute(update(FINDINGS).where(FINDINGS.c.id == row.id).values(text=text))


def _worded(value: Any, words: Sequence[tuple[str, str]]) -> Any:
    """Replace names: long ones wherever they stand, short ones where they stand alone."""
    if isinstance(value, list):
        return [_worded(each, words) for each in value]
    if isinstance(value, dict):
        return {said: _worded(each, words) for said, each in value.items()}  # our own words
    if not isinstance(value, str):
        return value
    for name, word in words:
        if value == name:
            return word
        if len(name) >= _LONG:
            value = value.replace(name, word)
    return value
