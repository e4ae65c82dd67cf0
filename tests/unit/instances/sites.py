"""What a deployment has that instances are made for, and wishes of any tenants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from hypothesis import strategies as st

from services.instances.models import Instance, Part, Plan, Site, Store, Stores, Tool, Wish
from services.instances.plan import plan_of
from services.tenancy.kb_ids import TenantKey

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
ACME, HOOLI = TenantKey("tenant", "acme"), TenantKey("tenant", "hooli")
SITE = Site(
    {part: f"example.com/kato/{part.value}:1.2.3" for part in Part}, 8100, 8115, "kato_net",
    "kato-stores",
    shared={
        Part.CLICKHOUSE: Store("10.0.0.5", 8123, user="default"), Part.REDIS: Store("redis", 6379),
        Part.QDRANT: Store("qdrant", 6333, secure=True),
    },
    schema="CREATE TABLE patterns_data (kb_id String);\n",
)  # fmt: skip
HOSTILE = st.text(max_size=90).filter(bool) | st.sampled_from([
    "../../etc", "a b", "$(reboot)", "${HOME}", "-rf", "é", "日本", "A" * 300, "a\x00b", "\ud800",
    "kato", "'; DROP TABLE x", "a\nb: c", "---", "!!python/object:x", "yes", "0x1F", "{{x}}",
])  # fmt: skip
TENANTS = st.builds(TenantKey, st.sampled_from(["tenant", "org", "kb"]), HOSTILE)
WISHES = st.builds(
    Wish, TENANTS, st.sampled_from([Tool.COMPOSE, Tool.KUBERNETES]), st.sampled_from(Stores),
    kb_id=st.sampled_from(["", "tenant_x"]),
)  # fmt: skip


def nobody_listens(port: int) -> bool:
    """A machine on which nothing else runs."""
    return port < 0


def planned(
    wish: Wish, known: Sequence[Instance] = (), *, site: Site = SITE,
    listens: Callable[[int], bool] = nobody_listens,
) -> Plan:  # fmt: skip
    """What a wish comes to."""
    return plan_of(wish, site, known, listens=listens, now=NOW, by="ann")
