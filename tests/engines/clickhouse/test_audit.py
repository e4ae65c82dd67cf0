"""What the isolation audit asks of ClickHouse, on the real engine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from services.errors import StoreDenied, StoreError, StoreMisconfigured, StoreUnavailable
from services.isolation.facts import Grant
from services.stores.adapters import Stores
from services.stores.clickhouse.audit import PatternAudit
from services.stores.clickhouse.grants import grants_in
from services.stores.clickhouse.query import ClickHouse
from services.tenancy.layout import text_of
from tests.conftest import capture_rows
from tests.engines.clickhouse.kato_tables import (
    MANY_PARTITIONS,
    PASSWORD,
    add_patterns,
    load_capture,
    make_tables,
    settings_for,
)
from tests.servers.clickhouse_http import clickhouse_http
from tests.servers.faults import (
    SOON,
    Answer,
    Dropped,
    Fault,
    Garbage,
    HttpServer,
    Refused,
    Request,
    Slow,
)


@pytest.fixture
def server(chdb_path: str) -> Iterator[HttpServer]:
    with clickhouse_http(chdb_path, password=PASSWORD) as server:
        yield server


@pytest.fixture
def audit(server: HttpServer, clickhouse: Client) -> PatternAudit:
    return Stores(settings_for(server, str(clickhouse.database))).pattern_audit


def add_tokens(client: Client, rows: list[tuple[str | bytes, list[str]]]) -> None:
    """Insert a pattern with these tokens for each kb_id."""
    data = [
        [
            kb.encode() if isinstance(kb, str) else kb,
            f"p{number}".encode(),
            [t.encode() for t in ts],
        ]
        for number, (kb, ts) in enumerate(rows)
    ]
    client.insert(
        "patterns_data", data, column_names=["kb_id", "name", "token_set"],
        column_type_names=["String", "String", "Array(String)"], settings=MANY_PARTITIONS,
    )  # fmt: skip


class TestFacts:
    def test_of_the_capture(self, audit: PatternAudit, clickhouse: Client) -> None:
        """Each kb_id with the different vectors that its patterns name, and what we are."""
        load_capture(clickhouse)
        tokens: dict[str, set[str]] = {}
        for row in capture_rows("clickhouse_patterns_data.jsonl"):
            named = {token for token in row["token_set"] if token.startswith("VCTR|")}
            tokens.setdefault(row["kb_id"], set()).update(named)
        facts = audit.facts()
        assert facts.vector_tokens == {kb: len(named) for kb, named in tokens.items()}
        assert sum(facts.vector_tokens.values()) > 0
        assert facts.most_parts == {"patterns_data": 1}
        assert facts.parts_limits == {
            "parts_to_delay_insert": 1000,
            "parts_to_throw_insert": 3000,
            "max_parts_in_total": 100_000,
        }
        assert (facts.database, facts.user) == (clickhouse.database, "default")
        assert facts.grants
        assert any("SELECT" in grant.rights and grant.on == "*.*" for grant in facts.grants)
        assert facts.open is False

    def test_a_server_without_a_password_is_open(self, chdb_path: str, clickhouse: Client) -> None:
        """What we know to say ourselves does not matter."""
        load_capture(clickhouse)
        with clickhouse_http(chdb_path) as server:
            settings = settings_for(server, str(clickhouse.database), password="")
            assert Stores(settings).pattern_audit.facts().open is True

    def test_in_process_there_is_no_door(self, clickhouse: Client, chdb_path: str) -> None:
        """The embedded engine listens for nobody."""
        import clickhouse_connect

        make_tables(clickhouse)
        add_patterns(clickhouse, ["a_kato"])
        engine = ClickHouse(
            lambda: clickhouse_connect.get_client(interface="chdb", path=chdb_path),
            database=str(clickhouse.database),
        )
        audit = PatternAudit(engine)
        facts = audit.facts()
        engine.close()
        assert facts.open is None
        assert facts.vector_tokens == {"a_kato": 0}

    def test_a_token_counts_once_in_a_kb_id_and_again_in_another(
        self, audit: PatternAudit, clickhouse: Client
    ) -> None:
        """It counts as often as there is something that it names."""
        make_tables(clickhouse)
        add_tokens(
            clickhouse,
            [
                ("a_kato", ["VCTR|1", "VCTR|2", "x"]),
                ("a_kato", ["VCTR|2", "VCTR|", "vctr|3", " VCTR|4"]),
                ("b_kato", ["VCTR|1"]),
                ("c_kato", ["x", "y|VCTR|1"]),
            ],
        )
        assert audit.facts().vector_tokens == {"a_kato": 3, "b_kato": 1, "c_kato": 0}

    def test_names_may_be_any_bytes(self, audit: PatternAudit, clickhouse: Client) -> None:
        """They come back as they are."""
        make_tables(clickhouse)
        hostile = [
            b"a'); DROP TABLE x--",
            b"\xff\xfe",
            b"a\tb\nc\\",
            b"",
            "ö日_kato".encode(),
            b"%{x}",
        ]
        add_tokens(clickhouse, [(name, ["VCTR|1"]) for name in hostile])
        assert audit.facts().vector_tokens == {text_of(name): 1 for name in hostile}

    def test_parts_are_those_of_the_fullest_partition(
        self, audit: PatternAudit, clickhouse: Client
    ) -> None:
        """Not of the table as a whole, and of every table."""
        make_tables(clickhouse)
        clickhouse.command("SYSTEM STOP MERGES")
        try:
            for _ in range(3):
                add_patterns(clickhouse, ["a_kato"])
            add_patterns(clickhouse, ["b_kato"])
            clickhouse.command("CREATE TABLE other (x UInt8) ENGINE = MergeTree ORDER BY x")
            clickhouse.command("INSERT INTO other VALUES (1)")
            assert audit.facts().most_parts == {"patterns_data": 3, "other": 1}
        finally:
            clickhouse.command("SYSTEM START MERGES")

    @pytest.mark.parametrize(
        "columns",
        ["kb_id String, name String", "kb_id String, token_set UInt8", "node String, name String"],
    )
    def test_patterns_without_tokens_have_no_counts(
        self, audit: PatternAudit, clickhouse: Client, columns: str
    ) -> None:
        """Not even 0: nothing is said of any kb_id. The rest is told all the same."""
        clickhouse.command(f"CREATE TABLE patterns_data ({columns}) ENGINE=MergeTree ORDER BY ()")
        facts = audit.facts()
        assert facts.vector_tokens == {}
        assert facts.user == "default"

    @pytest.mark.parametrize(
        ("kb_type", "tokens"),
        [
            ("LowCardinality(String)", "Array(LowCardinality(String))"),
            ("Nullable(String)", "Array(Nullable(String))"),
        ],
    )
    def test_other_types_of_text_will_do(
        self, audit: PatternAudit, clickhouse: Client, kb_type: str, tokens: str
    ) -> None:
        """A deployment may have changed its tables."""
        clickhouse.command(
            f"CREATE TABLE patterns_data (kb_id {kb_type}, token_set {tokens}) "
            "ENGINE = MergeTree ORDER BY ()"
        )
        clickhouse.command("INSERT INTO patterns_data VALUES ('a_kato', ['VCTR|1', 'x'])")
        assert audit.facts().vector_tokens == {"a_kato": 1}

    def test_no_rows_is_no_kb_id(self, audit: PatternAudit, clickhouse: Client) -> None:
        """An empty deployment is one, and no fault."""
        make_tables(clickhouse)
        facts = audit.facts()
        assert (facts.vector_tokens, facts.most_parts) == ({}, {})
        assert facts.parts_limits


class TestGrants:
    @pytest.mark.parametrize(
        "line",
        [
            "GRANT SELECT(`a.b`, c) ON `ka\\` to`.`t\\\\x` TO `a b` WITH GRANT OPTION",
            "GRANT r1, `r 2` TO x WITH ADMIN OPTION",
            "GRANT SELECT ON db*.* TO x",
            "GRANT TABLE ENGINE ON S3, SELECT ON a.b TO x",
            "GRANT READ ON S3('s3://foo/.*') TO x",
        ],
    )
    def test_the_engine_writes_them_as_they_are_read(self, clickhouse: Client, line: str) -> None:
        """Its own formatter and ours agree on what they say."""
        query = "SELECT formatQuerySingleLine({line:String})"
        ((written,),) = clickhouse.query(query, {"line": line}).result_rows
        if "S3(" not in line:  # of which the formatter makes another right
            assert grants_in([written]) == grants_in([line])

    def test_a_server_that_refuses_them_does_not_say(
        self, clickhouse: Client, chdb_path: str
    ) -> None:
        """None is not the same as none at all."""
        facts = facts_where(clickhouse, chdb_path, refuse=b"SHOW GRANTS", code=497)
        assert facts.grants is None
        assert facts.user == "default"

    def test_an_old_server_says_those_of_the_user_alone(
        self, clickhouse: Client, chdb_path: str
    ) -> None:
        """Before 24.8 there is no FINAL."""
        facts = facts_where(clickhouse, chdb_path, refuse=b"GRANTS FINAL", code=62)
        assert facts.grants

    def test_limits_that_may_not_be_read_are_not_known(
        self, clickhouse: Client, chdb_path: str
    ) -> None:
        """A right that is missing on a system table fails nothing else."""
        facts = facts_where(clickhouse, chdb_path, refuse=b"merge_tree_settings", code=497)
        assert facts.parts_limits == {}
        assert facts.grants

    def test_words_that_are_no_grant_are_not_known(
        self, clickhouse: Client, chdb_path: str
    ) -> None:
        """No half of them is believed."""
        make_tables(clickhouse)
        engine = ClickHouse(
            lambda: _Saying(clickhouse, chdb_path, b"GIVEN SELECT"),  # type: ignore[arg-type, return-value]
            database=str(clickhouse.database),
        )
        assert PatternAudit(engine).facts().grants is None

    def test_a_grant_is_frozen(self) -> None:
        """It can be a part of a set."""
        assert len({Grant(("SELECT",), "*.*"), Grant(("SELECT",), "*.*")}) == 1


class _Saying:
    """A client whose SHOW GRANTS says what it is told to."""

    def __init__(self, client: Client, path: str, line: bytes) -> None:
        import clickhouse_connect

        self._client = clickhouse_connect.get_client(interface="chdb", path=path)
        self._line = line
        self.server_settings = client.server_settings

    def query(self, query: str, *args: Any, **options: Any) -> Any:
        found = self._client.query(query, *args, **options)
        if query.startswith("SHOW GRANTS"):
            found._result_rows = [(self._line,)]
        return found

    def close(self) -> None:
        self._client.close()


def facts_where(client: Client, chdb_path: str, *, refuse: bytes, code: int) -> Any:
    """Read the facts of a server that refuses one of the queries."""
    load_capture(client)
    with clickhouse_http(chdb_path, password=PASSWORD) as server:
        serve = server.answer

        def answer(request: Request) -> Answer:
            if refuse in request.body:
                headers = {"X-ClickHouse-Exception-Code": str(code)}
                return Answer(500, f"Code: {code}. DB::Exception: no".encode(), headers)
            return serve(request)

        server.answer = answer
        return Stores(settings_for(server, str(client.database))).pattern_audit.facts()


FAULTS = [
    (Slow(30), StoreUnavailable),
    (Dropped(0.0), StoreUnavailable),
    (Dropped(0.5), StoreUnavailable),
    (Refused(503), StoreUnavailable),
    (Refused(401), StoreDenied),
    (Refused(302), StoreMisconfigured),
    (Garbage(), StoreMisconfigured),
    (Garbage(b""), StoreMisconfigured),
]


class TestBadDays:
    @pytest.mark.parametrize("case", FAULTS, ids=lambda case: repr(case[0]))
    def test_each_fault_is_told_for_what_it_is(
        self, server: HttpServer, clickhouse: Client, case: tuple[Fault, type[StoreError]]
    ) -> None:
        """It is told in time, in our words, and is over when the fault is."""
        fault, error = case
        load_capture(clickhouse)
        seconds = 1 if isinstance(fault, Slow) else 20
        settings = settings_for(server, str(clickhouse.database), seconds=seconds)
        audit = Stores(settings).pattern_audit
        server.fail(fault)
        started = time.perf_counter()
        with pytest.raises(error) as caught:
            audit.facts()
        assert time.perf_counter() - started < SOON
        assert type(caught.value) is error
        assert_clean(str(caught.value), server)
        server.heal()
        over = Stores(settings_for(server, str(clickhouse.database))).pattern_audit
        assert over.facts().vector_tokens

    @pytest.mark.parametrize("fault", [Dropped(0.5), Garbage(), Garbage(b"")], ids=repr)
    def test_wherever_it_breaks_off_there_are_no_facts(
        self, audit: PatternAudit, server: HttpServer, clickhouse: Client, fault: Fault
    ) -> None:
        """No query believes half an answer, nor an empty one; but the door may not be tried."""
        load_capture(clickhouse)
        whole = audit.facts()
        before = len(server.calls)
        audit.facts()
        queries = len(server.calls) - before
        for served in range(queries):
            server.fail(fault, after=served)
            try:
                found = audit.facts()
            except (StoreUnavailable, StoreMisconfigured):
                assert served < queries - 1
            else:
                assert served == queries - 1
                assert found.open is None
                assert found.vector_tokens == whole.vector_tokens
            server.heal()
            audit.facts()

    def test_a_database_that_is_not_there(self, server: HttpServer) -> None:
        """It is misconfigured, and has not simply no rows."""
        with pytest.raises(StoreMisconfigured):
            Stores(settings_for(server, "nowhere")).pattern_audit.facts()

    def test_a_database_without_patterns(self, audit: PatternAudit) -> None:
        """It is not KATO's."""
        with pytest.raises(StoreMisconfigured, match="patterns_data"):
            audit.facts()

    def test_a_wrong_password_is_denied(self, server: HttpServer, clickhouse: Client) -> None:
        """Neither password is in the message."""
        settings = settings_for(server, str(clickhouse.database), password="wrong-secret")
        with pytest.raises(StoreDenied) as caught:
            Stores(settings).pattern_audit.facts()
        assert "wrong-secret" not in str(caught.value)
        assert_clean(str(caught.value), server)


def assert_clean(message: str, server: HttpServer) -> None:
    assert message.startswith("ClickHouse ")
    for secret in (PASSWORD, str(server.port), "127.0.0.1", "http://", "Traceback"):
        assert secret not in message


class TestWhatItSends:
    def test_building_it_sends_nothing(self, audit: PatternAudit, server: HttpServer) -> None:
        """The dashboard starts whether the store is there or not."""
        assert server.calls == []

    def test_it_only_reads(
        self, audit: PatternAudit, server: HttpServer, clickhouse: Client
    ) -> None:
        """Every query is a SELECT or a SHOW, however many kb_ids there are, and names none."""
        make_tables(clickhouse)
        audit_queries = []
        for count in (3, 150):
            add_patterns(clickhouse, [f"kb{number}_kato" for number in range(count)])
            audit.facts()
            before = len(server.calls)
            assert len(audit.facts().vector_tokens) == count
            calls = server.calls[before:]
            texts = [(call.body or call.query["query"].encode()).decode() for call in calls]
            assert all(text.strip().startswith(("SELECT", "SHOW GRANTS")) for text in texts)
            assert not any("kb1_kato" in text or "patterns_data" in text for text in texts)
            audit_queries.append(len(calls))
        assert audit_queries[0] == audit_queries[1] <= 6
