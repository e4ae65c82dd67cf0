"""Changes of cards as words and table rows. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from dashboard.draw.formatting import plural, visible
from services.cards.labels import words_of
from services.cards.models import Card
from services.cards.preview import Change


def changed_words(found: Sequence[Change]) -> str:
    """Say what was changed."""
    if not found:
        return "Nothing to change: it is so already"
    return f"{plural(len(found), 'card')} changed"


def changes_frame(found: Sequence[Change]) -> pd.DataFrame:
    """Return one row for each thing of a card that would be another."""
    rows = [
        {
            "Tenant": visible(str(each.after.tenant)),
            "What": name,
            "Now": _said(each.before, name),
            "Then": _said(each.after, name),
        }
        for each in found
        for name in each.fields
    ]
    return pd.DataFrame(rows, columns=["Tenant", "What", "Now", "Then"])


def _said(card: Card, name: str) -> str:
    return words_of(card.labels) if name == "labels" else visible(getattr(card, name))
