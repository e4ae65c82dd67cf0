"""The words of this product, on every page and as `docs/glossary.md`; and what a newcomer reads."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from services.access.viewer import Viewer

TERMS: Mapping[str, str] = {
    "tenant": "Whose data it is: a kind and an id, as tenant/NAME, org/NAME or user/NAME.",
    "node_id": "The name that a client of KATO gives, as tenant:initech:user:bob.",
    "kb_id": "The name of one memory (a knowledge base) in the stores. KATO makes it of the "
             "node_id, and several node_ids can fall on one.",
    "naming scheme": "A template by which tenant and user are read out of a node_id.",
    "evidence": "What says whose data it is. It has one of the five words that follow.",
    "seen": "A node_id was seen, which says whose it is.",
    "confirmed": "An admin said whose it is.",
    "guessed from the name": "No node_id was seen: whose it is, is read out of the kb_id's name.",
    "shared": "Node_ids of several tenants fall on one kb_id: they share one memory.",
    "unowned": "In the stores, and nothing says whose it is.",
    "unknown": "A store did not answer, or does not say. It is never 0.",
    "pattern": "What KATO learnt: a sequence of events, kept in ClickHouse.",
    "key": "What KATO keeps of patterns in Redis, as how often each was seen; sessions apart.",
    "vector": "A point in Qdrant, which a pattern names.",
    "session": "A client's conversation with KATO, kept in Redis until its time to live is over.",
    "STM": "Short-term memory: what a session has observed and not learnt yet.",
    "TTL": "Time to live: how long something is kept without being used.",
    "emotives": "Feelings, as numbers, that a client sends along with what it observes.",
    "card": "What people say of a tenant: display name, contact, labels, notes, and a legal hold.",
    "label": "A word about a tenant on its card, as plan=gold, by which tenants are grouped, "
             "limited and priced.",
    "legal hold": "The data of a tenant has to be kept, and is not erased, until that is "
                  "lifted.",
    "backup": "An archive of a tenant that a rule has taken by itself, proven, and kept as long as "
    "the rule says.",
    "instance": "A KATO of one tenant's own, beside the one that all others share.",
    "finding": "What the isolation audit found: where tenants touch, or could.",
    "receipt": "What a purge erased, what it left out, and how that was proven.",
    "limit": "How much a tenant should have at most. Who is near it or over it is shown; KATO goes "
             "on all the same.",
    "near, over": "Of a limit: at 80 % of it or more (a setting), and above it. Unknown is "
             "neither.",
    "alert": "Something that asks for somebody: it fires, and is resolved once it is known to be "
             "over.",
    "silence": "A time in which an alert that fires is not sent on; it stays on the page.",
    "route": "Whom alerts are sent to, which of them, and of which tenants.",
    "movers": "Who has more or less of something than at a moment before.",
    "margin": "The most by which a figure may be off that was not counted whole but sampled.",
    "charge": "What is billed: a base fee, patterns, disk, memory, vectors or sessions.",
    "coverage": "The share of a time in which a figure was known. What is not known is not billed.",
    "KB, MB, GB": "1,000, 1,000,000 and 1,000,000,000 bytes.",
}  # fmt: skip

_FIRST = """
1. KATO learns from what its clients send, and keeps it in ClickHouse, Redis and Qdrant. Here is
   what each tenant has there. Looking changes nothing.
2. *Unknown* means that a store did not answer. It is never 0, and everything else adds up: tenants,
   shared and unowned are each store's own total.
3. *Seen*, *confirmed*, *guessed from the name* or *shared* beside a tenant is the evidence of whose
   data it is.
4. Begin with **Needs attention**, or find a user, session or key by the box in the sidebar. The
   words are explained under **Glossary** there.
"""


def sidebar() -> None:
    """Draw the entry to all words."""
    with st.sidebar.popover("Glossary", icon=":material/menu_book:", type="tertiary"):
        st.markdown("\n".join(f"- **{term}**: {text}" for term, text in TERMS.items()))


def welcome(viewer: Viewer) -> None:
    """Say in four lines what this is and how to read it, until the viewer has dismissed it."""
    if viewer.id in _dismissed():
        return
    with st.container(border=True):
        st.markdown(_FIRST)
        st.button("Dismiss", icon=":material/check:", type="tertiary", key="dismiss_welcome",
                  on_click=_dismissed().add, args=(viewer.id,))  # fmt: skip


@st.cache_resource
def _dismissed() -> set[str]:
    """Who has read it, by their ids, for as long as this process runs."""
    return set()
