"""The services of this process, and the desk at which whoever is there uses them.

With several deployments they are those of the one that the page is of.
"""

from __future__ import annotations

from collections.abc import Mapping

from dashboard.app import current, viewer as access
from dashboard.app.deployments import Deployments
from dashboard.app.holders import Holder
from services.access.viewer import Viewer
from services.bootstrap import Services
from services.desk import Desk
from services.errors import KatoTenantsError
from services.settings.deployments import has_several
from services.settings.environment import load_settings
from services.tenancy.ownership import Ownership
from services.tenancy.schemes import NamingSchemes
from services.usage.refresh import CollectorState

_holder = Holder(load_settings)


def services() -> Services:
    """Return the services, started once. Raises KatoTenantsError.

    Pages and what they are made of use `desk`.
    """
    here = current.held()
    return (_holder if here is None else here.holder).get()


def begin() -> None:
    """Start the services: of one deployment here and now, of several each by itself.

    Raises KatoTenantsError.
    """
    if current.several() is None:
        _holder.get()


def started() -> Services | None:
    """Return the services where they are there; waits for no start."""
    found = current.several()
    if found is None:
        return _holder.built
    here = found.find(current.name())
    return None if here is None else here.holder.built


def every() -> Mapping[str, Services | None]:
    """Return the services of each of several deployments, by its name; empty where there is one."""
    found = current.several()
    return {} if found is None else {
        each.deployment.name: each.holder.built for each in found.held
    }  # fmt: skip


def generation() -> object:
    """Return what is another thing wherever the deployment, or its settings, are: for caches."""
    return (current.name(), id(started())) if has_several() else ""


def stop() -> None:
    """Close the services, if they were started."""
    found = _quietly()
    if found is None:
        _holder.stop()
    else:
        found.stop()


def _quietly() -> Deployments | None:
    try:
        return current.several()
    except KatoTenantsError:
        return None


def failure() -> str:
    """Say why the last start failed; empty where it did not, or has not ended.

    Of several deployments, where each of them failed.
    """
    found = _quietly()
    if found is None:
        return _holder.failure
    failures = [each.holder.failure for each in found.held]
    return failures[0] if all(failures) else ""


def desk() -> Desk:
    """Return every use case as whoever is there may use it, looked up anew for every action."""
    return Desk(services(), access.viewer, access.elsewhere if has_several() else None)


def is_embedded() -> bool:
    """Whether the stores run inside this dashboard."""
    return services().embedded is not None


def schemes() -> NamingSchemes:
    """Return the naming schemes in force."""
    return services().settings.naming


def last_collected() -> CollectorState:
    """Return what the collector has, of everyone: what a cache goes by, and nothing to show."""
    return services().collector.state


def ownership_of(viewer: Viewer) -> tuple[Ownership, Ownership | None]:
    """Return who owns what, by every node_id seen: whole, and for one who sees all, to show."""
    whole = services().usage.ownership()
    return whole, whole if viewer.sees_all else None


def forget() -> None:
    """Forget the services; for tests."""
    _holder.forget()
    current.forget()
