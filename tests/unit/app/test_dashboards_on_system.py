"""What System and `doctor` say of the dashboards that share the records."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from cli import doctor
from dashboard.system.dashboards import frame, words
from services.health.models import Dashboard, Dashboards

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
ONE = Dashboard("a", "host-1/7", "1.2", read_only=False, started=NOW, heard=NOW)
TWO = Dashboard("b", "host-2/8", "1.2", read_only=True, started=NOW, heard=NOW)
BOTH = Dashboards((ONE, TWO), "a", NOW - timedelta(minutes=5), NOW, "b")


def test_it_is_said_who_reads_the_stores_and_for_how_long() -> None:
    assert words(BOTH) == "2 dashboards. host-1/7 reads the stores for all, for 5 min now."
    assert words(replace(BOTH, this="a")).startswith("2 dashboards. This one reads the stores")
    newer = replace(BOTH, there=(ONE, replace(TWO, version="1.3")))
    assert words(newer).endswith("They are of 2 versions.")


def test_that_nobody_does_is_no_alarm() -> None:
    """Nor that whoever did is not counted any more."""
    for nobody in (replace(BOTH, collects=""), replace(BOTH, there=(TWO,))):
        assert "None reads the stores right now" in words(nobody)


def test_a_row_each() -> None:
    table = frame(BOTH)
    assert list(table["Dashboard"]) == ["host-1/7", "host-2/8 (this one)"]
    assert list(table["Does"]) == ["reads the stores", "shows what was read, read only"]
    strange = frame(replace(BOTH, there=(replace(ONE, name="host\u202e\n" + "x" * 90),)))
    assert len(strange["Dashboard"][0]) < 70
    assert "\u202e" not in strange["Dashboard"][0]
    assert frame(replace(BOTH, there=())).empty


def test_doctor_says_the_same() -> None:
    text = doctor.text((), {}, BOTH).splitlines()
    assert text[0].startswith("dashboard host-1/7: version 1.2, collects since 2026-01-31")
    assert text[1] == "dashboard host-2/8: version 1.2, read only"
    told = json.loads(doctor.json_text((), {}, BOTH))["dashboards"]
    assert [each["collects"] for each in told] == [True, False]
    assert doctor.text((), {}, None) == ""
    assert json.loads(doctor.json_text((), {}, None))["dashboards"] is None
