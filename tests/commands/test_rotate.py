"""`kato-tenants rotate-keys`, in a process of its own."""

from __future__ import annotations

import json

import redis
from cryptography.fernet import Fernet

from services.settings.encryption import Encryption
from tests.servers.deployment import Deployment
from tests.servers.forked import run

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))


def test_it_reports_what_it_did_and_exits_by_it(kato: Deployment, valkey: redis.Redis) -> None:
    """0 when everything is on the first key, 1 when something could not be, 2 for a wrong key."""
    token = Encryption([OLD]).encrypt({"pin": "hunter2"})
    content = {"node_id": "user:x", "metadata": {"encrypted_data": token}}
    valkey.set("kato:session:session-x", json.dumps(content), ex=900)
    lost = run("rotate-keys", **kato.environment, KATO_TENANTS_METADATA_KEYS=NEW)
    assert lost.returncode == 1
    assert "could not be re-encrypted: 1" in lost.stdout
    assert "'kato:session:session-x': no key in KATO_TENANTS_METADATA_KEYS fits" in lost.stdout
    done = run("rotate-keys", **kato.environment, KATO_TENANTS_METADATA_KEYS=f"{NEW},{OLD}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[0] == "re-encrypted: 1"
    stored = json.loads(valkey.get("kato:session:session-x") or b"")["metadata"]["encrypted_data"]
    assert Encryption([NEW]).decrypt(stored) == {"pin": "hunter2"}
    wrong = run("rotate-keys", **kato.environment, KATO_TENANTS_METADATA_KEYS="hunter2")
    assert (wrong.returncode, len(wrong.stderr.splitlines())) == (2, 1)
    assert wrong.stderr.startswith("kato-tenants: KATO_TENANTS_METADATA_KEYS: ")
    said = "".join(one.stdout + one.stderr for one in (lost, done, wrong))
    assert not any(secret in said for secret in ("hunter2", NEW, OLD, token))


def test_without_a_key_or_a_redis_it_says_so(kato: Deployment) -> None:
    """One line each, exit 1."""
    bare = run("rotate-keys", **kato.environment)
    assert (bare.returncode, len(bare.stderr.splitlines())) == (1, 1)
    assert "set KATO_TENANTS_METADATA_KEYS" in bare.stderr
    kato.fail("redis", "down")
    down = run("rotate-keys", **kato.environment, KATO_TENANTS_METADATA_KEYS=NEW)
    assert (down.returncode, len(down.stderr.splitlines())) == (1, 1)
    assert "Redis did not answer" in down.stderr
