"""Looking into one tenant: what is refused, what a pasted vector means, what a table becomes."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from datetime import UTC, datetime

import pandas as pd
import pytest
from hypothesis import given, strategies as st

from dashboard.draw import pattern_tables
from dashboard.draw.downloads import as_csv, as_parquet, file_name
from dashboard.draw.formatting import unseen, visible
from dashboard.tenant import tables
from services.browse.holdings import scope_of
from services.browse.models import (
    Holding,
    PatternContent,
    PatternPage,
    PatternQuery,
    PatternRow,
    PatternSort,
    Point,
    ReadCost,
    Scope,
    Space,
)
from services.browse.pasted_vector import read_point_id, read_vector
from services.browse.service import InspectionService, Sources
from services.errors import (
    NotThisTenants,
    StoreNotConfigured,
    StoreUnavailable,
    VectorError,
)
from services.figures import Amount
from services.stores.absent import absent
from services.tenancy.kb_ids import TenantKey
from services.tenancy.layout import Owner, OwnerKind, text_of
from services.tenancy.ownership import Ownership
from services.tenancy.schemes import NamingSchemes
from services.usage.readings import CollectionUsage, PatternReading, PatternUsage, VectorReading
from services.usage.rollup import Readings, roll_up
from services.usage.snapshot import Snapshot

ACME, OTHER = TenantKey("tenant", "acme-corp"), TenantKey("tenant", "acme_corp")
THIRD = TenantKey("tenant", "third")
SHARED_KB, OWN_KB = "tenant_acme_corp_user_bob_kato", "tenant_acme_corp_user_ann_kato"
THIRDS_KB = "tenant_third_user_bob_kato"
NODES = (
    "tenant:acme-corp:user:bob", "tenant:acme_corp:user:bob", "tenant:acme-corp:user:ann",
    "tenant:third:user:bob",
)  # fmt: skip


def snapshot() -> Snapshot:
    """Two tenants on one kb_id, one on its own, and a collection shared by payload."""
    patterns = tuple(
        PatternUsage(kb, Amount(1, 1), rows_by_table={}) for kb in (SHARED_KB, OWN_KB, THIRDS_KB)
    )
    collections = (
        CollectionUsage(f"vectors_{OWN_KB}", Amount(1, None), "green"),
        CollectionUsage(f"vectors_{THIRDS_KB}", Amount(1, None), "green"),
        CollectionUsage(
            "kato_vectors", Amount(3, None), "green",
            points_by_tenant={"acme-corp": 1, "third": 2},
        ),
    )  # fmt: skip
    rolled = roll_up(
        Readings(
            PatternReading(patterns, (), Amount(3, 3)),
            None,
            VectorReading(collections, Amount(5, None)),
        ),
        Ownership(NODES, schemes=NamingSchemes.of()),
    )
    return Snapshot(
        datetime.now(UTC), {}, rolled.tenants, rolled.shared, rolled.unattributed,
        collections=collections,
    )  # fmt: skip


def scope(tenant: TenantKey = ACME) -> Scope:
    found = snapshot()
    usage = found.tenant(tenant)
    assert usage
    return scope_of(found, usage)


ROW = PatternRow(OWN_KB, "p", 1, 1, datetime.now(UTC), datetime.now(UTC))


class Recorder:
    """Every store at once: answers anything, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def page(self, query: PatternQuery) -> PatternPage:
        self.asked.append("page")
        return PatternPage((ROW,), None, ReadCost(1, 1, 1, 1))

    def content(self, kb_id: str, name: str) -> PatternContent | None:
        self.asked.append("content")
        return PatternContent(ROW, (("a",),), 1, False, ("VCTR|a",)) if name == "p" else None

    def __getattr__(self, name: str) -> object:
        def asked(*args: object, **options: object) -> object:
            self.asked.append(name)
            return ()

        return asked


class Down:
    """A store that is down, whatever it is asked."""

    def __getattr__(self, name: str) -> object:
        def asked(*args: object, **options: object) -> object:
            raise StoreUnavailable("redis", name, "nothing listens there")

        return asked


def service_of(**sources: object) -> InspectionService:
    every = {
        "patterns": absent("clickhouse", "CLICKHOUSE_HOST"),
        "frequencies": absent("redis", "REDIS_URL"),
        "keys": absent("redis", "REDIS_URL"),
        "vectors": absent("qdrant", "QDRANT_URL"),
        **sources,
    }
    return InspectionService(Sources(**every), service="kato")  # type: ignore[arg-type]


class TestScope:
    def test_it_is_the_tenants_own_and_what_it_shares(self) -> None:
        """Shared ones are marked with whom."""
        found = {holding.name: holding for holding in scope().holdings}
        assert set(found) == {OWN_KB, SHARED_KB, "tenant:acme-corp"}
        assert found[OWN_KB].shared_with == ()
        assert found[OWN_KB].spaces == (Space(f"vectors_{OWN_KB}"),)
        assert found[SHARED_KB].shared_with == (OTHER,)
        assert found["tenant:acme-corp"].owner == Owner(OwnerKind.TENANT, "acme-corp")
        assert found["tenant:acme-corp"].spaces == (Space("kato_vectors", "acme-corp"),)

    def test_the_other_holder_sees_the_same_the_other_way_round(self) -> None:
        (holding,) = scope(OTHER).holdings
        assert (holding.name, holding.shared_with) == (SHARED_KB, (ACME,))


class TestRefusals:
    @pytest.mark.parametrize(
        "ask",
        [
            lambda s, c: s.patterns(c, PatternQuery((OWN_KB, THIRDS_KB))),
            lambda s, c: s.patterns(c, PatternQuery((THIRDS_KB,), sort=PatternSort.FREQUENT)),
            lambda s, c: s.pattern(c, THIRDS_KB, "p"),
            lambda s, c: s.inventory(c, Owner(OwnerKind.KB, THIRDS_KB)),
            lambda s, c: s.inventory(c, Owner(OwnerKind.TENANT, "third")),
            lambda s, c: s.inventory(c, Owner(OwnerKind.KB, "tenant_acme_corp")),
            lambda s, c: s.value(c, f"{THIRDS_KB}:frequency:p"),
            lambda s, c: s.patterns_across([c], PatternQuery((OWN_KB, THIRDS_KB))),
            lambda s, c: s.value(c, f"{OWN_KB}2:frequency:p"),
            lambda s, c: s.value(c, "kato:session:session-1"),
            lambda s, c: s.value(c, "tenant:third:note"),
            lambda s, c: s.value(c, "stm:global"),
            lambda s, c: s.value(c, ""),
            lambda s, c: s.space(c, Space(f"vectors_{THIRDS_KB}")),
            lambda s, c: s.space(c, Space("kato_vectors")),
            lambda s, c: s.points(c, Space("kato_vectors", "third")),
            lambda s, c: s.nearest_to_vector(c, Space("kato_vectors"), [1.0]),
            lambda s, c: s.nearest_to_point(c, Space("kato_vectors", "third"), 1),
        ],
    )
    def test_what_is_not_the_tenants_is_refused_before_any_store_is_asked(self, ask) -> None:  # type: ignore[no-untyped-def]
        store = Recorder()
        service = service_of(patterns=store, frequencies=store, keys=store, vectors=store)
        with pytest.raises(NotThisTenants):
            ask(service, scope())
        assert store.asked == []

    def test_what_is_the_tenants_is_asked_for(self) -> None:
        """Shared ones too; of a key it is told whose it is."""
        store = Recorder()
        service = service_of(patterns=store, frequencies=store, keys=store, vectors=store)
        service.inventory(scope(), Owner(OwnerKind.KB, SHARED_KB))
        _, holding = service.value(scope(), f"{SHARED_KB}:frequency:p")
        assert holding.shared_with == (OTHER,)
        service.points(scope(), Space("kato_vectors", "acme-corp"))
        assert store.asked == ["inventory", "value", "points"]

    def test_a_point_of_another_tenant_is_no_place_to_begin_from(self) -> None:
        """Its vector is not searched with."""

        class Empty(Recorder):
            def vector_of(self, *args: object, **options: object) -> None:
                return None

        store = Empty()
        with pytest.raises(NotThisTenants):
            service_of(vectors=store).nearest_to_point(
                scope(), Space("kato_vectors", "acme-corp"), 7
            )
        assert "nearest" not in store.asked


class TestStoresThatFail:
    def test_a_page_by_date_stands_without_frequencies(self) -> None:
        """It says why they are not known; none of them is 0."""
        service = service_of(patterns=Recorder(), frequencies=Down())
        page = service.patterns(scope(), PatternQuery((OWN_KB,)))
        assert [row.frequency for row in page.rows] == [None]
        assert "nothing listens there" in str(page.problem)

    def test_a_page_by_frequency_does_not(self) -> None:
        service = service_of(patterns=Recorder(), frequencies=Down())
        with pytest.raises(StoreUnavailable):
            service.patterns(scope(), PatternQuery((OWN_KB,), sort=PatternSort.FREQUENT))

    def test_a_pattern_stands_without_what_other_stores_hold_of_it(self) -> None:
        detail = service_of(patterns=Recorder(), keys=Down(), vectors=Down()).pattern(
            scope(), OWN_KB, "p"
        )
        assert detail is not None
        assert detail.content.events == (("a",),)
        assert len(detail.problems) == 2
        assert service_of(patterns=Recorder()).pattern(scope(), OWN_KB, "gone") is None

    def test_a_store_that_is_not_configured_is_called_so(self) -> None:
        with pytest.raises(StoreNotConfigured, match="CLICKHOUSE_HOST"):
            service_of().patterns(scope(), PatternQuery((OWN_KB,)))
        with pytest.raises(StoreNotConfigured, match="QDRANT_URL"):
            service_of().points(scope(), Space(f"vectors_{OWN_KB}"))


class TestPasted:
    @pytest.mark.parametrize(
        "text", ["[1, 2.5, -3e2]", "1 2.5 -3e2", "1, 2.5, -3e2", " 1;\n2.5\t-3e2 ", "1\n2.5\n-300"]
    )
    def test_a_vector_is_read_as_people_paste_it(self, text: str) -> None:
        assert read_vector(text, size=3) == [1, 2.5, -300]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "paste the numbers"),
            ("[]", "paste the numbers"),
            ("[1, 2", "JSON list"),
            ("[1, 2]]", "JSON list"),
            ("1, x, 3", "number 2 is no number"),
            ("[1, true, 3]", "number 2 is no number"),
            ("[1, [2], 3]", "number 2 is no number"),
            ("1 nan 3", "number 2 is not finite"),
            ("1 2 1e999", "number 3 is not finite"),
            ("[1, 2, NaN]", "number 3 is not finite"),
            ("[" + "1" * 5000 + "]", "n"),
            ("1 2", "it has 2 numbers; vectors here have 3"),
            ("[" * 100_000, "JSON list"),
            ("1 " * 70_000, "at most 65,536"),
        ],
    )
    def test_what_is_wrong_is_said(self, text: str, message: str) -> None:
        with pytest.raises(VectorError, match=message):
            read_vector(text, size=3)

    @given(st.text())
    def test_any_text_is_a_vector_or_an_error_of_ours(self, text: str) -> None:
        try:
            found = read_vector(text, size=None)
        except VectorError:
            return
        assert found
        assert all(math.isfinite(number) for number in found)

    def test_ids_are_whole_numbers_or_uuids(self) -> None:
        assert read_point_id(" 42 ") == 42
        text = "0D5A3A76-C87C-5448-B6E1-4BA216C24C92"
        assert read_point_id(text) == text.lower()
        for wrong in ("", "-1", "1.5", "x", "²", str(2**64), "1" * 5000):
            with pytest.raises(VectorError):
                read_point_id(wrong)


class TestTables:
    @given(st.binary())
    def test_what_is_copied_from_the_screen_finds_its_like(self, raw: bytes) -> None:
        text = text_of(raw)
        assert unseen(visible(text)) == text

    @given(st.text(), st.text())
    def test_payloads_can_be_printed(self, key: str, value: str) -> None:
        shown = tables.payload_text({key: value})
        assert shown.isprintable()
        assert shown.encode()

    @pytest.mark.parametrize(
        ("value", "language", "shown"),
        [
            (b'{"b": [1]}', "json", '{\n  "b": [\n    1\n  ]\n}'),
            (b"plain \xc3\xb6", "text", "plain ö"),
            (b"nul\x00", "text", "nul\\x00"),
            (b"\xff\x00A", "hex", "00000000  ff 00 41" + " " * 39 + "  ..A"),
        ],
    )
    def test_a_value_is_shown_as_what_it_is(self, value: bytes, language: str, shown: str) -> None:
        assert tables.value_text(value) == (shown, language)

    @given(st.binary(max_size=200))
    def test_any_value_can_be_printed(self, value: bytes) -> None:
        text, _ = tables.value_text(value)
        assert len(text.encode()) >= len(text)
        assert all(line.isprintable() for line in text.split("\n"))

    def test_a_page_of_any_rows_is_a_table(self) -> None:
        frame = pattern_tables.patterns_frame([ROW, replace(ROW, frequency=3, name="\udcff")])
        assert list(frame["Pattern"]) == ["p", "\\xff"]
        assert frame["Frequency"].isna().tolist() == [True, False]
        assert pattern_tables.patterns_frame([]).empty
        assert tables.points_frame([Point(1, {}, 0.5)])["Score"].tolist() == [0.5]
        assert "Score" not in tables.points_frame([Point(1, {})])

    def test_a_holding_says_with_whom_it_is_shared(self) -> None:
        holding = Holding("k", Owner(OwnerKind.KB, "k"), (), (OTHER,))
        assert tables.holding_words(holding) == "k · shared with tenant/acme_corp"


class TestDownloads:
    def frame(self) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "=Name": pd.Series(
                    ["=1+1", "+x", "@y", "\udcff\x00", 'plain, "quoted"\nö'], dtype=object
                ),
                "Number": pd.array([1, None, -3, 4, 5], dtype="Int64"),
                "List": [["=a", "b"], [], ["c"], [], []],
                "When": [datetime(2026, 1, 2, tzinfo=UTC)] * 5,
            }
        )

    def test_a_csv_has_no_formulas_and_every_byte_visible(self) -> None:
        assert as_csv(self.frame()).startswith(b"\xef\xbb\xbf")  # as spreadsheets know UTF-8
        read = pd.read_csv(io.BytesIO(as_csv(self.frame())))
        assert list(read.columns) == ["'=Name", "Number", "List", "When"]
        assert read["'=Name"].tolist() == [
            "'=1+1", "'+x", "'@y", "\\xff\\x00", 'plain, "quoted"\nö'
        ]  # fmt: skip
        assert read["List"].tolist()[0] == "'=a, b"
        assert read["Number"].tolist()[0] == 1
        assert read["Number"].isna().tolist() == [False, True, False, False, False]
        assert read["Number"].tolist()[2] == -3

    def test_a_parquet_keeps_types(self) -> None:
        read = pd.read_parquet(io.BytesIO(as_parquet(self.frame())))
        assert read["=Name"].tolist()[0] == "=1+1"
        assert read["=Name"].tolist()[3] == "\\xff\\x00"
        assert read["Number"].isna().tolist() == [False, True, False, False, False]
        assert str(read["When"].dtype).startswith("datetime64")

    @given(st.text())
    def test_a_file_has_a_name_that_any_file_system_takes(self, name: str) -> None:
        found = file_name(name)
        assert found
        assert len(found) <= 100
        assert not set(found) & set('/\\:*?"<>|\0')
        assert found not in {".", ".."}
