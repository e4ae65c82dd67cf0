"""`kato-tenants tenant create`: sets a tenant up: its name, limits, place for vectors, session.

Without `--yes` it says what it would do and changes nothing. Exit codes: 0 done, or nothing stands
against it; 1 a step was refused, failed or waits for a second person; 2 wrong arguments.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Annotated

import typer

from cli import desk
from cli.desk import load_settings
from cli.errors import EXIT_FAILED, EXIT_SETTINGS, one_line_errors
from cli.printed import aligned
from services.limits.written import most_of, quantity_of
from services.setup.advice import SOURCES, Place
from services.setup.formats import preview_json, steps_json
from services.setup.models import (
    DISTANCES,
    LARGEST_VECTOR,
    FirstSession,
    Order,
    Preview,
    SetupRefused,
    Step,
    StepState,
    Vectors,
    edit_of,
)
from services.setup.steps import run
from services.setup.words import PLACES, clash_words, fleet_words, reason_words, step_words
from services.tenancy.layout import Layout
from services.tenancy.schemes import NamingScheme
from services.visible import visible

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)


@app.callback()
def _group() -> None:
    """Tenants."""


@app.command("create")
def create_command(
    scheme: Annotated[
        str, typer.Option("--scheme", help="The naming scheme: 'tenant:{tenant}:user:{user}'.")
    ],
    values: Annotated[
        list[str], typer.Option("--set", metavar="FIELD=VALUE", help="A field of the scheme.")
    ],
    *,
    name: Annotated[str, typer.Option("--name", help="What people call it.")] = "",
    contact: Annotated[str, typer.Option("--contact", help="Whom to write to.")] = "",
    label: Annotated[
        list[str] | None, typer.Option("--label", metavar="KEY=VALUE", help="plan=gold.")
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option("--limit", metavar="MEASURE=MOST", help="patterns=100000, keys_bytes=5GB."),
    ] = None,
    vectors: Annotated[
        Place | None, typer.Option("--vectors", help="Where its vectors are to go.")
    ] = None,
    collection: Annotated[
        str, typer.Option("--collection", help="The shared collection, for shared and shard.")
    ] = "",
    size: Annotated[
        int, typer.Option("--size", min=0, max=LARGEST_VECTOR, help="The vectors' dimension.")
    ] = 0,
    distance: Annotated[str, typer.Option("--distance", help=", ".join(DISTANCES))] = DISTANCES[0],
    layout: Annotated[
        Layout, typer.Option("--layout", help="How its own collection is named.")
    ] = Layout.KATO,
    expected: Annotated[
        int | None, typer.Option("--expected", min=0, help="Points that it is likely to have.")
    ] = None,
    session: Annotated[
        bool, typer.Option("--session", help="Create the first session too.")
    ] = False,
    ttl: Annotated[int, typer.Option("--ttl", help="Its time to live, in seconds.")] = 3600,
    word: Annotated[
        str, typer.Option("--why", help="Why it may come to data that is there, or over a limit.")
    ] = "",
    again: Annotated[bool, typer.Option("--again", help="Bring back what was erased.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the documented JSON.")] = False,
) -> None:
    """Set a tenant up, step by step; doing it again goes on where it ended."""
    with one_line_errors(failed=EXIT_SETTINGS):
        named, fields = NamingScheme(scheme), dict(_pairs(values))
        order = Order(
            named, fields, dict(_limits(limit or ())),
            _vectors(vectors, collection, size, distance, layout),
            FirstSession(ttl, {}, word, again, word) if session else None,
            edit_of(named, fields, name=name, contact=contact, labels=",".join(label or ())),
            expected,
        )  # fmt: skip
    with one_line_errors(), desk.opened(load_settings()) as found:
        preview = found.setup.preview(order, found.fleet.read())
        may = preview.may_begin or all(step.state.is_over for step in preview.steps)
        steps = preview.steps
        if yes and may and not preview.refusal:
            steps = run(steps, partial(found.setup.do, order))
    typer.echo(_json(preview, steps) if as_json else _text(preview, steps))
    well = not preview.refusal and all(each.state in _WELL for each in steps)
    if not well:
        raise typer.Exit(EXIT_FAILED)


_WELL = (StepState.TO_DO, StepState.THERE, StepState.DONE)


def _pairs(texts: Iterable[str]) -> Iterator[tuple[str, str]]:
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise SetupRefused(f"{text} is not written name=value")
        yield name, value


def _limits(texts: Iterable[str]) -> Iterator[tuple[str, int]]:
    for name, value in _pairs(texts):
        most = most_of(value, quantity_of(name))
        if most is None:
            raise SetupRefused("a new tenant's limit is a number")
        yield name, most


def _vectors(
    place: Place | None, collection: str, size: int, distance: str, layout: Layout
) -> Vectors | None:
    if place is None:
        return None
    if distance not in DISTANCES:
        raise SetupRefused(f"a distance is one of {', '.join(DISTANCES)}")
    if place is Place.OWN and not size:
        raise SetupRefused("a collection of its own takes --size, its vectors' dimension")
    if place is not Place.OWN and not collection:
        raise SetupRefused("a shared collection takes --collection, its name")
    return Vectors(place, size, distance, collection, layout)


def _json(preview: Preview, steps: Sequence[Step]) -> str:
    told: Mapping[str, object] = {**preview_json(preview), "steps": steps_json(steps)}
    return json.dumps(told, indent=2)


def _text(preview: Preview, steps: Sequence[Step]) -> str:
    landing, advice = preview.landing, preview.advice
    names = str(landing.tenant), f"node_id {landing.node_id}", f"kb_id {landing.kb_id}"
    lines = ["  ".join(map(visible, names))]
    if landing.refusal:
        lines.append(f"refused: {visible(landing.refusal)}")
    if landing.warning:
        lines.append(f"note: {visible(landing.warning)}")
    for clash in preview.clashes:
        told = ", ".join(visible(str(each)) for each in (*clash.tenants, *clash.kb_ids))
        lines.append(f"{clash_words(clash)}: {told}")
    lines += [f"not looked through: {each.value} ({why})" for each, why in preview.unread.items()]
    lines.append(f"suits: {PLACES[advice.place]} ({fleet_words(advice.fleet)})")
    for reason in advice.reasons:
        source = f" {SOURCES[reason]}" if SOURCES[reason] else ""
        lines.append(f"  {reason_words(reason)}{source}")
    rows = [(each.state.value, " ".join(step_words(each)).strip(), _why(each)) for each in steps]
    shown = [tuple(map(visible, row)) for row in rows]
    return "\n".join([*lines, aligned([("STATE", "STEP", "WHY"), *shown])])


def _why(step: Step) -> str:
    if step.request:
        return f"request {step.request}"
    return "" if step.problem is None else str(step.problem)
