"""Starting, stopping and showing an instance, by the tool that is set and there.

Where none is, nothing is run: what would be is told.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from services.errors import StoreError
from services.instances import commands
from services.instances.commands import Command
from services.instances.models import Instance, InstanceRefused, Ran, Tool, Vital
from services.instances.service import InstanceService, Tools

_LOOK_SECONDS, _STATUS_SECONDS = 20.0, 60.0
_UP_SECONDS, _DOWN_SECONDS = commands.READY_SECONDS + 420.0, 300.0  # images may have to come
_WELL_SECONDS, _PAUSE_SECONDS = 30.0, 0.25

_Makes = Callable[[Command, Instance, Path, Path | None], tuple[Command, ...]]


class Running:
    """Runs instances. Every method raises InstanceRefused and StoreUnavailable."""

    def __init__(self, service: InstanceService) -> None:
        self._service = service

    @property
    def _tools(self) -> Tools:
        return self._service.tools

    def up(self, name: str) -> tuple[Instance, tuple[Ran, ...], Vital | None]:
        """Start one, and wait until its API says how it is. It serves nobody by that.

        Without a tool nothing is run, and nothing is known of it: the last is None then.
        """
        instance = self._service.instance(name)
        ran = self._run(instance, commands.up, seconds=_UP_SECONDS)
        return instance, ran, self._well(instance) if _is_done(ran) else None

    def down(self, name: str, *, anyway: bool = False) -> tuple[Instance, tuple[Ran, ...]]:
        """Stop one, and leave what it keeps; not while anybody needs it, but with `anyway`."""
        instance = self._service.instance(name)
        why = [] if anyway else self.needed(instance)
        if why:
            raise InstanceRefused(f"{name} is needed: {'; '.join(why)}")
        return instance, self._run(instance, commands.down, seconds=_DOWN_SECONDS)

    def status(self, name: str) -> tuple[Instance, tuple[Ran, ...], Vital | None]:
        """Show the parts of one as its tool tells of them, and how its API is."""
        instance = self._service.instance(name)
        ran: tuple[Ran, ...] = ()
        if instance.tool is not Tool.OTHER:
            ran = self._run(instance, commands.status, seconds=_STATUS_SECONDS)
        return instance, ran, self._service.vitals([instance]).get(name)

    def needed(self, instance: Instance) -> list[str]:
        """Say why one may not be stopped now."""
        why = []
        if instance.is_serving:
            why.append(f"sessions of {instance.tenant} are created there: end that first")
        serving = self._service.of(instance.tenant)
        if instance.is_serving or serving is None or serving.name == instance.name:
            why += self._tools.needs(instance.tenant)
        return why

    def _run(self, instance: Instance, makes: _Makes, *, seconds: float) -> tuple[Ran, ...]:
        tools, words = self._tools, self._tools.words
        called = words or _USUAL.get(instance.tool, ())
        files = self._service.files(instance.name)
        if words:
            self._check_secrets(instance)
        folder = tools.folder.keep(instance.name, files)
        todo = makes(called, instance, folder, tools.secrets)
        absent = self._absent()
        if absent:
            return tuple(Ran(command, why_not=absent) for command in todo)
        found: list[Ran] = []
        for command in todo:
            if found and not _is_done(found[-1:]):
                found.append(Ran(command, why_not="what comes before it failed"))
            else:
                found.append(tools.runner.run(command, seconds=seconds))
        return tuple(found)

    def _absent(self) -> str:
        """Say why nothing can be run here; empty where the tool is there."""
        words = self._tools.words
        if not words:
            return "KATO_TENANTS_INSTANCE_TOOL names no tool"
        look = self._tools.runner.run(commands.looks(words), seconds=_LOOK_SECONDS)
        if look.why_not:
            return look.why_not
        return f"{' '.join(words)} cannot be used here: {look.output[:200]}" if look.failed else ""

    def _check_secrets(self, instance: Instance) -> None:
        secrets = self._tools.secrets
        if instance.tool is not Tool.COMPOSE:
            return
        if secrets is None or not secrets.is_file():
            raise InstanceRefused(
                "its secrets are to be in the file that KATO_TENANTS_INSTANCE_SECRETS names, and "
                "there is none"
            )

    def _well(self, instance: Instance) -> Vital:
        """Wait a little until an instance that was started answers."""
        ends = time.monotonic() + max(_WELL_SECONDS, self._tools.seconds)
        while True:
            vital = self._service.vitals([instance])[instance.name]
            if vital.version is not None or time.monotonic() >= ends:
                return vital
            time.sleep(_PAUSE_SECONDS)


_USUAL = {Tool.COMPOSE: ("docker", "compose"), Tool.KUBERNETES: ("kubectl",)}
"""What would be run where no tool is set."""


def _is_done(ran: tuple[Ran, ...] | list[Ran]) -> bool:
    return bool(ran) and all(each.was_run and not each.failed for each in ran)


def needs_of(*asks: Callable[[], list[str]]) -> list[str]:
    """Return what each of these says; one that cannot be asked is a need that is not known."""
    found: list[str] = []
    for ask in asks:
        try:
            found += ask()
        except StoreError as exc:
            found.append(f"whether it is needed is not known: {exc}")
    return found
