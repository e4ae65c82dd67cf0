"""`kato-tenants instance`: a KATO for one tenant alone, planned, rendered, run and registered.

Exit codes: 0 done, 1 it could not be done (of `up` also that it does not answer; of `status` and
`list --health` that one that serves does not), or the plan has obstacles; 2 wrong settings or
arguments; 3 another process holds the embedded engines.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from cli import desk
from cli.desk import load_settings
from cli.errors import EXIT_FAILED, EXIT_SETTINGS, fail, one_line_errors
from cli.files import write_into
from cli.instances_text import listed_text, plan_text, ran_text
from services.instances.access import DeskInstances
from services.instances.formats import instance_json, listed_json, plan_json, ran_json
from services.instances.models import Ran, Resources, Stores, Tool, Vital, Wish
from services.instances.written import bytes_written, cpus_written
from services.tenancy.kb_ids import TenantKey

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)

Tenant = Annotated[str, typer.Argument(metavar="TENANT", help="A tenant, as tenant/acme.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="An instance, as `list` names it.")]
Why = Annotated[str, typer.Option("--why", help="Why; it is kept and logged.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the documented JSON.")]
ToolName = Annotated[Tool, typer.Option("--tool", help="What runs it.")]
StoresName = Annotated[
    Stores, typer.Option("--stores", help="This deployment's stores, or stores of its own.")
]
Service = Annotated[
    str, typer.Option("--service", help="Its SERVICE_NAME; else that of the KATO that all share.")
]
Cpus = Annotated[str, typer.Option("--cpus", help="Processors at most: 2, or 500m.")]
Memory = Annotated[str, typer.Option("--memory", help="Memory at most: 2Gi.")]
Workers = Annotated[int, typer.Option("--workers", help="KATO's processes.")]
Storage = Annotated[str, typer.Option("--storage", help="What each own store keeps: 20Gi.")]
KbId = Annotated[str, typer.Option("--kb-id", help="KB_ID, for what runs as the guide has it.")]


@contextmanager
def _service() -> Iterator[DeskInstances]:
    with one_line_errors(), desk.opened(load_settings()) as found:
        yield found.instances


def _wish(
    tenant: str, *, tool: Tool, stores: Stores, service: str, cpus: str, memory: str,
    workers: int, storage: str, kb_id: str, why: str = "",
) -> Wish:  # fmt: skip
    with one_line_errors(failed=EXIT_SETTINGS):
        resources = Resources(
            cpus_written(cpus), bytes_written(memory), workers, bytes_written(storage)
        )
        return Wish(TenantKey.parse(tenant), tool, stores, service, resources, why, kb_id)


@app.command("plan")
def plan_command(
    tenant: Tenant, *, tool: ToolName = Tool.COMPOSE, stores: StoresName = Stores.SHARED,
    service: Service = "", cpus: Cpus = "2", memory: Memory = "2Gi", workers: Workers = 4,
    storage: Storage = "20Gi", kb_id: KbId = "", as_json: AsJson = False,
) -> None:  # fmt: skip
    """Print what would be made for a tenant, and what stands in its way. Nothing is written."""
    wish = _wish(
        tenant, tool=tool, stores=stores, service=service, cpus=cpus, memory=memory,
        workers=workers, storage=storage, kb_id=kb_id,
    )  # fmt: skip
    with _service() as instances:
        plan = instances.plan(wish)
    typer.echo(json.dumps(plan_json(plan), indent=2) if as_json else plan_text(plan))
    if plan.obstacles:
        raise typer.Exit(EXIT_FAILED)


@app.command("render")
def render_command(
    tenant: Annotated[
        str, typer.Argument(metavar="TENANT|NAME", help="A tenant, or an instance that is kept.")
    ],
    *, out: Annotated[
        Path | None, typer.Option("--out", file_okay=False, help="The folder to write into.")
    ] = None,
    tool: ToolName = Tool.COMPOSE, stores: StoresName = Stores.SHARED, service: Service = "",
    cpus: Cpus = "2", memory: Memory = "2Gi", workers: Workers = 4, storage: Storage = "20Gi",
    kb_id: KbId = "", why: Why = "", as_json: AsJson = False,
) -> None:  # fmt: skip
    """Keep an instance as planned, with its ports, and write its files; those of one that is kept.

    Without --out the files are printed. The same instance has the same files each time.
    """
    if "/" in tenant:
        wish = _wish(
            tenant, tool=tool, stores=stores, service=service, cpus=cpus, memory=memory,
            workers=workers, storage=storage, kb_id=kb_id, why=why,
        )  # fmt: skip
        with _service() as instances:
            kept = instances.record(wish)
            files = instances.files(kept.name)
    else:
        with _service() as instances:
            files = instances.files(tenant)
            kept = next(each for each in instances.every() if each.name == tenant)
    if out is not None:
        with one_line_errors():
            write_into(out, files)
    if as_json:
        told = {**instance_json(kept), "files": dict(files) if out is None else sorted(files)}
        typer.echo(json.dumps(told, indent=2))
    elif out is not None:
        typer.echo(f"{kept.name}: {', '.join(sorted(files))} in {out}")
    else:
        for name, text in files.items():
            typer.echo(f"# {kept.name}/{name}\n{text}")


@app.command("up")
def up_command(name: Name, *, as_json: AsJson = False) -> None:
    """Start an instance by the tool that is set, and wait until its API answers.

    Without a tool nothing is run: what would be is printed.
    """
    with _service() as instances:
        instance, ran, vital = instances.up(name)
    _tell(ran, json.dumps(ran_json(instance, ran, vital), indent=2) if as_json else
          ran_text(ran, vital))  # fmt: skip
    if vital is not None and vital.version is None:
        raise typer.Exit(EXIT_FAILED)


@app.command("down")
def down_command(
    name: Name, *,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Also while sessions, jobs or a hold need it.")
    ] = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Stop an instance; what it keeps stays. Not while anybody needs it."""
    with _service() as instances:
        instance, ran = instances.down(name, anyway=anyway)
    _tell(ran, json.dumps(ran_json(instance, ran), indent=2) if as_json else ran_text(ran))


@app.command("status")
def status_command(name: Name, *, as_json: AsJson = False) -> None:
    """Print how an instance is: its API's version and state, and what its tool tells of it."""
    with _service() as instances:
        instance, ran, vital = instances.status(name)
    text = json.dumps(ran_json(instance, ran, vital), indent=2)
    typer.echo(text if as_json else f"{listed_text([instance])}\n{ran_text(ran, vital)}")
    if instance.is_serving and (vital is None or vital.version is None):
        raise typer.Exit(EXIT_FAILED)


@app.command("register")
def register_command(
    tenant: Annotated[
        str, typer.Argument(metavar="TENANT|NAME", help="An instance, or whom --url serves.")
    ],
    *, url: Annotated[str, typer.Option("--url", help="Where its API is: http://host:port.")] = "",
    service: Service = "",
    database: Annotated[str, typer.Option("--database", help="ClickHouse's that it reads.")] = "",
    name: Annotated[str, typer.Option("--name", help="What it is called.")] = "",
    beside: Annotated[
        bool, typer.Option("--beside", help="Others go on to serve its tenant too.")
    ] = False,
    why: Why = "", as_json: AsJson = False,
) -> None:  # fmt: skip
    """Have a tenant's sessions created at an instance from now on: one that is kept, or any KATO.

    A KATO that somebody else runs is registered by TENANT and --url.
    """
    if "/" in tenant:
        if not url:
            fail("say where the KATO of this tenant is: --url", EXIT_SETTINGS)
        with one_line_errors(failed=EXIT_SETTINGS):
            whom = TenantKey.parse(tenant)
        with _service() as instances:
            kept = instances.adopt(
                whom, url, name=name, service=service, database=database, why=why, beside=beside
            )
    else:
        with _service() as instances:
            kept = instances.register(tenant, why=why, url=url, beside=beside)
    typer.echo(json.dumps(instance_json(kept), indent=2) if as_json else listed_text([kept]))


@app.command("end")
def end_command(name: Name, *, why: Why = "", as_json: AsJson = False) -> None:
    """Have no more sessions created at an instance: the KATO that all share serves its tenant."""
    with _service() as instances:
        kept = instances.end(name, why=why)
    typer.echo(json.dumps(instance_json(kept), indent=2) if as_json else listed_text([kept]))


@app.command("forget")
def forget_command(
    name: Name, *,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Also if it is known by it whose kb_ids are.")
    ] = False,
) -> None:  # fmt: skip
    """Keep nothing more of an instance that does not serve: its ports are free."""
    with _service() as instances:
        instances.forget(name, anyway=anyway)
    typer.echo(f"{name} is forgotten")


@app.command("list")
def list_command(
    *, tenant: Annotated[str, typer.Option("--tenant", help="Of one tenant alone.")] = "",
    health: Annotated[bool, typer.Option("--health", help="Ask each how it is.")] = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Print which KATO serves which tenant. A tenant that is not there has the one all share."""
    with _service() as instances:
        found = [e for e in instances.every() if tenant in ("", str(e.tenant))]
        vitals = instances.vitals(each.name for each in found) if health else {}
    typer.echo(json.dumps(listed_json(found, vitals), indent=2) if as_json else
               listed_text(found, vitals if health else None))  # fmt: skip
    unknown = Vital()
    if health and any(e.is_serving and vitals.get(e.name, unknown).version is None for e in found):
        raise typer.Exit(EXIT_FAILED)


def _tell(ran: tuple[Ran, ...], text: str) -> None:
    """Print what was run; end with 1 where something failed."""
    typer.echo(text)
    if any(each.failed for each in ran):
        raise typer.Exit(EXIT_FAILED)
