"""`kato-tenants bill`, in processes of their own: a month's bill, its files, and a statement."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from services.embedded.sample import prices as sample
from services.history.models import second
from services.history.record import HistoryRecorder
from services.stores.records.history import HistoryRecords
from tests.engines.records.test_history import RETENTION
from tests.servers.forked import run
from tests.servers.records import Records
from tests.unit.bill.months import price_file
from tests.unit.history.snapshots import snapshot

FIRST, LAST = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
MARCH = ("--month", "2026-03")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The settings of records of one March, with a file of prices."""
    folder = tmp_path_factory.mktemp("bill")
    records = Records(folder, None)
    recorder = HistoryRecorder(
        HistoryRecords(records.engine()), gap=timedelta(days=31), retention=RETENTION
    )
    for at in (FIRST, LAST):
        recorder.follow(snapshot(second(at), {"acme": 500, "=cmd()": 1}, nobodys=7))
    records.close()
    prices = folder / "bill.toml"
    prices.write_text(price_file())
    return {"KATO_TENANTS_DATA": str(folder), "KATO_TENANTS_PRICES": str(prices)}


def test_a_months_bill_is_printed(data: dict[str, str]) -> None:
    """For programs and for people; amounts add up, and it is logged as an export."""
    found = json.loads(run("bill", *MARCH, "--json", **data).stdout)
    assert (found["total"], found["so_far"]) == ("60.04", False)
    assert [each["amount"] for each in found["tenants"]] == ["20.04", "40.00"]
    lines = list(csv.DictReader(run("bill", *MARCH, "--csv", **data).stdout.splitlines()))
    assert sum(Decimal(line["amount"] or 0) for line in lines) == Decimal("60.04")
    assert {line["tenant"] for line in lines} == {"tenant/acme", "tenant/=cmd()", ""}
    table = run("bill", *MARCH, **data).stdout.splitlines()
    assert table[-2].split()[0] == "tenant/acme"
    assert table[-2].split()[-2:] == ["40.00", "all"]
    assert table[-1].split() == ["TOTAL", "60.04"]
    assert "bill of 2026-03" in run("log", "show", "--json", **data).stdout


def test_one_tenants_bill_names_nobody_else(data: dict[str, str], tmp_path: Path) -> None:
    acme = ("--tenant", "tenant/acme", *MARCH)
    found = run("bill", *acme, "--json", **data).stdout
    assert "cmd" not in found
    assert (json.loads(found)["total"], json.loads(found)["unbilled"]) == (None, [])
    text = run("bill", "statement", *acme, **data).stdout
    assert text.splitlines()[0] == "Statement for tenant/acme"
    assert "40.00 EUR" in text
    with_year = run("bill", "statement", "--tenant", "tenant/acme", "--month", "2026-04",
                    "--year", **data).stdout  # fmt: skip
    assert with_year.splitlines()[-1].split() == ["2026-03", "40.00", "EUR", "all"]
    page = tmp_path / "acme.html"
    done = run("bill", "statement", *acme, "--html", str(page), **data)
    assert (done.stdout, done.returncode) == ("", 0)
    assert "40.00 EUR" in page.read_text("utf-8")


def test_a_workbook_is_written(data: dict[str, str], tmp_path: Path) -> None:
    book = tmp_path / "bill.xlsx"
    assert run("bill", *MARCH, "--xlsx", str(book), **data).returncode == 0
    rows = CalamineWorkbook.from_path(str(book)).get_sheet_by_name("Bill").to_python()
    assert [row[0] for row in rows] == ["Tenant", "tenant/=cmd()", "tenant/acme", "Total"]
    assert rows[-1][-2] == 60.04


def test_without_prices_there_are_quantities(data: dict[str, str]) -> None:
    bare = {"KATO_TENANTS_DATA": data["KATO_TENANTS_DATA"]}
    found = json.loads(run("bill", *MARCH, "--json", **bare).stdout)
    assert (found["currency"], found["total"]) == (None, None)
    patterns = found["tenants"][1]["lines"][1]
    assert (patterns["used"], patterns["amount"]) == ("372", None)
    made_up = Path(bare["KATO_TENANTS_DATA"], sample.FILE)  # as the sample fleet has it
    made_up.write_text(sample.TEXT)
    found = json.loads(run("bill", *MARCH, "--json", **bare).stdout)
    assert found["note"] == "Sample prices, made up."
    configured = bare | {"KATO_API_URL": "http://127.0.0.1:1"}
    assert json.loads(run("bill", *MARCH, "--json", **configured).stdout)["total"] is None
    made_up.unlink()
    table = run("bill", *MARCH, **bare).stdout
    assert "Prices: not set" in table
    assert "(unowned)" in table


def test_prices_are_tried(data: dict[str, str], tmp_path: Path) -> None:
    """In place of those in force, which stay; in a statement too."""
    tried = tmp_path / "next year.toml"
    tried.write_text(price_file({"*": {"base": "7"}}))
    at = ("--prices", str(tried))
    assert json.loads(run("bill", *MARCH, *at, "--json", **data).stdout)["total"] == "14.00"
    assert json.loads(run("bill", *MARCH, "--json", **data).stdout)["total"] == "60.04"
    acme = ("--tenant", "tenant/acme", *MARCH)
    assert "7.00 EUR" in run("bill", "statement", *acme, *at, **data).stdout


def test_what_cannot_be_asked_is_one_line(data: dict[str, str], tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(price_file().replace("20", "-20"))
    for words, more, said in (
        (("--month", "March"), {}, "--month: is no month, as 2026-10"),
        (("--month", "9000-01"), {}, "--month: 9000-01 has not begun"),
        ((*MARCH, "--tenant", "tenant/x"), {}, "--tenant: tenant/x had nothing in 2026-03"),
        ((*MARCH, "--json", "--csv"), {}, "exclude each other"),
        ((*MARCH, "--xlsx", str(tmp_path / "no" / "x")), {}, "--xlsx: the file cannot be written"),
        ((*MARCH, "statement", "--tenant", "tenant/acme"), {}, "go after statement"),
        ((*MARCH, "--prices", str(wrong)), {}, "--prices: wrong.toml: line 6"),
        (MARCH, {"KATO_TENANTS_PRICES": str(wrong)}, 'line 6: prices."*".base has to be 0 or more'),
    ):
        done = run("bill", *words, **data | more)
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr
        assert len(done.stderr.splitlines()) == 1
