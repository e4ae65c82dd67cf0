"""A tenant's past on its page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from services.access.viewer import Action, Outcome, Role, Viewer
from services.audit_log.models import LogFilter
from services.figures import Measure
from services.history.models import second
from services.history.record import HistoryRecorder
from services.settings.environment import Settings
from services.tenancy.kb_ids import TenantKey
from tests.engines.records.test_history import Past
from tests.pages.conftest import Open, SignIn, words
from tests.servers.records import Records
from tests.unit.history.snapshots import snapshot


@contextmanager
def recording(settings: Settings) -> Iterator[HistoryRecorder]:
    """Record a past, as a dashboard did before the one that is looked at."""
    with closing(Records(settings.data, None)) as records:
        yield Past(records).dashboard()


def test_a_tenants_past_is_drawn_and_told(
    kato_settings: Settings, request: pytest.FixtureRequest, open_page: Open
) -> None:
    """One figure at a time, with words for those who see no chart; a gap where it was unknown."""
    began = second(datetime.now(UTC) - timedelta(days=1))
    with recording(kato_settings) as one:
        for seconds, patterns in ((0, 400), (300, 450), (600, None), (1200, 420), (1500, 420)):
            down = frozenset({Measure.PATTERNS}) if patterns is None else frozenset()
            one.follow(snapshot(began + seconds, {"acme-corp": patterns or 0}, down=down))
    request.getfixturevalue("services")
    app = open_page("tenant", tenant="tenant/acme-corp", tab="Usage")
    (chart,) = app.get("plotly_chart")
    line = json.loads(chart.proto.spec)["data"][-1]["y"]
    assert None in line
    assert "from 400 to 9, between 9 and 450." in words(app)
    told = next(each.value for each in app.dataframe if "What" in each.value)
    assert "Redis did not answer" in told["What"][0]
    app.segmented_control(key="range").set_value("1 y").run()
    assert "between 9 and 450." in words(app)
    app.segmented_control(key="figure").set_value("Prediction memory").run()
    assert "Prediction memory: from 0B to " in words(app)


def test_what_happened_is_marked_for_who_may_read_of_it(
    kato_settings: Settings, request: pytest.FixtureRequest, open_page: Open, sign_in: SignIn
) -> None:
    """What concerns others too is not told, and who may not read the log is told nothing of it."""
    now, admin = datetime.now(UTC), Viewer("ann", Role.ADMIN)
    corp, other = TenantKey("tenant", "acme-corp"), TenantKey("tenant", "globex")
    with recording(kato_settings) as one:
        for ago in (20, 10):
            one.follow(snapshot(second(now - timedelta(minutes=ago)), {"acme-corp": ago}))
    sign_in("support", "tenant/acme-corp")
    services = request.getfixturevalue("services")
    did = (
        (Action.RUN_PURGE, (corp,), "job one"), (Action.RUN_PURGE, (corp, other), "job two"),
        (Action.RESTORE, (corp,), "job three"), (Action.EDIT_CARD, (corp,), "job four"),
    )  # fmt: skip
    for action, tenants, target in did:
        services.logbook.note(admin, action, tenants=tenants, target=target)

    def told() -> list[str]:
        app = open_page("tenant", tenant="tenant/acme-corp", tab="Usage")
        tables = [each.value for each in app.dataframe if "What" in each.value]
        return [text for table in tables for text in table["What"] if "job" in text]

    assert told() == ["Run a purge (done): job one", "Restore an archive (done): job three"]
    sign_in("viewer", "tenant/acme-corp")
    assert told() == []
    assert not services.logbook.page(LogFilter(outcomes=(Outcome.REFUSED,)))
    sign_in("support")
    assert len(told()) == 3


def test_tenants_are_compared_and_a_part_is_looked_at(
    kato_settings: Settings, request: pytest.FixtureRequest, open_page: Open
) -> None:
    """What is compared and looked at is in the address; one is beside itself a month ago."""
    now = datetime.now(UTC)
    with recording(kato_settings) as one:
        for ago in (timedelta(days=30, minutes=30), timedelta(minutes=30), timedelta(minutes=25)):
            one.follow(snapshot(second(now - ago), {"acme-corp": 4 + ago.days, "globex": 2}))
    request.getfixturevalue("services")
    since = now - timedelta(hours=1)
    zoom = f"{since:%Y-%m-%dT%H:%M:%SZ}/{now:%Y-%m-%dT%H:%M:%SZ}"
    app = open_page("usage", compared="tenant/acme-corp", month_ago="true", zoom=zoom)
    specs = [json.loads(each.proto.spec) for each in app.get("plotly_chart")]
    compared = next(each["data"] for each in specs if "before" in each["data"][-1].get("name", ""))
    assert [each["name"] for each in compared] == [
        "tenant/acme-corp", "tenant/acme-corp, 30 days before",
    ]  # fmt: skip
    assert 34 in compared[-1]["y"]
    app.multiselect(key="compared").set_value(["tenant/acme-corp", "tenant/globex"]).run()
    frames = [json.loads(each.proto.spec)["data"] for each in app.get("plotly_chart")]
    assert [each["name"] for each in frames[-1]] == ["tenant/acme-corp", "tenant/globex"]
    next(each for each in app.button if each.label == "Zoom out").click().run()
    assert "zoom" not in app.query_params
    assert not app.exception


@pytest.mark.usefixtures("services")
def test_no_line_is_drawn_of_one_point(open_page: Open) -> None:
    app = open_page("tenant", tenant="tenant/acme-corp", tab="Usage")
    assert not app.get("plotly_chart")
    assert "Charts begin with the second point" in words(app)


def test_the_fleet_and_who_grew(
    kato_settings: Settings, request: pytest.FixtureRequest, open_page: Open
) -> None:
    """The page Usage: the fleet's chart, and each change since the range began, exactly."""
    began = second(datetime.now(UTC) - timedelta(hours=2))
    with recording(kato_settings) as one:
        for seconds, patterns in ((0, 400), (600, 450)):
            one.follow(snapshot(began + seconds, {"acme-corp": patterns, "left": 3}, shared=5))
    request.getfixturevalue("services")
    app = open_page("usage")
    chart, stack = (json.loads(each.proto.spec)["data"] for each in app.get("plotly_chart"))
    assert chart[-1]["y"][-1] > 0
    assert sum(part["y"][-1] for part in stack) == chart[-1]["y"][-1]
    frame = _movers(app).set_index("Owner")
    assert list(frame.loc["tenant/acme-corp", ["Before", "After", "Change"]]) == [400, 9, -391]
    assert frame.loc["tenant/left", "New or gone"] == "gone"
    assert frame.loc["tenant/globex", "New or gone"] == "new"
    assert "(shared)" in frame.index
    fleet = sum(frame["Change"])
    assert f"({'+' if fleet >= 0 else '−'}{abs(fleet):,})" in words(app)
    app.segmented_control(key="range").set_value("Own").run()
    assert len(_movers(app)) == len(frame)


@pytest.mark.usefixtures("services")
def test_what_was_known_once_has_not_moved(open_page: Open) -> None:
    assert "Read once, at" in words(open_page("usage"))


def _movers(app: AppTest) -> pd.DataFrame:
    return next(each.value for each in app.dataframe if "Owner" in each.value)
