"""Every deployment of this process, as its file names them, and what becomes of each.

The file is read at the start, and again once it has changed. One that cannot be read then leaves
all as they are; a deployment whose settings are wrong goes on with those that it had.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from dashboard.app.holders import Holder
from services.errors import KatoTenantsError, SettingsError
from services.settings.deployment_settings import Deployment, deployments_of
from services.settings.deployments import stamp_of
from services.settings.environment import Settings, load_settings
from services.settings.sign_in import DEPLOYMENTS
from services.usage.turns import Turns

LOOK_SECONDS = 5.0
"""How often it is looked whether the file has changed."""

RETRY_SECONDS = 10.0
"""How long after a start that failed the next is tried."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Held:
    """One deployment and its services; `wrong` says what is wrong with its part of the file now.

    Then `deployment` is the last good one.
    """

    deployment: Deployment
    holder: Holder
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class Gone:
    """A deployment that was taken out of the file while this process ran.

    `jobs` counts those that had not ended, None where that could not be read.
    """

    deployment: Deployment
    at: datetime
    jobs: int | None


@dataclass(frozen=True, slots=True)
class Unread:
    """Why the file cannot be read as it is now, and since when."""

    problem: str
    since: datetime


class Deployments:
    """All of them; each starts, fails and ends by itself, and keeps no other waiting."""

    def __init__(self) -> None:
        settings = load_settings()
        self._turns = Turns(settings.deployments_at_once)
        self._turn, self._over = threading.Lock(), threading.Event()
        self._stamp = _stamp(settings)
        self.unread: Unread | None = None
        self.gone: Mapping[str, Gone] = {}
        self._held: Mapping[str, Held] = {
            each.name: self._new(each) for each in deployments_of(settings)
        }
        self._ending: list[threading.Thread] = []

    def start(self) -> None:
        """Start each in a thread of its own, and follow the file."""
        for held in self._held.values():
            self._begin(held)
        threading.Thread(target=self._follow, name="deployments", daemon=True).start()

    @property
    def held(self) -> Sequence[Held]:
        """Every deployment, in the file's order."""
        return tuple(self._held.values())

    def find(self, name: str) -> Held | None:
        """Return one by its name, None where the file has none of it."""
        return self._held.get(name)

    def stop(self) -> None:
        """Close all, each without waiting for another."""
        self._over.set()
        with self._turn, ThreadPoolExecutor(max(len(self._held), 1)) as closing:
            closing.map(lambda held: held.holder.stop(), self._held.values())
        for thread in self._ending:
            thread.join()

    def look(self) -> None:
        """Read the file anew where it has changed. Raises nothing."""
        settings = load_settings()
        stamp = _stamp(settings)
        if stamp == self._stamp and self.unread is None:
            return
        self._stamp = stamp
        try:
            found = deployments_of(settings)
        except SettingsError as exc:
            if self.unread is None or self.unread.problem != str(exc):
                self.unread = Unread(str(exc), datetime.now(UTC))
                logger.warning("%s; what was read before holds", exc)
            return
        self.unread = None
        with self._turn:
            if not self._over.is_set():
                self._take(found)

    def _take(self, found: Sequence[Deployment]) -> None:
        before, named = self._held, {each.name for each in found}
        self._held = {each.name: self._next(each, before.get(each.name)) for each in found}
        self.gone = {
            **{name: gone for name, gone in self.gone.items() if name not in named},
            **{name: _gone(held) for name, held in before.items() if name not in named},
        }
        for name, held in before.items():
            if name not in named:
                self._end(held)
        for name, held in self._held.items():
            last = before.get(name)
            if last is None or last.holder is not held.holder:
                self._begin(held, after=last)

    def _next(self, found: Deployment, last: Held | None) -> Held:
        if last is None:
            return self._new(found)
        if found.settings is None and last.deployment.settings is not None:
            return replace(last, wrong=found.problem)
        if _runs_as(found) == _runs_as(last.deployment):
            return Held(found, last.holder)
        return self._new(found)

    def _new(self, found: Deployment) -> Held:
        def settings() -> Settings:
            if found.settings is None:
                raise SettingsError(DEPLOYMENTS, f"{found.name} has no settings: {found.problem}")
            return found.settings

        return Held(found, Holder(settings, turns=self._turns))

    def _begin(self, held: Held, after: Held | None = None) -> None:
        name = f"starting {held.deployment.name}"
        threading.Thread(target=self._start, args=(held, after), name=name, daemon=True).start()

    def _start(self, held: Held, after: Held | None) -> None:
        """Start one, again and again where that fails; say each reason once."""
        if after is not None:
            after.holder.retire()
        said, name = "", held.deployment.name
        while not self._over.is_set() and self._is_here(held):
            try:
                held.holder.get()
            except KatoTenantsError as exc:
                if str(exc) != said:
                    said = str(exc)
                    print(f"kato-tenants: {name}: {said}", file=sys.stderr, flush=True)
            else:
                return
            if held.deployment.settings is None:
                return  # nothing but another file changes that
            self._over.wait(RETRY_SECONDS)

    def _is_here(self, held: Held) -> bool:
        now = self._held.get(held.deployment.name)
        return now is not None and now.holder is held.holder

    def _end(self, held: Held) -> None:
        thread = threading.Thread(target=held.holder.retire, name="retiring", daemon=True)
        self._ending = [*(each for each in self._ending if each.is_alive()), thread]
        thread.start()

    def _follow(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            with suppress(SettingsError):  # the environment's own, which does not change
                self.look()


def _stamp(settings: Settings) -> tuple[object, ...]:
    return stamp_of(settings.deployments) if settings.deployments is not None else ()


def _runs_as(found: Deployment) -> object:
    """Return what of a deployment takes another start where it changes: all but its colour."""
    if found.settings is None:
        return found.problem
    return found.settings.model_dump(exclude={"deployment_color"})


def _gone(held: Held) -> Gone:
    jobs, services = None, held.holder.built
    if services is not None:
        with suppress(KatoTenantsError):
            jobs = len(services.job_book.unended()) + len(services.jobs.unended())
    return Gone(held.deployment, datetime.now(UTC), jobs)
