"""What stands near a name that is to be used, drawn as on every page that asks for one."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from dashboard.draw.formatting import few, markdown
from services.setup.models import Clash, ClashKind
from services.setup.words import clash_words

_GRAVE = (ClashKind.SHARED, ClashKind.GUESSED, ClashKind.ERASED)
_MOST = 5


def draw(clashes: Iterable[Clash]) -> None:
    """Draw each with its names: grave ones as warnings."""
    for clash in clashes:
        names = few([markdown(str(each)) for each in (*clash.tenants, *clash.kb_ids)], most=_MOST)
        say = st.warning if clash.kind in _GRAVE else st.info
        say(f"{clash_words(clash)}: {names}.", icon=":material/content_copy:")
