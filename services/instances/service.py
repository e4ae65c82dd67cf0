"""The register of instances: planned, registered, ended, forgotten. What pages and scripts call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from services.ask_stores import ask_all
from services.errors import Problem
from services.health.models import Health
from services.instances import plan as planning
from services.instances.commands import Command
from services.instances.models import (
    Instance,
    InstanceRefused,
    Plan,
    Site,
    State,
    Vital,
    Wish,
)
from services.instances.naming import check_name, check_service, check_url, clash, name_of
from services.instances.ports import Book, Folder, Katos, Runner
from services.instances.render import Files, files_of
from services.instances.serving import serves
from services.tenancy.kb_ids import TenantKey

_TRIES = 20  # of several that plan at once, each time one has its ports
_WHY_LIMIT = 300  # characters


@dataclass(frozen=True, slots=True)
class Tools:
    """What instances need.

    `words` call the tool that runs them, empty where none is set; `secrets` is the file of
    variables that compose is given. `needs` says in words why a tenant needs its KATO now.
    """

    book: Book
    runner: Runner
    folder: Folder
    katos: Katos
    site: Callable[[], Site]
    words: Command
    secrets: Path | None
    needs: Callable[[TenantKey], Sequence[str]]
    seconds: float
    now: Callable[[], datetime]


class InstanceService:
    """Every method raises StoreUnavailable where this product's own records do not answer."""

    def __init__(self, tools: Tools) -> None:
        self.tools = tools

    def every(self) -> tuple[Instance, ...]:
        """Return every instance that is kept, also of those that ended, the newest first."""
        return self.tools.book.all()

    def of(self, tenant: TenantKey) -> Instance | None:
        """Return where sessions of a tenant are created; None for the KATO that all share."""
        return serves(self.every(), tenant)

    def instance(self, name: str) -> Instance:
        """Return one. Raises InstanceRefused where there is none."""
        found = self.tools.book.get(name)
        if found is None:
            raise InstanceRefused("there is no such instance")
        return found

    def plan(self, wish: Wish, *, by: str) -> Plan:
        """Return what would be made; nothing is written, and no port is taken."""
        tools = self.tools
        return planning.plan_of(
            wish, tools.site(), self.every(), listens=tools.runner.listens, now=tools.now(), by=by
        )  # fmt: skip

    def record(self, wish: Wish, *, by: str) -> Instance:
        """Keep an instance as planned: its name and ports are its own from now on.

        Raises InstanceRefused where something stands in its way.
        """
        for _ in range(_TRIES):
            plan = self.plan(wish, by=by)
            if plan.obstacles:
                raise InstanceRefused(plan.obstacles[0])
            if self.tools.book.add(plan.instance):
                return plan.instance
        raise InstanceRefused("others took the ports: plan again")

    def files(self, name: str) -> Files:
        """Return the files of an instance. Raises InstanceRefused for one that is not run here."""
        return files_of(self.instance(name), self.tools.site())

    def register(
        self, name: str, *, by: str, why: str = "", url: str = "", beside: bool = False
    ) -> Instance:
        """Have sessions of its tenant created there from now on, and nowhere else.

        With `beside` others go on to serve it too. Raises InstanceRefused.
        """
        known = self.instance(name)
        url = check_url(url) if url else known.url
        if not url:
            raise InstanceRefused("say where its API is")
        now = replace(
            known, state=State.SERVING, since=self.tools.now(), by=by, url=url, why=_why(why)
        )  # fmt: skip
        self._check_names(now)
        return self._serves(now, beside=beside)

    def adopt(
        self, tenant: TenantKey, url: str, *, by: str, name: str = "", service: str = "",
        database: str = "", why: str = "", beside: bool = False,
    ) -> Instance:  # fmt: skip
        """Register a KATO that somebody else runs over this deployment's stores.

        Raises InstanceRefused.
        """
        site, known = self.tools.site(), self.every()
        name = check_name(name) if name else name_of(tenant, (each.name for each in known))
        instance = Instance(
            name, tenant, State.SERVING, check_url(url), service or site.service,
            database or site.database, self.tools.now(), by, _why(why),
        )  # fmt: skip
        self._check_names(instance)
        if not self.tools.book.add(instance):
            raise InstanceRefused(f"there is an instance called {name}")
        return self._serves(instance, beside=beside)

    def end(self, name: str, *, by: str, why: str = "") -> Instance:
        """Have no more sessions created there; the KATO that all share serves its tenant again.

        What was kept of it stays until it is forgotten. Raises InstanceRefused.
        """
        known = self.instance(name)
        if not known.is_serving:
            raise InstanceRefused(f"{name} does not serve anybody")
        ended = replace(
            known, state=State.ENDED, since=self.tools.now(), by=by, why=_why(why) or known.why
        )
        self.tools.book.put(ended)
        return ended

    def forget(self, name: str, *, anyway: bool = False) -> None:
        """Keep nothing more of one that does not serve: its ports are free.

        One that ended is what is known of whose kb_ids with its SERVICE_NAME are: it takes
        `anyway`. Raises InstanceRefused.
        """
        known = self.instance(name)
        if known.is_serving:
            raise InstanceRefused(f"{name} serves its tenant: end that first")
        tells = known.is_here and known.service != self.tools.site().service
        if tells and known.state is State.ENDED and not anyway:
            raise InstanceRefused(
                f"by {name} it is known whose kb_ids of the SERVICE_NAME {known.service} are: "
                "purge what its tenant does not need there, or forget it anyway"
            )
        self.tools.book.forget(name)

    def moved(self, tenant: TenantKey, to: str, *, url: str, by: str) -> None:
        """Note that a tenant is in the deployment that is called so, since a move cut over.

        An instance with that for its stores serves it now. Where there is none, none here does.
        """
        named = (e for e in self.every() if (e.tenant, e.elsewhere) == (tenant, to))
        there = next(named, None)
        if there is None:
            self._end_others(tenant, "", by=by)
            return
        now = self.tools.now()
        self._serves(replace(there, state=State.SERVING, since=now, by=by, url=url or there.url))

    def back(self, tenant: TenantKey, *, by: str) -> None:
        """Note that a tenant is in this deployment again: none elsewhere serves it."""
        self._end_others(tenant, "", by=by, among=lambda each: bool(each.elsewhere))

    def vitals(self, instances: Iterable[Instance]) -> Mapping[str, Vital]:
        """Ask each of these how it is, all at once; takes at most some seconds more than one may.

        One that does not answer is unknown, and delays no other.
        """
        asked = [each for each in instances if each.url and each.state is not State.ENDED]
        asks = {each.name: partial(self._ask, each.url) for each in asked}
        found = ask_all(asks, deadline=self.tools.seconds + 1)
        return {name: _vital(each.reading, each.reason) for name, each in found.items()}

    def _ask(self, url: str, _: object) -> object:
        return self.tools.katos(url).health()

    def _check_names(self, instance: Instance) -> None:
        if not instance.is_here:
            return
        site = self.tools.site()
        check_service(instance.service)
        others = planning.services_beside(self.every(), instance.tenant, shared=site.service)
        if clash(instance.service, others):
            raise InstanceRefused(planning.clashing(instance.service))

    def _serves(self, instance: Instance, *, beside: bool = False) -> Instance:
        self.tools.book.put(instance)
        if not beside:
            self._end_others(instance.tenant, instance.name, by=instance.by)
        return instance

    def _end_others(
        self, tenant: TenantKey, name: str, *, by: str,
        among: Callable[[Instance], bool] = lambda _: True,
    ) -> None:  # fmt: skip
        others = [
            replace(each, state=State.ENDED, since=self.tools.now(), by=by)
            for each in self.every()
            if each.tenant == tenant and each.name != name and each.is_serving and among(each)
        ]
        if others:
            self.tools.book.put(*others)


def _vital(answer: object, reason: Problem | None) -> Vital:
    if isinstance(answer, Health):
        return Vital(answer.version, answer.latency, answer.detail)
    return Vital(problem=reason or Problem("it did not answer"))


def _why(text: str) -> str:
    if len(text) > _WHY_LIMIT:
        raise InstanceRefused(f"the reason is longer than {_WHY_LIMIT} characters")
    return text.strip()
