"""`kato-tenants unpark`: a parked tenant comes back out of its archive.

Exit codes: 0 done, 1 it could not be done or not all is as in the archive, 2 wrong settings or
arguments, 3 the embedded engines are in use by another process.
"""

from __future__ import annotations

import typer

from cli import desk
from cli.desk import load_settings
from cli.errors import EXIT_SETTINGS, fail, one_line_errors
from cli.parking import AsJson, GiveUp, Name, Reason, Resume, ended, shown
from services.restore.models import Outcome
from services.tenancy.kb_ids import TenantKey

app = typer.Typer(add_completion=False)


@app.command("unpark")
def unpark_command(
    tenant: Name = "",
    *,
    reason: Reason = "asked for",
    resume: Resume = "",
    give_up: GiveUp = "",
    as_json: AsJson = False,
) -> None:
    """Bring a parked tenant back: its archive is written back and proven, and stays."""
    if sum((bool(tenant), bool(resume), bool(give_up))) != 1:
        fail("name a tenant, or give --resume or --give-up", EXIT_SETTINGS)
    with one_line_errors(), desk.opened(load_settings()) as found:
        parking = found.parking
        if give_up:
            parking.abandon(give_up)
            shown(parking.job(give_up), as_json=as_json)
            return
        if resume:
            parking.resume(resume)
        job = resume or parking.unpark(TenantKey.parse(tenant), reason=reason).id
        ended(parking.run_here(job), as_json=as_json, well=Outcome.RESTORED)
