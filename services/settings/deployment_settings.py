"""What the settings of each deployment of one dashboard come to.

A deployment has what its own table says, then what the environment says for all of them. Which
stores it has, and where its own records are, it never shares with another.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pydantic import ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from services.errors import SettingsError
from services.settings.deployments import Declared, declared_in
from services.settings.environment import Settings, load_settings
from services.settings.sign_in import DEPLOYMENTS, SignInSettings
from services.settings.variables import FILE, Variables, at_fault, file_variables

_COLOR = "KATO_TENANTS_DEPLOYMENT_COLOR"
DATA, STATE, SCHEMA = "KATO_TENANTS_DATA", "KATO_TENANTS_STATE_URL", "KATO_TENANTS_STATE_SCHEMA"
_FOLDER = "deployments"
_ROLES = frozenset({"KATO_TENANTS_ROLES", "KATO_TENANTS_DEFAULT_ROLE"})
_TENANTS = frozenset({"KATO_TENANTS_TENANTS_CLAIM", "KATO_TENANTS_TENANTS",
                      "KATO_TENANTS_DEFAULT_TENANTS"})  # fmt: skip
_OWN_SIGN_IN = _ROLES | _TENANTS | {
    "KATO_TENANTS_ROLE_CLAIM", "KATO_TENANTS_READ_ONLY", "KATO_TENANTS_TWO_PERSONS",
    "KATO_TENANTS_APPROVAL_HOURS", "KATO_TENANTS_FORWARD_TOKEN", "KATO_TENANTS_METRICS_TENANTS",
}  # fmt: skip
"""What of signing in a deployment may say for itself: who may do what there."""

_OWN = frozenset({
    "KATO_API_URL", "KATO_TENANTS_DEPLOYMENT", _COLOR,
    "KATO_TENANTS_HISTORY_URL", "KATO_TENANTS_ANCHOR_FILE", "KATO_TENANTS_ANCHOR_URL", SCHEMA,
})  # fmt: skip
_OWN_BEGIN = ("CLICKHOUSE_", "REDIS_", "QDRANT_")


class Elsewhere(Settings):
    """The same settings, of which this process' environment says nothing by itself."""

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource,
        *others: PydanticBaseSettingsSource, **more: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:  # fmt: skip
        """Take what is handed in."""
        del settings_cls, others, more
        return (init_settings,)

    @classmethod
    def of(cls, variables: Mapping[str, str]) -> Settings:
        """Read variables. Raises SettingsError, which names the first at fault."""
        try:
            return cls(**Variables(Settings, variables)())
        except ValidationError as exc:
            raise at_fault(exc) from None


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment: its settings, or why it has none.

    `door` are those by which people come in, where these can be read though others cannot: who is
    not let in is told nothing of it, nor that it fails.
    """

    name: str
    color: str
    labels: Mapping[str, str] = field(default_factory=dict)
    settings: Settings | None = None
    problem: str = ""
    door: Settings | None = None


def deployments_of(
    here: Settings, environment: Mapping[str, str] = os.environ
) -> tuple[Deployment, ...]:
    """Read every deployment that the file names; `here` are the settings of the environment.

    A deployment whose settings are wrong says so, and leaves the others as they are. Raises
    SettingsError where no deployment can be told, and for a store that is set in the environment.
    """
    if here.deployments is None:
        raise SettingsError(DEPLOYMENTS, "not set")
    if shared := next(filter(environment.get, sorted(_own_variables())), None):
        reason = f"set, and so is {DEPLOYMENTS}: each deployment in that has its own"
        raise SettingsError(shared, reason)
    found: list[Deployment] = []
    for each in declared_in(here.deployments):
        found.append(_deployment(here, each, environment, found))
    return tuple(found)


def deployment_of(name: str) -> Deployment | None:
    """Read one deployment of this process' file, None where it has none of this name."""
    return next((each for each in deployments_of(load_settings()) if each.name == name), None)


def _deployment(
    here: Settings, declared: Declared, environment: Mapping[str, str], before: Iterable[Deployment]
) -> Deployment:
    about = (declared.name, declared.color, declared.labels)
    given = _given(declared, environment)
    try:
        _check(declared)
        settings = _placed(here, Elsewhere.of(given), own=declared.variables)
        for other in before:
            if other.settings is not None:
                _check_apart(settings, other.name, other.settings)
    except SettingsError as exc:
        return Deployment(*about, problem=str(exc), door=_door(given))
    return Deployment(*about, settings=settings, door=settings)


def _given(declared: Declared, environment: Mapping[str, str]) -> dict[str, str]:
    """Return what a deployment says, and what the environment says for all and it does not."""
    own = {variable: text for variable, text in declared.variables.items() if text}
    name = {"KATO_TENANTS_DEPLOYMENT": declared.name, _COLOR: declared.color}
    return {**_common(own, environment), **own, **name}


def _placed(here: Settings, found: Settings, *, own: Mapping[str, str]) -> Settings:
    """Give a deployment places of its own for what it keeps, where its settings name none."""
    ours: dict[str, Any] = {"read_only": found.read_only or here.read_only}
    if DATA not in own:
        ours["data"] = here.data / _FOLDER / found.deployment
    if here.state_url is not None and found.state_url == here.state_url and not found.state_schema:
        if here.state_url.get_secret_value().startswith("sqlite"):
            raise SettingsError(STATE, f"is one file for all deployments: set {DATA} in its place")
        ours["state_schema"] = f"kato_tenants_{found.deployment}"
    return found.model_copy(update=ours)


def _door(given: Mapping[str, str]) -> Settings | None:
    """Return the settings by which people come in, None where these are wrong too."""
    named = {str(field.alias) for field in SignInSettings.model_fields.values()} | {_COLOR}
    try:
        return Elsewhere.of({
            each: text for each, text in given.items() if _bare(each) in named
        })  # fmt: skip
    except SettingsError:
        return None


def _common(own: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """Return what the environment says for all deployments, and this one does not for itself.

    Who says for itself who may come in, or which tenants they see, takes none of that from there.
    """
    said = {_bare(variable) for variable in own}
    for group in (_ROLES, _TENANTS):
        if said & group:
            said |= group
    left = _variables() - _own_variables()
    return {
        variable: environment[variable] for variable in left
        if variable in environment and _bare(variable) not in said
    }  # fmt: skip


def _check(declared: Declared) -> None:
    """Raise SettingsError for what cannot be read of it, and for what is no setting of it."""
    if declared.problem:
        raise SettingsError(DEPLOYMENTS, declared.problem)
    for variable in declared.variables:
        if variable not in _variables():
            raise SettingsError(DEPLOYMENTS, f"{variable[:60]} is no setting")
        if _bare(variable) in _of_the_process():
            raise SettingsError(variable, "is of the whole dashboard: set it in the environment")


def _check_apart(one: Settings, name: str, other: Settings) -> None:
    """Raise SettingsError where two deployments would keep what they know in one place."""
    places = {
        STATE: ("state_url", "state_schema"), "KATO_TENANTS_HISTORY_URL": ("history_url",),
        "KATO_TENANTS_ANCHOR_FILE": ("anchor_file",), DATA: ("data",),
    }  # fmt: skip
    for variable, fields in places.items():
        mine, theirs = ([getattr(each, field) for field in fields] for each in (one, other))
        if mine == theirs and mine[0] is not None:
            raise SettingsError(variable, f"is that of {name} too: nothing of them is to mix")
    if one.embedded and other.embedded:
        reason = f"not set, nor another store; {name} has the embedded engines of this process"
        raise SettingsError("CLICKHOUSE_HOST", reason)


def _variables() -> frozenset[str]:
    """Name every variable that there is, with those that name a secret's file."""
    return _named() | frozenset(file_variables(Settings))


@cache
def _named() -> frozenset[str]:
    return frozenset(str(field.alias) for field in Settings.model_fields.values())


def _bare(variable: str) -> str:
    """Return which variable is meant, where its secret's file is named."""
    return variable if variable in _named() else variable.removesuffix(FILE)


def _own_variables() -> frozenset[str]:
    """Name what only a deployment has: its stores, its name, and what none shares with another."""
    return frozenset(
        variable for variable in _variables()
        if variable.startswith(_OWN_BEGIN) or _bare(variable) in _OWN
    )  # fmt: skip


def _of_the_process() -> frozenset[str]:
    """Name what is of the whole dashboard: who may sign in, and how it is reached."""
    signing_in = {str(field.alias) for field in SignInSettings.model_fields.values()}
    ours = {"KATO_TENANTS_URL", "KATO_TENANTS_DEPLOYMENT", _COLOR}
    return frozenset((signing_in - _OWN_SIGN_IN) | ours)
