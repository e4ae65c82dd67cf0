"""The page Bill: a month of those in scope, files that say the same, and a statement of each."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import streamlit

from dashboard.app import cache
from services.audit_log.models import LogFilter
from services.bill.background import THREAD
from services.bill.month import Month
from services.bootstrap import Services
from services.cards.models import Edit
from services.errors import StoreUnavailable
from services.figures import Amount, Measure
from services.history.models import second
from services.history.read import HistoryService
from services.history.totals import Totals
from services.parking.models import Parked
from services.settings.environment import Settings
from services.tenancy.kb_ids import TenantKey
from tests.engines.records.test_bill import DAY
from tests.engines.records.test_history import RETENTION
from tests.pages.conftest import Open, Put, SignIn, words
from tests.pages.test_history import recording
from tests.unit.bill.months import price_file
from tests.unit.history.snapshots import snapshot

Made = dict[str, Callable[[], bytes]]


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> Made:
    """What each download button makes when it is clicked, by its key."""
    found: Made = {}

    def button(label: str, data: Callable[[], bytes], *, key: str, **_: object) -> bool:
        found[key] = data
        return False

    monkeypatch.setattr(streamlit, "download_button", button)
    return found


@pytest.fixture
def month(kato_settings: Settings, request: pytest.FixtureRequest, put: Put, tmp_path: Path) -> str:
    """The last whole month, in which acme and globex had a thousand patterns, and its prices."""
    prices = tmp_path / "prices.toml"
    prices.write_text(price_file())
    put({"PRICES": str(prices)})
    this = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    last = (this - DAY).replace(day=1)
    with recording(kato_settings) as one:
        one._gap, one._retention = int(timedelta(days=40).total_seconds()), RETENTION
        for at in (last, this):
            one.follow(snapshot(
                second(at), {"acme": 1000, "globex": 1000}, nobodys=1000,
                down=frozenset({Measure.VECTORS}),
            ))  # fmt: skip
    request.getfixturevalue("services")
    return str(Month(last.year, last.month))


def test_a_month_with_its_files_and_statements(
    month: str, open_page: Open, files: Made, sign_in: SignIn, services: Services
) -> None:
    """What is on the screen is in the files, each logged; who is confined sees their lines alone.

    A price file that is wrong is told by its line, to who sees all: it names tenants.
    """
    app = open_page("bill", month=month)
    assert "Fleet: 120.00 EUR" in words(app)
    assert "Coverage of the month: 100 %" in words(app)
    assert "Unknown all the time, and so in no amount: Vectors." in words(app)
    assert "of Patterns (unowned)" in words(app)
    frame = app.dataframe[0].value.set_index("Tenant")
    assert frame.loc["tenant/acme", ["Total", "Patterns", "Base fee"]].tolist() == [60, 40, 20]
    assert "Change" in app.dataframe[0].proto.column_order  # the month is over
    assert b"tenant/globex" in files["download_bill_csv"]()
    assert files["download_bill_xlsx"]().startswith(b"PK")
    one = open_page("bill", month=month, tenant="tenant/acme")
    assert "Statement for tenant/acme" in words(one)
    assert "Vectors: known for none of the time (Redis did not answer)" in words(one)
    assert b"globex" not in files["download_statement_html"]()
    this = str(Month.parse(month).next)
    later = open_page("bill", month=this, tenant="tenant/acme")
    before = later.dataframe[-1].value
    assert before[["Month", "Amount"]].to_numpy().tolist() == [[month, 60]]
    assert f"<td>{month}</td><td>60.00 EUR</td>".encode() in files["download_statement_html"]()
    targets = {entry.event.target for entry in services.logbook.page(LogFilter(), limit=20)}
    assert {f"statement of {month} as html", f"bill of {month} as xlsx"} < targets
    services.cards.change([Edit(TenantKey("tenant", "acme"), "Acme *Inc*")], by="eve")
    assert "Acme *Inc*" in words(open_page("bill", month=month, tenant="tenant/acme"))
    assert b"Statement for Acme *Inc*" in files["download_statement_html"]()
    nobody = words(open_page("bill", month=month, tenant="tenant/no\u202ebody"))
    assert "had nothing" in nobody
    assert "\u202e" not in nobody

    sign_in("viewer", "tenant/acme")
    confined = open_page("bill", month=month)
    assert confined.dataframe[0].value["Tenant"].tolist() == ["tenant/acme"]
    assert "Tenants in your scope: 60.00 EUR" in words(confined)
    assert "Billed to nobody" not in words(confined)
    assert b"globex" not in files["download_bill_csv"]()
    others = open_page("bill", month=month, tenant="tenant/globex")
    assert "or is not in your scope" in words(others)

    for kept in cache._kept.values():
        kept.clear()
    assert services.settings.prices is not None
    services.settings.prices.write_text(price_file({"tenant/globex": {"base": "-7"}}))
    text = words(open_page("bill", month=month))
    assert "KATO_TENANTS_PRICES: the price file cannot be used" in text
    assert "globex" not in text
    sign_in("viewer")
    said = 'prices.toml: line 6: prices."tenant/globex".base has to be 0 or more'
    assert said in words(open_page("bill", month=month))


def test_the_page_comes_back_for_what_its_script_does_not_read(
    month: str, open_page: Open, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A month is read by the thread that reckons, and until then the page says so."""
    readers, may, read = set[str](), threading.Event(), HistoryService.totals

    def reading(history: HistoryService, *asked: Any) -> Totals:
        readers.add(threading.current_thread().name)
        assert may.wait(240)
        return read(history, *asked)

    monkeypatch.setattr(HistoryService, "totals", reading)
    services.bill._background._patience = 0
    app = open_page("bill", month=month)
    assert "Being reckoned…" in words(app)
    assert not app.dataframe
    may.set()
    services.bill._background._patience = 240
    assert "Fleet: 120.00 EUR" in words(app.run())
    assert "Being reckoned" not in words(app)
    assert all(name.startswith(THREAD) for name in readers)

    def down(*_: object) -> Totals:
        raise StoreUnavailable("history store", "reading usage over time", "it gave no answer")

    monkeypatch.setattr(type(services.bill), "reckoned", down)
    assert "Unknown: history store did not answer" in words(app.run())


def test_what_a_parked_tenant_saves_is_told_at_the_prices_of_now(
    put: Put, request: pytest.FixtureRequest, tmp_path: Path, open_page: Open
) -> None:
    """By its card's label, as in a bill; without a file that can be used it says so."""
    prices = tmp_path / "prices.toml"
    prices.write_text(price_file({"*": {"thousand_patterns": "40"},
                                  "label:plan=gold": {"thousand_patterns": "50"}}))  # fmt: skip
    put({"PRICES": str(prices)})
    services: Services = request.getfixturevalue("services")
    gone = TenantKey("tenant", "gone")
    services.cards.change([Edit(gone, labels={"plan": "gold"})], by="ann")
    services.parking_book.put(Parked(
        gone, services.now(), "ann", "OPS", "id", "file", 9, "purge", "erased", "job",
        saved={Measure.PATTERNS: Amount(3000, None)},
    ))  # fmt: skip

    def saves() -> list[str]:
        frames = [each.value for each in open_page("tenants").dataframe]
        return [
            cell for each in frames if "Saves a month" in each for cell in each["Saves a month"]
        ]

    assert saves() == ["150.00 EUR"]
    prices.write_text("no price file")
    assert saves() == []
    assert "What that saves is unknown" in words(open_page("tenants"))
