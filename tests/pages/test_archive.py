"""The page Archives: one is taken, followed, proven and compared; a tenant's page leads to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dashboard.app import state_keys
from dashboard.archive import tables
from dashboard.draw.archive_parts import part_words
from services.archive.models import Archive, State
from services.archive.proving import KIND as PROVING
from services.bootstrap import Services
from services.purge.models import Request, Target
from services.tenancy.kb_ids import TenantKey
from tests.pages.conftest import Open, Put, looked, refresh, words
from tests.pages.test_sessions import press
from tests.servers.deployment import Deployment

ACME = "tenant/acme"


def test_one_is_taken_proven_and_found_from_its_tenant(
    request: pytest.FixtureRequest, put: Put, tmp_path: Path
) -> None:
    put({"ARCHIVES": str(tmp_path / "archives")})
    services: Services = request.getfixturevalue("services")
    open_page: Open = request.getfixturevalue("open_page")
    app = open_page("archive", tenant=ACME)
    assert "None yet." in words(app)
    app.text_input(key=state_keys.ARCHIVE_REASON).set_value("ticket 4711").run()
    press(app, "Take archive")
    (archive,) = services.archive.archives()
    assert (str(archive.target), archive.reason) == (ACME, "ticket 4711")
    services.archive.run_here(archive)
    app.run()
    assert "Proven" in words(app)
    assert ACME in [link.proto.label for link in app.get("page_link")]
    parts = app.dataframe[0].value
    assert {"Redis keys", "ClickHouse table patterns_data"} <= set(parts["Part"])
    assert parts["Count"].all()  # no part that is empty
    press(app, "Compare with the stores")
    looked(app, services, PROVING)
    assert "It is as it was written." in words(app)
    assert "The stores held the same." in words(app)
    (tmp_path / "archives" / archive.name).write_bytes(b"cut")
    press(app, "Verify")
    looked(app, services, PROVING)
    assert "is refused" in words(app)
    assert services.archive.archive(archive.id).state is State.BROKEN
    press(app, "All archives")
    assert list(app.dataframe[0].value["Why"]) == ["ticket 4711"]
    (take,) = (button for button in app.button if button.label == "Take archive")
    assert take.disabled  # what was typed before is not on the screen any more
    assert "No proven archive of it is known." in words(open_page("tenant", tenant=ACME))


@pytest.mark.parametrize(("name", "said"), [
    ("redis/sessions", "Sessions"), ("records/history", "Usage over time"),
    ("qdrant/vectors_a/b_kato", "Qdrant collection vectors_a/b_kato"), ("qdrant/", "qdrant/"),
    ("comparing\n", "comparing\\n"),
])  # fmt: skip
def test_a_part_is_called_by_what_it_is(name: str, said: str) -> None:
    assert part_words(name) == said


def test_what_is_not_known_of_an_archive_is_not_made_up() -> None:
    """Who is not told how much was left out is not told that it is nothing."""
    archive = Archive("a", Target(), (), "", "", State.PROVEN, "ada", datetime.now(UTC))
    assert (tables.changed_words(archive), tables.left_words(archive)) == ("nothing", "nothing")
    other = replace(archive, changes=1, left_out=2)
    assert tables.changed_words(other) == "1 thing"
    assert tables.left_words(other) == "2 kb_ids; Verify says which"


def test_an_archive_without_anything_of_the_stores_says_so() -> None:
    """Of a tenant that is only guessed nothing is taken, unless that is asked for."""
    counts = {"records/cards": 1, "redis/keys": 0}
    archive = Archive("a", Target(), (), "", "", State.PROVEN, "ada", datetime.now(UTC),
                      counts=counts, left_out=2)  # fmt: skip
    assert "2 kb_ids left out" in tables.empty_words(archive)
    assert tables.empty_words(replace(archive, left_out=None)) == "No row, key or vector is in it."
    assert tables.empty_words(replace(archive, counts={**counts, "redis/keys": 1})) == ""


def test_with_a_store_down_none_is_taken_and_it_says_why(
    services: Services, open_page: Open, kato: Deployment
) -> None:
    kato.fail("qdrant", "down")
    refresh(services)
    app = open_page("archive", tenant=ACME)
    assert "archives, parking and moves" in words(app)
    app.text_input(key=state_keys.ARCHIVE_REASON).set_value("ticket 4711").run()
    (take,) = (button for button in app.button if button.label == "Take archive")
    assert take.disabled
    assert "Qdrant is down" in take.help


def test_without_a_place_it_says_which_setting_is_missing(
    services: Services, open_page: Open
) -> None:
    app = open_page("archive", tenant=ACME)
    app.text_input(key=state_keys.ARCHIVE_REASON).set_value("x").run()
    press(app, "Take archive")
    assert "KATO_TENANTS_ARCHIVES" in words(app).replace("\\", "")


def test_one_is_removed_by_its_name_and_its_page_says_by_whom(
    request: pytest.FixtureRequest, put: Put, tmp_path: Path
) -> None:
    put({"ARCHIVES": str(tmp_path / "archives")})
    services: Services = request.getfixturevalue("services")
    open_page: Open = request.getfixturevalue("open_page")
    plan = services.archive.plan(Request(Target(TenantKey("tenant", "acme"))))
    archive = services.archive.run_here(services.archive.begin(plan, by="ann", reason="x"))
    app = open_page("archive", archive=archive.id)
    app.session_state[state_keys.of(state_keys.ARCHIVE_REMOVE_OPEN, archive.id)] = True
    app.run()
    assert "this is the last copy" in words(app)
    app.text_input(key=state_keys.of(state_keys.ARCHIVE_REMOVE_REASON, archive.id)).set_value(
        "erasure 7"
    ).run()
    assert app.button(key="archive_remove").disabled
    app.text_input(key=state_keys.of(state_keys.ARCHIVE_REMOVE_NAME, archive.id)).set_value(
        archive.name
    ).run()
    app.button(key="archive_remove").click().run()
    assert services.archive.archive(archive.id).state is State.REMOVED
    assert not (tmp_path / "archives" / archive.name).exists()
    assert "erasure 7" in words(app)
