"""What a viewer of some tenants sees of rules and standings: whole fields, or none. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from services.access.viewer import Viewer
from services.backups.models import Kept, Run, Standing
from services.cards.models import Label
from services.cards.specific import concerns

FAILED = "it could not be done, and an admin can see why"


def confined_rules(
    kept: Iterable[Kept], viewer: Viewer, labels: Collection[Label]
) -> tuple[Kept, ...]:
    """Return those that may hold for a tenant in scope, without who set them, why and the place."""
    if viewer.sees_all:
        return tuple(kept)
    return tuple(_kept(each) for each in kept if concerns(each.rule.scope, viewer, labels))


def confined_run(run: Run, viewer: Viewer) -> Run:
    """Return a run; a problem may tell of others, and is not said."""
    if viewer.sees_all or not run.problem:
        return run
    return replace(run, problem=FAILED)


def confined_standing(standing: Standing, viewer: Viewer) -> Standing:
    """Return how a tenant in scope is backed up; a problem may tell of others, and is not said."""
    if viewer.sees_all:
        return standing
    last, took, rule = standing.last, standing.took, standing.rule
    return replace(
        standing,
        rule=None if rule is None else _kept(rule),
        last=None if last is None else confined_run(last, viewer),
        took=None if took is None else replace(took, problem=FAILED if took.problem else ""),
    )


def _kept(each: Kept) -> Kept:
    return replace(each, by="", why="", rule=replace(each.rule, to=""))
