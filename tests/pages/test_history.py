"""A tenant's past on its page."""

from __future__ import annotations

import re

from services.bootstrap import Services
from tests.pages.conftest import Open, words


def test_a_tenants_past_is_drawn_and_told(services: Services, open_page: Open) -> None:
    """One figure at a time; what it did is said to those who do not see the chart."""
    app = open_page("tenant", tenant="tenant/acme-corp", tab="Usage")
    assert "Over time" in [header.value for header in app.header]
    chart = app.get("plotly_chart")[0]
    assert chart.proto.spec.count("Scatter") or "scatter" in chart.proto.spec
    found = re.search(r"from (\d+) to \1, between \1 and \1", words(app))
    assert found, words(app)
    (acme,) = (each for each in services.collector.state.snapshot.tenants
               if str(each.tenant) == "tenant/acme-corp")  # fmt: skip
    assert int(found[1]) == acme.usage.patterns.count
    app.segmented_control(key="figure").set_value("Keys").run()
    assert f"from {acme.usage.keys.count:,} to {acme.usage.keys.count:,}" in words(app)
