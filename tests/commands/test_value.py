"""`kato-tenants value`: a key's whole value, as it is stored, for whoever may see the key."""

from __future__ import annotations

import json

import redis

from tests.servers.deployment import Deployment
from tests.servers.forked import run


def test_a_value_is_written_whole(kato: Deployment, valkey: redis.Redis) -> None:
    """More of it than a page shows; not of another tenant's key, and not above the limit."""
    here = {**kato.environment}
    valkey.set("tenant_acme_user_bob_kato:big:x", "0123456789" * 20_000)
    valkey.rpush("tenant_acme_user_bob_kato:list:x", *range(1000))
    text = run("value", "tenant/acme", "tenant_acme_user_bob_kato:big:x", **here)
    assert (text.returncode, text.stdout) == (0, "0123456789" * 20_000)
    lines = run("value", "tenant/acme", "tenant_acme_user_bob_kato:list:x", **here).stdout
    assert [json.loads(line) for line in lines.splitlines()] == [str(at) for at in range(1000)]
    strange = run("value", "tenant/acme", "tenant_third_kato:x", **here)
    assert (strange.returncode, strange.stdout) == (1, "")
    assert "is not of tenant/acme" in strange.stderr
    here["KATO_TENANTS_VALUE_BYTES"] = "1000"
    large = run("value", "tenant/acme", "tenant_acme_user_bob_kato:big:x", **here)
    assert (large.returncode, large.stdout) == (1, "")
    assert "above 1,000 bytes (KATO_TENANTS_VALUE_BYTES)" in large.stderr
