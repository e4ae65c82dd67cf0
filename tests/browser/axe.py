"""What axe-core finds on a page, Streamlit's own left out by rule and element."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files

from playwright.sync_api import Page

STREAMLITS = {
    "list": '[data-testid="stSidebarNavItems"]',
    "listitem": '[data-testid="stSidebarNav',
    "svg-img-alt": '[data-testid="stMetricChart"]',
}
"""Of each rule, the elements that Streamlit draws and no page of this product can change."""

_RUN = """async () => (await axe.run(document, {resultTypes: ['violations']})).violations.flatMap(
  ({id, impact, nodes}) => nodes.map(({target, html, any, all, none}) => {
    const found = document.querySelector(target.flat().at(-1));
    const inside = [];
    for (let e = found; e; e = e.parentElement)
      if (e.dataset.testid) inside.push(`[data-testid="${e.dataset.testid}"]`);
    const data = [...any, ...all, ...none].map(check => check.message).join('; ');
    return [id, impact, inside.join(' '), html.slice(0, 150), data.slice(0, 200)];
  }))"""


def violations(page: Page) -> list[str]:
    """Return what axe finds on a page that is this product's own, of any impact."""
    if not page.evaluate("'axe' in window"):  # it stays while one goes from page to page
        page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text("utf-8"))
    return list(_ours(page.evaluate(_RUN)))


def _ours(found: list[list[str]]) -> Iterator[str]:
    for rule, impact, inside, html, why in found:
        if rule not in STREAMLITS or STREAMLITS[rule] not in inside:
            yield f"{rule} ({impact}): {html} in {inside}: {why}"
