"""The stand-in for KATO's session API, held against what a real KATO 3.10.1 answered."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import redis

from services.embedded.kato.server import StandInServer
from services.errors import StoreRejected
from services.stores.kato.api import KatoApi
from services.stores.kato.connect import client_at
from services.usage.readings import ProcessorReading
from tests.conftest import capture_rows

EXCHANGES = capture_rows("kato_http.jsonl")


@pytest.fixture
def standin(valkey: redis.Redis) -> Iterator[StandInServer]:
    """The stand-in over an empty Valkey."""
    server = StandInServer(valkey)
    yield server
    server.close()


@pytest.fixture
def http(standin: StandInServer) -> Iterator[httpx.Client]:
    """A client on a real socket."""
    with httpx.Client(base_url=standin.url, timeout=60, trust_env=False) as client:
        yield client


def shape(value: Any) -> Any:
    """What a JSON value is made of: keys, types, and the shapes that a list holds."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return sorted({json.dumps(shape(inner), sort_keys=True) for inner in value})
    return type(value).__name__


def send(http: httpx.Client, exchange: dict[str, Any], path: str) -> httpx.Response:
    """Send a recorded request; one that was recorded as text is sent as it is."""
    request = exchange["request"]
    content = request if isinstance(request, str) or request is None else json.dumps(request)
    headers = {} if request is None else {"content-type": "application/json"}
    return http.request(exchange["method"], path, content=content, headers=headers)


def restore_sessions(valkey: redis.Redis) -> None:
    """Put the recorded sessions in place, so that there are nodes in use to tell of."""
    for row in capture_rows("redis.jsonl"):
        if row["key"].startswith("kato:session:session-"):
            valkey.set(row["key"], row["value"], px=row["pttl"])
        elif row["key"] == "kato:session:_active_index":
            valkey.sadd(row["key"], *row["value"])


def test_every_recorded_exchange_is_answered_with_the_same_status_and_shape(
    http: httpx.Client, valkey: redis.Redis
) -> None:
    """The stand-in can be told from a real KATO only by what it says of itself."""
    restore_sessions(valkey)
    ids: dict[str, str] = {}
    for number, exchange in enumerate(EXCHANGES, start=1):
        path = re.sub(r"session-[0-9a-f]{32}-\d+", lambda m: ids[m[0]], exchange["path"])
        answer = send(http, exchange, path)
        expected = exchange["response"]
        where = f"exchange {number}: {exchange['method']} {exchange['path']}"
        assert answer.status_code == exchange["status"], where
        assert answer.headers["content-type"] == exchange["content_type"], where
        if isinstance(expected, str):
            assert answer.text == expected, where
            continue
        assert shape(answer.json()) == shape(expected), where
        if exchange["method"] == "POST" and "node_id" in expected:
            ids[expected["session_id"]] = answer.json()["session_id"]


def test_the_replay_covers_every_kind_of_answer() -> None:
    """The recording holds successes, both 404s, and the odd failures."""
    assert {exchange["status"] for exchange in EXCHANGES} == {200, 400, 404, 405, 422, 500}
    assert len(EXCHANGES) == 60


@pytest.mark.parametrize("exchange", [e for e in EXCHANGES if e["status"] in (400, 404, 405, 422)])
def test_a_refusal_is_the_recorded_one_word_for_word(
    http: httpx.Client, exchange: dict[str, Any]
) -> None:
    """Where a recorded refusal names no session of its own, the body is the same."""
    path = exchange["path"]
    if "session-" in path:
        session = http.post("/sessions", json={"node_id": "x"}).json()["session_id"]
        path = re.sub(r"session-[0-9a-f]{32}-\d+", session, path)
        if exchange["status"] == 404:
            http.delete(f"/sessions/{session}")
            exchange = json.loads(re.sub(r"session-[0-9a-f]{32}-\d+", session, str_of(exchange)))
    assert send(http, exchange, path).json() == exchange["response"]


def str_of(exchange: dict[str, Any]) -> str:
    """An exchange as JSON."""
    return json.dumps(exchange)


def test_a_session_is_stored_as_kato_stores_it(http: httpx.Client, valkey: redis.Redis) -> None:
    """Same key, same fields, same types, a TTL, and a member of the index, which has none."""
    recorded = [
        json.loads(row["value"])
        for row in capture_rows("redis.jsonl")
        if row["key"].startswith("kato:session:session-")
    ]
    unused = next(record for record in recorded if record["time"] == 0)
    made = http.post("/sessions", json={"node_id": "tenant:a:user:b", "ttl_seconds": 90}).json()
    key = f"kato:session:{made['session_id']}"
    raw = valkey.get(key)
    assert isinstance(raw, bytes)
    stored = json.loads(raw)
    assert list(stored) == list(unused)
    assert shape(stored) == shape(unused)
    assert 85 < valkey.ttl(key) <= 90
    assert valkey.smembers("kato:session:_active_index") == {made["session_id"].encode()}
    assert valkey.ttl("kato:session:_active_index") == -1


def test_looking_at_a_session_extends_it_and_asking_whether_it_exists_does_not(
    http: httpx.Client, valkey: redis.Redis
) -> None:
    """This is why this product reads sessions in Redis."""
    session = http.post("/sessions", json={"node_id": "n", "ttl_seconds": 500}).json()["session_id"]
    key = f"kato:session:{session}"
    valkey.expire(key, 20)
    assert http.get(f"/sessions/{session}/exists").json()["exists"] is True
    assert valkey.ttl(key) <= 20
    assert http.get(f"/sessions/{session}").json()["ttl_seconds"] in (499, 500)
    assert valkey.ttl(key) > 490


def test_an_extension_lasts_until_the_next_access(http: httpx.Client, valkey: redis.Redis) -> None:
    """After an extend, the next access sets the TTL back to the session's own."""
    session = http.post("/sessions", json={"node_id": "n", "ttl_seconds": 100}).json()["session_id"]
    key = f"kato:session:{session}"
    http.post(f"/sessions/{session}/extend?ttl_seconds=9000")
    assert valkey.ttl(key) > 8000
    http.get(f"/sessions/{session}")
    assert valkey.ttl(key) <= 100


def test_one_entry_out_of_range_drops_the_whole_config_at_creation(http: httpx.Client) -> None:
    """Without a word; unknown ones vanish alone, types are not looked at, and a mode is bent."""
    odd = {"metadata": {"encrypted_data": "x"}, "stm_mode": "odd", "sort_symbols": "yes"}
    for config, expected in (
        ({"recall_threshold": 7, "max_predictions": 3}, (0.1, 100, "CLEAR", True)),
        ({"minhash_rows": "many", "max_predictions": 3}, (0.1, 100, "CLEAR", True)),
        ({"recall_threshold": 0.4, **odd}, (0.4, 100, "CLEAR", "yes")),
    ):
        made = http.post("/sessions", json={"node_id": "n", "config": config}).json()
        kept = made["session_config"]
        names = ("recall_threshold", "max_predictions", "stm_mode", "sort_symbols")
        assert tuple(kept[name] for name in names) == expected
        assert "metadata" not in kept


def test_a_change_of_a_config_is_checked_in_nine_entries_alone(http: httpx.Client) -> None:
    """The others are stored as they come, and one takes another along."""
    session = http.post("/sessions", json={"node_id": "n"}).json()["session_id"]
    for name, wrong in {
        "max_pattern_length": -1, "persistence": 101, "recall_threshold": "1", "stm_mode": 5,
        "indexer_type": "x", "max_predictions": 0, "process_predictions": 1,
        "use_token_matching": "no", "rank_sort_algo": "best",
    }.items():  # fmt: skip
        answer = http.post(f"/sessions/{session}/config", json={"config": {name: wrong}})
        assert answer.status_code == 400
        assert list(answer.json()["detail"]["validation_errors"]) == [name]
    config = {"minhash_rows": "many", "length_max_ratio": -3, "no_such": 1, "stm_mode": "odd",
              "use_token_matching": False}  # fmt: skip
    assert http.post(f"/sessions/{session}/config", json={"config": config}).status_code == 200
    kept = http.get(f"/sessions/{session}/config").json()["config"]
    assert (kept["minhash_rows"], kept["length_max_ratio"], kept["stm_mode"]) == (
        "many",
        -3,
        "CLEAR",
    )
    assert (kept["use_token_matching"], kept["sort_symbols"]) == (False, False)


def test_an_extension_by_nothing_deletes(http: httpx.Client, valkey: redis.Redis) -> None:
    """It answers 200, as KATO does."""
    session = http.post("/sessions", json={"node_id": "n"}).json()["session_id"]
    answer = http.post(f"/sessions/{session}/extend?ttl_seconds=0")
    assert (answer.status_code, answer.json()["ttl_seconds"]) == (200, 0)
    assert not valkey.exists(f"kato:session:{session}")


MONITORING = {
    "/concurrency": {"status", "current", "peak", "limits", "configuration", "recommendations",
                     "timestamp"},
    "/connection-pools": {"status", "health", "pool_statistics", "timestamp"},
    "/cache/stats": {"cache_performance", "cache_health", "timestamp"},
    "/stats": {"time_range_minutes", "timestamp", "processor_manager", "current_status",
               "time_series", "summary", "error"},
}  # fmt: skip


def test_it_tells_an_operator_how_it_is(http: httpx.Client) -> None:
    """In the shapes of KATO's own read-only calls."""
    for path, names in MONITORING.items():
        assert http.get(path).json().keys() == names, path


def test_a_negative_ttl_fails_inside_and_drops_the_connection(standin: StandInServer) -> None:
    """As in KATO: 500, plain text, and the connection is gone."""
    body = b'{"node_id": "x", "ttl_seconds": -5}'
    port = int(standin.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=60) as raw:
        raw.sendall(
            b"POST /sessions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        )
        answer = b"".join(iter(lambda: raw.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 500")
    assert answer.endswith(b"Internal Server Error")


def test_a_name_of_another_host_is_refused(http: httpx.Client) -> None:
    """A web page that resolves its own name to the loopback gets nowhere."""
    assert http.get("/status", headers={"host": "evil.example"}).status_code == 400


def test_a_broken_record_harms_no_other_call(http: httpx.Client, valkey: redis.Redis) -> None:
    """One session that does not parse is as good as gone."""
    valkey.set("kato:session:broken", "{not json")
    valkey.sadd("kato:session:_active_index", "broken")
    assert http.get("/status").status_code == 200
    assert http.get("/sessions/broken").status_code == 404


def test_it_says_that_it_is_a_stand_in_and_kato_client_reads_it(standin: StandInServer) -> None:
    """The screen can say so, because GET / does."""
    with httpx.Client(base_url=standin.url, timeout=60, trust_env=False) as client:
        api = KatoApi(client)
        health = api.health()
        assert "stand-in" in health.version
        assert "stand-in" in health.detail
        assert api.cached_processors() == ProcessorReading()
        made = api.create_session("tenant:ü:user:日", ttl_seconds=0, metadata={"plan": "pro"})
        assert made.ttl_seconds == 3600
        assert made.metadata == {"plan": "pro"}
        with pytest.raises(StoreRejected, match="below 0"):
            api.create_session("x", ttl_seconds=-5)


def test_it_stops_at_once_and_twice(valkey: redis.Redis) -> None:
    """Nothing answers on its port afterwards."""
    server = StandInServer(valkey)
    server.close()
    server.close()
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.url, trust_env=False)


def test_the_stand_in_has_no_cache_to_invalidate(standin: StandInServer) -> None:
    """It says so as a KATO with its cache off does."""
    with client_at(standin.url, timeout_seconds=60) as client:
        assert KatoApi(client).invalidate_caches("session-1")
