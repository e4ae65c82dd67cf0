"""What is asked of every deployment at once: one that does not answer keeps no other waiting."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial

from dashboard.app import current, viewer as access
from dashboard.app.deployments import Held
from services.access.viewer import Viewer
from services.deployments.models import Standing, State
from services.deployments.overview import with_figures
from services.desk import Desk
from services.errors import KatoTenantsError
from services.find.models import Answer

SECONDS = 2.0
"""So long a page waits for what a deployment's own records say."""

_pool = ThreadPoolExecutor(16, thread_name_prefix="all deployments")
_asked: dict[object, Future[int | None]] = {}


@dataclass(frozen=True, slots=True)
class Mine:
    """A deployment that somebody may see, and as whom; `desk` is None while it does not run."""

    held: Held
    viewer: Viewer
    desk: Desk | None

    @property
    def name(self) -> str:
        """What it is called."""
        return self.held.deployment.name


def mine() -> Sequence[Mine]:
    """Return the deployments that whoever is there may see, in the file's order."""
    found = current.several()
    _, viewers = access.everywhere()
    held = () if found is None else found.held
    return tuple(
        Mine(each, viewer, _desk(each, viewer)) for each in held
        if (viewer := viewers.get(each.deployment.name)) is not None
    )  # fmt: skip


def _desk(held: Held, viewer: Viewer) -> Desk | None:
    """Return a desk for what is done at once, by threads that know of no browser."""
    services = held.holder.built
    return None if services is None else Desk(services, lambda: viewer)


def standings(found: Sequence[Mine]) -> tuple[Standing, ...]:
    """Say how each stands, as its viewer may see it."""
    firing = _firing(found)
    return tuple(_standing(each, firing.get(each.name)) for each in found)


def _standing(each: Mine, firing: int | None) -> Standing:
    known, failure = each.held.deployment, each.held.holder.failure
    standing = Standing(
        known.name, known.color, known.labels, wrong=each.held.wrong, firing=firing,
        whole=each.viewer.sees_all,
    )  # fmt: skip
    if each.desk is None:
        failed = State.FAILED if failure else State.STARTING
        return Standing(known.name, known.color, known.labels, failed, failure, each.held.wrong)
    try:
        return with_figures(standing, each.desk.fleet.figures())
    except KatoTenantsError as exc:
        return Standing(known.name, known.color, known.labels, State.FAILED, str(exc))


def _firing(found: Sequence[Mine]) -> Mapping[str, int]:
    """Count the alerts of each; one whose records do not answer in time is left out."""
    asked = {
        each.name: _once((id(each.held.holder), each.viewer), partial(_fires, each.desk))
        for each in found if each.desk is not None
    }  # fmt: skip
    wait(asked.values(), timeout=SECONDS)
    counts = {name: future.result() for name, future in asked.items() if future.done()}
    return {name: count for name, count in counts.items() if count is not None}


def _fires(desk: Desk) -> int | None:
    try:
        return desk.alerts.firing()
    except KatoTenantsError:
        return None


def _once(key: object, work: Callable[[], int | None]) -> Future[int | None]:
    """Ask, unless the same was asked and has not answered yet."""
    for done in [each for each, future in _asked.items() if future.done()]:
        _asked.pop(done, None)
    if key not in _asked:
        _asked[key] = _pool.submit(work)
    return _asked[key]


def find_each(
    found: Sequence[Mine], typed: str, *, contains: bool
) -> Mapping[Future[Answer | None], Mine]:
    """Look for something in every deployment that runs, at the same time."""

    def find(desk: Desk) -> Answer | None:
        return desk.finding.find(typed, contains=contains)

    return {_pool.submit(find, each.desk): each for each in found if each.desk is not None}
