"""A bill's files: digits are exact, names of strangers stay texts, a statement names one tenant."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from html.parser import HTMLParser
from io import BytesIO

import pytest
from hypothesis import given, settings, strategies as st
from python_calamine import CalamineWorkbook

from cli.bill import table_text
from dashboard.bill import tables
from services.bill import formats, statement
from services.bill.models import Bill
from services.bill.prices import Charge
from services.bill.reckon import bill_of
from services.bill.xlsx import workbook
from services.history.models import Holder, OwnerKind
from services.history.totals import Total
from services.visible import visible
from tests.unit.bill.months import GIB_MONTH, PERIOD, tenant, terms, used
from tests.unit.bill.test_reckon import bill_of_many

BILL = bill_of_many()


def _sheets(bill: Bill) -> dict[str, list[list[object]]]:
    book = CalamineWorkbook.from_filelike(BytesIO(workbook(bill)))
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


def test_its_json() -> None:
    """As docs/bill.md says; exact where a float would round."""
    found = json.loads(json.dumps(formats.as_json(BILL)))
    assert (found["month"], found["zone"], found["so_far"]) == ("2026-10", "UTC", False)
    assert (found["currency"], found["total"]) == ("EUR", "48.04")
    first, second = found["tenants"]
    assert (first["tenant"], second["tenant"]) == ("tenant/<b>\udcff", "tenant/=cmd()")
    (memory,) = (line for line in second["lines"] if line["charge"] == "memory_gib")
    assert memory == {
        "charge": "memory_gib", "unit": "GiB-hours", "used": "1116", "exact": "1116",
        "margin": "74.4", "own": "744", "shared": "372", "billed": "1.5",
        "billed_unit": "GiB-months", "price": "4", "price_of": "*", "amount": "6.00",
        "known": 0.333333, "reason": "Redis did not answer",
    }  # fmt: skip
    assert found["unbilled"] == [
        {"holder": "unowned", "charge": "thousand_patterns", "unit": "thousand-pattern-hours",
         "used": "3.72", "exact": "93/25", "margin": "0"}
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("number", "written"),
    [(Fraction(0), "0"), (Fraction(2, 3), "0.666667"),
     (Fraction(10**20, 3), f"{10**20 // 3}.333333"),
     (Fraction(1, 3 * 10**9), "0.000000000333"), (Fraction(100), "100")],
)  # fmt: skip
def test_a_quantity_is_never_rounded_to_nothing(number: Fraction, written: str) -> None:
    assert formats.digits(number) == written


def test_lines_of_its_table_sum_up_to_the_total() -> None:
    at = formats.COLUMNS.index("amount")
    amounts = [row[at] for row in formats.rows(BILL) if row[at] is not None]
    assert sum(map(Decimal, map(str, amounts))) == Decimal("48.04")


def test_its_workbook() -> None:
    """A row a tenant with amounts that are numbers, and the fleet's total as the last."""
    bill = _sheets(BILL)["Bill"]
    assert bill[0][:3] == ["Tenant", "Name", "Base fee (EUR)"]
    assert bill[2][0] == "tenant/=cmd()"
    assert bill[2][-2:] == [26.0, 0.333333]
    assert bill[3][0] == "Total"
    assert bill[3][-2] == 48.04
    sheets = _sheets(BILL)
    assert len(sheets["Lines"]) == 1 + 12 + 1
    assert ["Currency", "EUR"] in sheets["About"]
    plain = _sheets(bill_of(PERIOD, used({}), None))
    assert plain["Bill"][0][-1] == "Coverage of the month"


def test_a_statement_is_for_what_people_call_the_tenant() -> None:
    """And says which tenant that is; so do the files and the table, where any has a name."""
    named = replace(BILL, tenants=tuple(replace(t, name="Acmé & <Co>") for t in BILL.tenants[:1]))
    (found,) = named.tenants
    lines = statement.text(named, found).splitlines()
    assert lines[0] == "Statement for Acmé & <Co>"
    assert f"Tenant: {visible(found.tenant)}" in lines
    parser = _Texts()
    parser.feed(statement.html(named, found))
    assert {"Statement for Acmé & <Co>", visible(found.tenant)} <= set(parser.texts)
    assert "Tenant:" not in statement.text(BILL, BILL.tenants[0])
    assert formats.as_json(named)["tenants"][0]["name"] == "Acmé & <Co>"
    assert next(formats.rows(named))[formats.COLUMNS.index("name")] == "Acmé & <Co>"
    assert _sheets(named)["Bill"][1][:2] == [visible(found.tenant), "Acmé & <Co>"]
    assert tables.frame(named, None, 9)["Name"].tolist() == ["Acmé & <Co>"]
    assert "Name" not in tables.frame(BILL, None, 9)


@settings(max_examples=15)
@given(st.text(st.characters(), min_size=1, max_size=12).map(lambda name: f"={name}"))
def test_any_name_stays_a_text(name: str) -> None:
    """Whatever a client called itself: no formula, no link, no markup."""
    holder = Holder(OwnerKind.TENANT, name)
    bill = bill_of(PERIOD, used({holder: {"keys_bytes": Total(GIB_MONTH)}}), terms())
    assert _sheets(bill)["Bill"][1][0] == visible(name)
    (found,) = bill.tenants
    parser = _Texts()
    parser.feed(statement.html(bill, found))
    assert f"Statement for {visible(name)}" in parser.texts
    assert statement.text(bill, found).splitlines()[0] == f"Statement for {visible(name)}"


def test_what_was_never_known_is_nowhere_0() -> None:
    """No quantity and no amount in any file; sums are of what is known, and say so."""
    figures = {tenant("acme"): {"keys_bytes": Total(GIB_MONTH)}}
    bill = bill_of(PERIOD, used(figures, never=frozenset({"vectors_bytes"})), terms())
    (line,) = (each for each in bill.tenants[0].lines if each.charge is Charge.VECTORS)
    told = {name: value for name, value in formats.as_json(bill)["tenants"][0]["lines"][4].items()
            if value is not None}  # fmt: skip
    assert told == {
        "charge": "vectors_gib", "unit": "GiB-hours", "billed_unit": "GiB-months", "price": "0.9",
        "price_of": "*", "known": 0, "reason": "Redis did not answer",
    }  # fmt: skip
    assert (line.amount, bill.total, bill.sum) == (None, 2400, 2400)
    row = dict(zip(formats.COLUMNS, list(formats.rows(bill))[4], strict=True))
    assert {row[name] for name in ("used", "own", "shared", "margin", "billed", "amount")} == {None}
    sheets = _sheets(bill)
    at = sheets["Bill"][0].index("Vectors (EUR)")
    assert [line[at] for line in sheets["Bill"][1:]] == ["", ""]
    assert sheets["Bill"][2][-2] == 24
    said = "Unknown all the time, and so in no amount: Vectors."
    assert said in sheets["About"][-1]
    text = statement.text(bill, bill.tenants[0])
    (vectors,) = (line for line in text.splitlines() if line.startswith("Vectors  "))
    assert vectors.split() == ["Vectors", "unknown", "0.9", "EUR", "none"]
    assert "Vectors: known for none of the time (Redis did not answer)" in text
    shown = tables.frame(bill, None, 9)
    assert shown["Vectors"].isna().all()
    assert said == statement.never_known(bill)
    bare = bill_of(PERIOD, used(figures, never=frozenset({"vectors_bytes"})), None)
    assert tables.frame(bare, None, 9)["Vectors (GiB-hours)"].isna().all()
    assert "-" in table_text(bare).splitlines()[-1].split()


class _Texts(HTMLParser):
    """What a page says, and that it has no element but its own."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        assert tag not in {"b", "script", "img", "a", "link"}

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())


def test_a_statement() -> None:
    """It says what was not known, was sampled and is shared, and names nobody else."""
    found = BILL.of("tenant/=cmd()")
    assert found is not None
    text = statement.text(BILL, found)
    assert "Redis memory  1116 GiB-hours" in text
    assert text.count("known for 33 % of the time (Redis did not answer)") == 1
    assert "Redis memory: it was sampled; 1116 GiB-hours may be wrong by at most 74.4." in text
    assert "Redis memory: 372 GiB-hours of it are held with others." in text
    assert "26.00 EUR" in text
    for whole in (text, statement.html(BILL, found)):
        assert "<b>" not in whole
        assert "udcff" not in whole
        assert "48.04" not in whole
    assert "@media print" in statement.html(BILL, found)
    assert "so far" in statement.text(replace(BILL, so_far=True), found)
