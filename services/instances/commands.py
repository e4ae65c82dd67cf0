"""What a tool is called with to start, stop and show an instance: lists of words. Pure.

Stopping takes away no volume and no claim on one: what an instance has of its own stays.
"""

from __future__ import annotations

from pathlib import Path

from services.instances.models import Instance, InstanceRefused, Tool
from services.instances.render import COMPOSE, KUBERNETES

Command = tuple[str, ...]

READY_SECONDS = 180
"""So long a tool waits for an instance to be well, in seconds."""

_MOST = 5  # words of a tool


def tool_of(words: Command) -> Tool:
    """Return which tool these words call: `kubectl`, or anything that ends with compose."""
    if not words:
        return Tool.OTHER
    if Path(words[0]).name == "kubectl":
        return Tool.KUBERNETES
    return Tool.COMPOSE if words[-1].endswith("compose") and len(words) <= _MOST else Tool.OTHER


def looks(words: Command) -> Command:
    """Return what says whether a tool is there, and asks nobody."""
    more = ("version",) if tool_of(words) is Tool.COMPOSE else ("version", "--client")
    return (*words, *more)


def up(
    words: Command, instance: Instance, folder: Path, secrets: Path | None
) -> tuple[Command, ...]:
    """Return what starts an instance out of the files in a folder, and waits until it is well."""
    if _of(words, instance) is Tool.COMPOSE:
        wait = ("up", "--detach", "--wait", "--wait-timeout", str(READY_SECONDS))
        return ((*_compose(words, folder, secrets), *wait),)
    rollout = ("rollout", "status", "deployment/kato", f"--timeout={READY_SECONDS}s")
    return (
        (*words, "apply", "--filename", str(folder / KUBERNETES)),
        (*words, "--namespace", instance.name, *rollout),
    )


def down(
    words: Command, instance: Instance, folder: Path, secrets: Path | None
) -> tuple[Command, ...]:
    """Return what stops an instance, and leaves what it keeps."""
    if _of(words, instance) is Tool.COMPOSE:
        return ((*_compose(words, folder, secrets), "down"),)
    scale = ("scale", "deployment", "--all", "--replicas=0")
    return ((*words, "--namespace", instance.name, *scale),)


def status(
    words: Command, instance: Instance, folder: Path, secrets: Path | None
) -> tuple[Command, ...]:
    """Return what shows the parts of an instance, and changes nothing."""
    if _of(words, instance) is Tool.COMPOSE:
        return ((*_compose(words, folder, secrets), "ps", "--all"),)
    return ((*words, "--namespace", instance.name, "get", "deployments,pods", "--output=wide"),)


def _compose(words: Command, folder: Path, secrets: Path | None) -> Command:
    given = () if secrets is None else ("--env-file", str(secrets))
    return (*words, "--file", str(folder / COMPOSE), *given)


def _of(words: Command, instance: Instance) -> Tool:
    """Return the tool of an instance, where these words call it. Raises InstanceRefused."""
    if instance.tool is Tool.OTHER:
        raise InstanceRefused(f"{instance.name} is run by somebody else, and not from here")
    if tool_of(words) is not instance.tool:
        raise InstanceRefused(
            f"{instance.name} is run by {instance.tool.value}, and KATO_TENANTS_INSTANCE_TOOL "
            "names another tool"
        )
    return instance.tool
