"""Instances of two tenants, a plan of one and what came of running it, in which zed is named."""

from __future__ import annotations

from datetime import UTC, datetime

from services.errors import StoreUnavailable
from services.instances.models import Instance, Part, Plan, Ran, State, Tool, Vital
from services.tenancy.kb_ids import TenantKey

AT = datetime(2026, 11, 1, tzinfo=UTC)
ACME, ZED = TenantKey("tenant", "acme"), TenantKey("tenant", "zed")
NAME, OTHERS = "kato-one", "kato-two"


def _instance(tenant: TenantKey, name: str) -> Instance:
    return Instance(
        name, tenant, State.SERVING, f"http://{name}:8000", "kato", "kato", AT, "zed-admin",
        f"since {ZED} asked", Tool.COMPOSE, images={Part.KATO: "kato:1"}, ports={Part.KATO: 8100},
    )  # fmt: skip


SERVED = (_instance(ACME, NAME), _instance(ZED, OTHERS))
PLANNED = Plan(SERVED[0], busy=(8101,))
DOWN = StoreUnavailable("kato", "asking how it is", f"{ZED} is in the way").problem
VITALS = {NAME: Vital(None, None, str(ZED), DOWN), OTHERS: Vital("3.10.1", 0.1, "kato: healthy")}
RAN = (Ran(("docker", "compose", "up"), 0, "well"),)
