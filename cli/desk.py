"""The desk that commands use: whoever has the shell, as an admin, decided and logged as anybody.

With several deployments it is that of the one which `--deployment NAME` says, wherever that stands.

What opens stores is imported when it is used: drivers take seconds, and most of `run` needs none.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import closing, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Annotated

import typer

from services.access.viewer import COMMAND, Role, Viewer
from services.errors import SettingsError
from services.settings import environment
from services.settings.environment import Settings
from services.settings.sign_in import DEPLOYMENTS

if TYPE_CHECKING:
    from services.desk import Desk
    from services.wiring.alone import Alone

OPTION = "--deployment"

_chosen: ContextVar[str] = ContextVar("deployment", default="")

Named = Annotated[
    str, typer.Option(OPTION, help=f"Which one, where {DEPLOYMENTS} names several.")
]  # fmt: skip


def choose(name: str) -> None:
    """Note which deployment the command is of; empty where none was named."""
    _chosen.set(name)


def to_the_front(arguments: list[str]) -> list[str]:
    """Return the arguments with the option first: it is the whole program's, not a command's."""
    ours, others, ends = [], [], False
    left = iter(arguments)
    for word in left:
        ends = ends or word == "--"
        if ends or not (word == OPTION or word.startswith(f"{OPTION}=")):
            others.append(word)
        elif word == OPTION:
            ours += [word, *([following] if (following := next(left, None)) is not None else [])]
        else:
            ours.append(word)
    return [*ours, *others]


def load_settings() -> Settings:
    """Return the settings of the deployment that was named, or of the only one.

    Raises SettingsError, which lists the names where there are several and none was named.
    """
    here, name = environment.load_settings(), _chosen.get()
    if here.deployments is None:
        if name and name != here.deployment:
            raise SettingsError(DEPLOYMENTS, f"not set: no deployment is called {name}")
        return here
    from services.settings.deployment_settings import deployments_of  # noqa: PLC0415  for few

    found = {each.name: each for each in deployments_of(here)}
    if not name and len(found) > 1:
        raise SettingsError(DEPLOYMENTS, f"names several: add {OPTION} {' | '.join(found)}")
    one = found.get(name) if name else next(iter(found.values()))
    if one is None:
        raise SettingsError(DEPLOYMENTS, f"has no {name}: it names {', '.join(found)}")
    if one.settings is None:
        raise SettingsError(DEPLOYMENTS, f"{one.name} has no settings: {one.problem}")
    return one.settings


def viewer() -> Viewer:
    """Return who uses this shell, as the log names them: `cli/ann`."""
    try:  # not getpass: whoever may set LOGNAME would be whom they like
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user may have no name
        name = str(os.getuid())
    return Viewer(f"{COMMAND}{name}", Role.ADMIN)


@contextmanager
def opened(settings: Settings) -> Iterator[Desk]:
    """Give the desk, with every store and engine. Raises what `bootstrap.build` raises."""
    from services import bootstrap  # noqa: PLC0415  takes seconds
    from services.desk import Desk  # noqa: PLC0415  as above

    with closing(bootstrap.build(settings)) as services:
        yield Desk(services, viewer)


@contextmanager
def opened_alone(settings: Settings) -> Iterator[Alone]:
    """Give the gate and the log, with no store and no engine. Raises SettingsError, StoreError."""
    from services.wiring.alone import alone  # noqa: PLC0415  as above

    with alone(settings, viewer) as found:
        yield found
