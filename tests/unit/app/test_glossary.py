"""The words of this product."""

from __future__ import annotations

from dashboard.app.glossary import TERMS
from tests.servers import ROOT


def test_the_document_says_what_every_page_says() -> None:
    """Each word in its row, and no other."""
    lines = (ROOT / "docs/glossary.md").read_text("utf-8").splitlines()
    rows = [line for line in lines if line.startswith("| ")]
    assert rows[1:] == [f"| {term} | {text} |" for term, text in TERMS.items()]
