"""Erasing keys from a real Redis, as a user who may do just what it takes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from services.errors import StoreDenied
from tests.engines.erasing import MINE, silent, surface_of
from tests.engines.redis.keys import restore_capture
from tests.engines.redis.test_erasing import INDEX, NODE, is_bob, prints, session
from tests.engines.redis.test_rights import FEW, user
from tests.servers import redis_server

LEAST = ("~*", *(f"+{name}" for name in FEW if name != "client|no-touch"))
"""Redis 7.0 has no CLIENT NO-TOUCH, and no rule that names it: a purge does without."""


@pytest.fixture(params=redis_server.PROGRAMS, scope="module")
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[redis.Redis]:
    with redis_server.running(tmp_path_factory.mktemp("redis"), request.param) as client:
        yield client


@pytest.fixture
def client(server: redis.Redis) -> redis.Redis:
    """A client of an empty server."""
    server.flushall()
    return server


def test_it_is_redis(client: redis.Redis, request: pytest.FixtureRequest) -> None:
    """A guard of this file's own fixture."""
    found = client.info("server")
    assert "valkey_version" not in found
    version = str(found["redis_version"]).partition(".")[0]
    assert int(version) >= 7
    assert version == "8" or "redis_8" not in request.node.name


def test_the_target_goes_and_nothing_else(client: redis.Redis) -> None:
    """Surveyed, looked at, erased, swept: what came meanwhile goes too, the rest stays."""
    restore_capture(client)
    session(client, b"session-late", NODE)
    before, surface = prints(client), surface_of(MINE)
    own = {key for key in before if key.startswith(f"{MINE}:".encode())}
    with user(client, *LEAST) as erasing:
        assert erasing.rights() == ()
        survey = erasing.survey(MINE.__eq__)
        assert survey.kb_ids[MINE] == len(own)
        sessions = erasing.sessions(surface, is_bob, survey)
        assert "session-late" in sessions
        assert set(sessions.values()) == {NODE}
        assert erasing.look(surface, is_bob, survey).items
        assert prints(client) == before
        erasing.erase_sessions(surface, is_bob, survey)
        erasing.erase(surface, is_bob, silent, survey)
        client.set(f"{MINE}:frequency:late", 1)
        (late,) = erasing.sweep(surface, is_bob, silent).items
        assert (late.owner, late.kind, late.count) == (MINE, "frequency", 1)
        assert erasing.look(surface, is_bob).items == ()
    after = prints(client)
    assert own.isdisjoint(after)
    gone = before.keys() - after.keys()
    assert after == {key: value for key, value in before.items() if key not in gone}
    ids = tuple(each.encode() for each in sessions)
    assert all(key in own or key.endswith(ids) or NODE.encode() in key for key in gone)
    assert INDEX + b"/session-late" in gone


@pytest.mark.parametrize("lacks", [None, "unlink", "srem", "scan", "get", "watch", "exec"])
def test_rights_are_as_the_server_itself_says(client: redis.Redis, lacks: str | None) -> None:
    """What ACL DRYRUN answers; and nothing is done to find out."""
    restore_capture(client)
    before = prints(client)
    calls = {
        "unlink": (f"{MINE}:x",), "srem": (INDEX, "x"), "scan": ("0",), "get": (f"{MINE}:x",),
        "watch": (f"{MINE}:x",), "exec": (),
    }  # fmt: skip
    with user(client, *LEAST, *([f"-{lacks}"] if lacks else [])) as erasing:
        found = erasing.rights()
        said = {text.removeprefix("its user may not use ").partition(" ")[0] for text in found}
        refused = {
            name.upper()
            for name, arguments in calls.items()
            if client.acl_dryrun("somebody", name, *arguments) not in (b"OK", "OK")
        }
        assert refused == ({lacks.upper()} if lacks else set())
        assert said >= refused
        assert bool(said) is bool(refused)
        if lacks == "unlink":
            with pytest.raises(StoreDenied):
                erasing.erase(surface_of(MINE), is_bob, silent)
    assert prints(client) == before
