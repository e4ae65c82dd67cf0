"""What a viewer may see of cards: those of tenants in scope, and of each what the role is for.

Pure. Who has a tenant in scope sees what it is called, its labels, and that it is on hold.
Contact, notes and the reason of a hold are for those who look after tenants (support), and who
wrote it, who may be anybody of the house, for those who see all.
"""

from __future__ import annotations

from dataclasses import replace

from services.access.viewer import Role, Viewer
from services.cards.models import Card, Doing, Hold


def confined_card(card: Card, viewer: Viewer) -> Card:
    """Return what a viewer who has the tenant in scope may see of its card."""
    if not viewer.role.includes(Role.SUPPORT):
        card = replace(card, contact="", notes="", hold=card.hold and _bare(card.hold))
    if not viewer.sees_all:
        hold = card.hold and replace(card.hold, by="")
        card = replace(card, by="", hold=hold)
    return card


def confined_doing(doing: Doing, viewer: Viewer) -> Doing:
    """Return what a viewer may see of a state: a job may concern others too."""
    return doing if viewer.sees_all else replace(doing, by="", job="")


def _bare(hold: Hold) -> Hold:
    return replace(hold, reason="")
