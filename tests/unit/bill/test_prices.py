"""The price file: exact, strict, and told by line and key where it is wrong."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from services.bill.price_file import terms_in
from services.bill.prices import Charge, Price, PriceError, SharedRule, read_terms
from services.embedded.sample import prices as sample
from services.errors import SettingsError
from services.tenancy.kb_ids import TenantKey
from tests.unit.bill.months import price_file

GOOD = price_file({
    "*": {"base": "10", "disk_gib": "0.25"}, "org/*": {"disk_gib": "0.1"},
    "org/big": {"base": "0"},
})  # fmt: skip


def test_the_most_specific_price_wins_and_says_whose_it_is() -> None:
    terms = read_terms(GOOD)

    def price(tenant: str, charge: Charge) -> Price | None:
        return terms.price(TenantKey.parse(tenant), charge)

    assert price("tenant/acme", Charge.DISK) == Price(Decimal("0.25"), "*")
    assert price("org/small", Charge.DISK) == Price(Decimal("0.1"), "org/*")
    assert price("org/big", Charge.DISK) == Price(Decimal("0.1"), "org/*")
    assert price("org/big", Charge.BASE) == Price(Decimal(0), "org/big")
    assert price("org/small", Charge.BASE) == Price(Decimal(10), "*")
    assert price("org/small", Charge.MEMORY) is None


def test_a_labels_price_is_between_a_kinds_and_a_tenants() -> None:
    """Of two labels that have one, that which the file has first."""
    terms = read_terms(price_file({
        "*": {"base": "10", "disk_gib": "9"}, "org/*": {"base": "8"}, "org/big": {"base": "0"},
        "label:plan=gold": {"base": "5"}, "label:eu=1": {"base": "4", "disk_gib": "3"},
    }))  # fmt: skip
    labels = ("label:eu=1", "label:plan=gold")

    def price(tenant: str, charge: Charge, *labels: str) -> Price | None:
        return terms.price(TenantKey.parse(tenant), charge, labels)

    assert terms.by_label
    assert not read_terms(GOOD).by_label
    assert price("org/small", Charge.BASE) == Price(Decimal(8), "org/*")
    assert price("org/small", Charge.BASE, *labels) == Price(Decimal(5), "label:plan=gold")
    assert price("org/big", Charge.BASE, *labels) == Price(Decimal(0), "org/big")
    assert price("org/small", Charge.DISK, *labels) == Price(Decimal(3), "label:eu=1")
    assert price("org/small", Charge.DISK, "label:plan=gold") == Price(Decimal(9), "*")


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        ("0.25", "-1", 'line 7: prices."*".disk_gib has to be 0 or more'),
        ("0.25", "nan", 'line 7: prices."*".disk_gib has to be a number, as 0.25'),
        ("0.25", "true", 'line 7: prices."*".disk_gib has to be a number, as 0.25'),
        ("0.25", '"0.25"', 'line 7: prices."*".disk_gib has to be a number, as 0.25'),
        ("0.25", "1e-20", 'line 7: prices."*".disk_gib is wrong: '),
        ("base = 10", "base = [\n10,\n]", 'line 8: prices."*".base has to be a number, as 0.25'),
        ("disk_gib = 0.1", "disc = 0.1", 'line 9: prices."org/*".disc is no key that is known'),
        ("org/big", "big", "line 10: prices.big is neither *, nor a kind as org/*, nor a label as"),
        ('"EUR"', '"Euro"', "line 1: currency has to be a code of three capitals, as EUR"),
        ('currency = "EUR"\n', "", "currency is missing"),
        ("decimals = 2", "decimals = 9", "line 2: decimals is wrong: "),
        ("half_up", "nearest", "line 3: rounding is wrong: "),
        ('"nobody"', '"all"', "line 4: shared is wrong: "),
        ("decimals = 2", "decimals = 2\ndecimals = 3", "is not TOML: "),
        ('[prices."org/big"]', '[prices."*"]', "is not TOML: "),
        ("[prices", "[", "prices is missing"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_by_line_and_key(good: str, bad: str, said: str) -> None:
    """Nothing of it is passed over: a key that is misspelt would be a price that is not taken."""
    if said == "prices is missing":
        wrong = GOOD[: GOOD.index("[prices")]
    else:
        wrong = GOOD.replace(good, bad, 1)
        assert wrong != GOOD
    with pytest.raises(PriceError) as caught:
        read_terms(wrong)
    assert said in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_the_file_itself(tmp_path: Path) -> None:
    """None is no prices; one that cannot be read is a wrong setting, and says so in one line."""
    assert terms_in(None) is None
    file = tmp_path / "prices.toml"
    for content in (None, b"\xff\xfe", b"#" * (1 << 20) + b"##", b"currency = 4"):
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(SettingsError, match=r"^KATO_TENANTS_PRICES: "):
            terms_in(file)
    with pytest.raises(SettingsError, match="no file that is there"):
        terms_in(tmp_path)
    file.write_text(sample.TEXT)
    found = terms_in(file)
    assert found is not None
    assert found.shared is SharedRule.BY_USE
    assert "made up" in found.note
