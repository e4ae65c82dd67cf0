"""Cards of the sample fleet's named tenants, made up. Pure."""

from __future__ import annotations

from services.cards.models import Edit
from services.tenancy.kb_ids import TenantKey

BY = "sample data"
HELD, WHY = TenantKey("org", "northwind"), "Sample: a lawsuit, made up"


def _edit(tenant: str, name: str, plan: str, region: str, contact: str = "") -> Edit:
    return Edit(TenantKey.written(tenant), name, contact, labels={"plan": plan, "region": region})


EDITS = (
    _edit("tenant/globex", "Globex Retail", "gold", "us", "platform@globex.example"),
    _edit("tenant/acme-corp", "Acme Corp", "gold", "eu", "it@acme-corp.example"),
    _edit("tenant/acme_corp", "Acme Corp (old account)", "free", "eu"),
    _edit("tenant/acme", "Acme Trading", "silver", "eu"),
    _edit("org/bigco", "BigCo", "gold", "us", "ops@bigco.example"),
    _edit("tenant/hooli", "Hooli", "silver", "us"),
    _edit("tenant/initech", "Initech", "free", "us"),
    _edit("tenant/umbrella", "Umbrella Research", "silver", "eu"),
    _edit("tenant/O'Brien & Söhne", "O'Brien & Söhne GmbH", "silver", "eu"),
    _edit("tenant/stark-industries", "Stark Industries", "gold", "us"),
    _edit(str(HELD), "Northwind Traders", "free", "eu", "legal@northwind.example"),
)
