"""Addresses in settings: what a client would read in a way that nobody meant is refused."""

from __future__ import annotations

import pytest

from services.errors import SettingsError
from services.settings.environment import load_settings
from services.settings.redact import in_force

SECRET = "hunter2"
WRONG = {
    ("REDIS_URL", "redis://h/kato"): "a database's number",
    ("REDIS_URL", "redis://h/1/2"): "a database's number",
    ("REDIS_URL", "redis://h/0/"): "a database's number",
    ("REDIS_URL", "redis://h?db=kato"): "?db=0",
    ("REDIS_URL", "redis://h?hunter2=1"): "no option of a connection",
    ("REDIS_URL", "redis://"): "has no host",
    ("REDIS_URL", "redis:///0"): "has no host",
    ("REDIS_URL", "redis://h:port"): "has no host",
    ("REDIS_URL", "redis://h:70000"): "from 1 to 65535",
    ("REDIS_URL", "redis://:hunter2#x@h"): "percent-encoded: @ as %40",
    ("REDIS_URL", "redis://:hunter2/x@h:6379"): "percent-encoded",
    ("REDIS_URL", "redis://me:12/hunter2@h"): "percent-encoded",
    ("REDIS_URL", "redis://:hunter2?x@h"): "percent-encoded",
    ("REDIS_URL", "redis://:hunter2@x@h"): "percent-encoded",
    ("REDIS_URL", "redis://:hunter2%x@h"): "percent-encoded",
    ("REDIS_URL", "redis://:hunter2 x@h"): "blank inside",
    ("REDIS_URL", "redis://[::1"): "redis://user:password@host:6379/0",
    ("REDIS_URL", "unix://run/redis.sock"): "unix:///run/redis.sock",
    ("REDIS_URL", "h:6379"): "has to begin with redis:// or rediss://",
    ("REDIS_URL", "redis+custer://h:6379"): "has to begin with redis+cluster:// or redis+sentinel",
    ("REDIS_URL", "redis+cluster://"): "redis+cluster://user:password@host:6379",
    ("REDIS_URL", "redis+cluster://h:1,"): "has no host",
    ("REDIS_URL", "redis+cluster://h:1,g:x"): "has no host",
    ("REDIS_URL", "redis+cluster://h:1/3"): "a cluster's keys are in database 0",
    ("REDIS_URL", "redis+cluster://h?db=0"): "no option of a connection",
    ("REDIS_URL", "redis+cluster://u:hunter2@x@h:1,g:2"): "percent-encoded",
    ("REDIS_URL", "redis+sentinel://h:26379"): "the primary's name",
    ("REDIS_URL", "redis+sentinel://h:26379/name/x"): "the primary's name",
    ("REDIS_URL", "redis+sentinel://h/name?sentinel=hunter2"): "no option of a connection",
    ("CLICKHOUSE_HOST", "http://h:8123"): "CLICKHOUSE_PORT",
    ("CLICKHOUSE_HOST", "https://h"): "CLICKHOUSE_SECURE=true",
    ("CLICKHOUSE_HOST", "h:8123"): "CLICKHOUSE_PORT",
    ("CLICKHOUSE_HOST", "a b"): "a host's name alone",
    ("CLICKHOUSE_HOST", "a..b"): "a host's name alone",
    ("QDRANT_HOST", "http://q:6333"): "QDRANT_URL",
    ("QDRANT_HOST", "q:6333"): "QDRANT_PORT",
    ("QDRANT_URL", "q:6333"): "as http://qdrant:6333",
    ("QDRANT_URL", "http://:hunter2/@q"): "percent-encoded",
    ("QDRANT_API_KEY", "hunter2\nhunter3"): "one line of ASCII",
    ("KATO_API_URL", "http://kato:8000/sessions"): "without a path, as http://kato:8000",
    ("KATO_API_URL", "http://kato:8000?x=1"): "without a path",
    ("KATO_API_URL", "http://kato:8000/hunter2@x"): "percent-encoded",
    ("KATO_API_URL", "http://"): "has no host",
    ("KATO_TENANTS_ANCHOR_URL", "https://"): "https://log.example.com/anchors",
    ("KATO_TENANTS_HISTORY_URL", "clickhouse://h/x"): "has to begin with http:// or https://",
    ("KATO_TENANTS_HISTORY_URL", "http://h"): "its path is a database's name",
    ("KATO_TENANTS_HISTORY_URL", "http://h/a/b"): "its path is a database's name",
    ("KATO_TENANTS_HISTORY_URL", "http://h/a%2Fb"): "its path is a database's name",
    ("KATO_TENANTS_HISTORY_URL", "http://h/x?hunter2=1"): "its path is a database's name",
    ("KATO_TENANTS_HISTORY_URL", "http://h/default"): "a database of its own",
    ("KATO_TENANTS_HISTORY_URL", "http://:hunter2/@h/x"): "percent-encoded",
}
RIGHT = {
    "REDIS_URL": [
        "redis://h", "redis://h/", "redis://h:6379/15", "redis://:p%40%2F@h/0", "rediss://u:p:q@h",
        "redis://[::1]:6379/0", "redis://h?db=3", "rediss://h?ssl_cert_reqs=none",
        "unix:///run/redis.sock?db=1", "unix://:pw@/run/redis.sock", " redis://h/1\r\n",
        "redis+cluster://u:p%40@h:1,[::1]:2,g/0", "rediss+cluster://h?ssl_cert_reqs=none",
        "redis+sentinel://h,g:2/name?sentinel_password=x", "rediss+sentinel://:p@h/name/3",
    ],
    "CLICKHOUSE_HOST": ["clickhouse", "10.0.0.1", "db_1.example.com.", "::1", "[::1]", "h\n"],
    "QDRANT_HOST": ["qdrant", "my_qdrant-1", "fd00::1"],
    "QDRANT_URL": ["http://q:6333", "https://key@q/qdrant/?x=1", "http://[::1]:6333\n"],
    "KATO_API_URL": ["http://kato:8000", "http://kato:8000/", "https://u:p%23@kato"],
    "KATO_TENANTS_ANCHOR_URL": ["https://h/p?mail=a@b"],
    "KATO_TENANTS_HISTORY_URL": ["http://h/usage", "https://u:p%2F%40@[::1]:8443/kato_usage\n"],
}  # fmt: skip


def test_a_wrong_form_is_refused_with_the_right_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for (variable, value), says in WRONG.items():
        with monkeypatch.context() as patch:
            patch.setenv(variable, value)
            with pytest.raises(SettingsError) as caught:
                load_settings()
        line = str(caught.value)
        assert line.startswith(f"{variable}: "), value
        assert says in line, value
        assert "\n" not in line
        assert SECRET not in line, value


def test_a_right_form_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the blanks and line ends that files bring."""
    for variable, values in RIGHT.items():
        for value in values:
            with monkeypatch.context() as patch:
                patch.setenv(variable, value)
                found = in_force(load_settings())[variable].value
            assert found == found.strip() != ""


@pytest.mark.parametrize(
    ("host", "database", "url"),
    [
        ("ch", "kato", "http://ch:8123/kato"),
        ("CH.", "mine", "https://u:p@ch:8443/mine"),  # another port of one server
        ("ch", "mine", "http://ch/kato"),  # where KATO 3.10.1 writes whatever is set
        ("localhost", "mine", "http://127.0.0.1/mine"),
        ("::1", "mine", "http://[::1]/mine"),
    ],
)
def test_katos_own_database_is_no_place_for_usage_over_time(
    monkeypatch: pytest.MonkeyPatch, host: str, database: str, url: str
) -> None:
    """Its tables, its grants and its purges are about tenants' data."""
    monkeypatch.setenv("CLICKHOUSE_HOST", host)
    monkeypatch.setenv("CLICKHOUSE_DB", database)
    monkeypatch.setenv("KATO_TENANTS_HISTORY_URL", url)
    with pytest.raises(SettingsError, match="KATO_TENANTS_HISTORY_URL: is KATO's own database"):
        load_settings()
    monkeypatch.setenv("KATO_TENANTS_HISTORY_URL", "http://ch/other")
    assert load_settings().history_url is not None
