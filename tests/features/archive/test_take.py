"""Archives of a whole deployment: what is in them, what is not, and that they are proven."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyrage
import pytest
from pydantic import SecretStr

from services import bootstrap
from services.archive import take
from services.archive.container import Reader
from services.archive.errors import ArchiveError, ArchiveFlaw, ArchiveRefused
from services.archive.formats import key_of, lines_of
from services.archive.models import Archive, Change, Manifest, Piece, State
from services.archive.plan import changed_since
from services.archive.take import Taking
from services.bootstrap import Services
from services.cards.models import OnHold
from services.errors import PurgeRefused
from services.jobs.models import JobState
from services.purge.models import Request, Target
from services.settings.environment import Settings
from services.stores.clickhouse.query import Asking
from services.tenancy.kb_ids import TenantKey
from tests.servers.deployment import Deployment

ACME = Target(tenant=TenantKey("tenant", "acme"))
SESSION = b"kato:session:session-"
KEY = pyrage.x25519.Identity.generate()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "archives"


@pytest.fixture
def services(kato_settings: Settings, folder: Path) -> Iterator[Services]:
    settings = kato_settings.model_copy(update={"archives": SecretStr(str(folder))})
    with closing(bootstrap.build(settings)) as found:
        yield found


def taken(services: Services, target: Target = ACME, *, quiesce: bool = False) -> Archive:
    plan = services.archive.plan(Request(target))
    archive = services.archive.begin(plan, by="cli/ann", reason="leaves", quiesce=quiesce)
    return services.archive.run_here(archive)


def content(folder: Path, archive: Archive) -> tuple[Manifest, dict[str, bytes]]:
    with (folder / archive.name).open("rb") as stream:
        reader = Reader(stream)
        found: dict[str, bytes] = {}
        for chunk, data in reader.chunks():
            found[chunk.part] = found.get(chunk.part, b"") + data
        return reader.manifest, found


def test_everything_of_a_tenant_is_in_it_and_nothing_of_anybody_else(
    services: Services, folder: Path, kato: Deployment
) -> None:
    plan = services.archive.plan(Request(ACME))
    archive = services.archive.run_here(services.archive.begin(plan, by="ann", reason="leaves"))
    manifest, parts = content(folder, archive)
    surface = plan.surface
    keys = {key_of(line).key: key_of(line) for line in lines_of(parts["redis/keys"])}
    redis = kato.targets.redis
    mine = {
        key for key in redis.scan_iter(count=1000)
        if key.partition(b":")[0].decode("utf-8", "surrogateescape") in surface.kb_ids
    }  # fmt: skip
    assert mine <= keys.keys()
    assert {key for key in keys if b":" in key and not key.startswith(b"kato:")} == mine
    for key in list(mine)[:50]:
        if redis.type(key) == b"string":
            assert keys[key].value.encode("utf-8", "surrogateescape") == redis.get(key)
    records = map(key_of, lines_of(parts["redis/sessions"]))
    sessions = [json.loads(each.value) for each in records if each.key.startswith(SESSION)]
    assert {each["node_id"] for each in sessions} <= surface.nodes
    rows = sum(item.count for item in plan.items if item.kind == "patterns_data")
    assert manifest.part("clickhouse/patterns_data").count == rows > 0  # type: ignore[union-attr]
    points = [json.loads(line) for name, data in parts.items() if name.startswith("qdrant/")
              for line in lines_of(data)]  # fmt: skip
    assert len(points) == sum(i.count for i in plan.items if i.store.value == "vectors") > 0
    assert all(each["vector"] for each in points)
    assert manifest.disclosed == (*plan.disclosed, *plan.blockers) != ()
    assert manifest.changes == ()
    assert archive.state is State.PROVEN
    assert [each.name for each in folder.iterdir()] == [archive.name]


def test_it_is_proven_alone_and_against_the_stores(
    services: Services, folder: Path, kato: Deployment
) -> None:
    archive = taken(services)
    assert services.archive.verify(archive.id, stores=True).differences == ()
    _, parts = content(folder, archive)
    names = (key_of(line).key for line in lines_of(parts["redis/keys"]))
    key = next(name for name in names if b":frequency:" in name)
    kato.targets.redis.incr(key)
    (difference,) = services.archive.verify(archive.id, stores=True).differences or ()
    assert (difference.part, difference.there) == ("redis/keys", difference.archived)
    whole = (folder / archive.name).read_bytes()
    (folder / archive.name).write_bytes(whole[:-1])
    with pytest.raises(ArchiveRefused):
        services.archive.verify(archive.id)
    broken = services.archive.archive(archive.id)
    assert broken.state is State.BROKEN
    assert services.archive.newest_proven(["tenant/acme"]) == {}
    (folder / archive.name).write_bytes(whole)
    services.archive.verify(archive.id)
    assert services.archive.newest_proven(["tenant/acme"])["tenant/acme"].id == archive.id


def test_what_changes_while_it_is_taken_is_said(
    services: Services, folder: Path, kato: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = services.archive.plan(Request(ACME))
    archive = services.archive.begin(plan, by="ann", reason="leaves")
    kb_id = min(plan.surface.kb_ids)
    read = Taking._sessions

    def written_meanwhile(taking: Taking) -> Iterator[Piece]:
        kato.targets.redis.set(f"{kb_id}:prediction:new", "{}")
        return read(taking)

    monkeypatch.setattr(Taking, "_sessions", written_meanwhile)
    archive = services.archive.run_here(archive)
    manifest, _ = content(folder, archive)
    (change,) = [each for each in manifest.changes if each.kind == "prediction"]
    assert (change.owner, change.after) == (kb_id, (change.before or 0) + 1)
    assert services.archive.archive(archive.id).changes == 1


def test_rows_that_are_others_after_they_were_read_are_said(
    services: Services, folder: Path, kato: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many of them; and where nothing is written, none is read a second time."""
    hashed = list[str]()
    row = Asking.row

    def noted(self: Asking, operation: str, query: str, bound: Any, **more: Any) -> Any:
        hashed.extend([str(bound["table"])] if "__h" in query else [])
        return row(self, operation, query, bound, **more)

    monkeypatch.setattr(Asking, "row", noted)
    kato.targets.clickhouse.command(
        "OPTIMIZE TABLE patterns_data FINAL"
    )  # nothing is left to merge
    assert content(folder, taken(services))[0].changes == ()
    assert "patterns_data" not in hashed

    def rewritten(*what: Any, **more: Any) -> tuple[Change, ...]:
        kato.targets.clickhouse.command(
            "ALTER TABLE patterns_data UPDATE first_token = 'other' "
            "WHERE kb_id LIKE 'tenant_acme%' SETTINGS mutations_sync = 2"
        )
        return changed_since(*what, **more)

    monkeypatch.setattr(take, "changed_since", rewritten)
    (change,) = content(folder, taken(services))[0].changes
    assert (change.kind, change.before) == ("clickhouse/patterns_data", None)
    assert "patterns_data" in hashed


def test_sessions_that_are_ended_first_are_in_it(
    services: Services, folder: Path, kato: Deployment
) -> None:
    plan = services.archive.plan(Request(ACME))
    there = sum(item.count for item in plan.items if item.kind == "session")
    archive = taken(services, quiesce=True)
    manifest, parts = content(folder, archive)
    assert manifest.quiesced
    assert manifest.changes == ()
    found = [key_of(line) for line in lines_of(parts["redis/sessions"])]
    assert sum(each.key.startswith(SESSION) for each in found) == there > 0
    assert not any(
        json.loads(kato.targets.redis.get(key) or "{}").get("node_id") in plan.surface.nodes
        for key in kato.targets.redis.scan_iter(match="kato:session:session-*")
    )


def test_sessions_of_who_is_on_legal_hold_are_not_ended(
    services: Services, kato: Deployment
) -> None:
    """Neither where the hold was there before, nor where it is set before the step that ends."""
    key, plan = ACME.tenant, services.archive.plan(Request(ACME))
    assert key is not None
    before = sorted(kato.targets.redis.scan_iter(match="kato:session:*"))
    begun = services.archive.begin(plan, by="cli/ann", reason="leaves", quiesce=True)
    services.cards.hold([key], reason="a court's order", by="ann")
    assert services.archive.run_here(begun).state is State.FAILED
    with pytest.raises(OnHold):
        services.archive.begin(plan, by="cli/ann", reason="leaves", quiesce=True)
    assert sorted(kato.targets.redis.scan_iter(match="kato:session:*")) == before
    assert taken(services).state is State.PROVEN


def test_encrypted_nothing_of_it_can_be_read_without_the_identity(
    services: Services, folder: Path
) -> None:
    settings = services.settings.model_copy(
        update={"archive_recipients": str(KEY.to_public())}
    )  # fmt: skip
    services.settings = settings
    archive = taken(services)
    data = (folder / archive.name).read_bytes()
    assert archive.encrypted
    assert b"acme_" not in data
    assert services.archive.verify(archive.id).manifest is None  # by its hash alone
    with pytest.raises(ArchiveRefused) as told:
        services.archive.show(archive)
    assert told.value.flaw is ArchiveFlaw.LOCKED
    services.settings = settings.model_copy(update={"archive_identities": SecretStr(str(KEY))})
    del services.archive


@pytest.mark.parametrize("store", ["clickhouse", "redis", "qdrant"])
def test_with_a_store_down_nothing_is_kept(
    services: Services, folder: Path, kato: Deployment, store: str
) -> None:
    kato.fail(store, "down")
    with pytest.raises(ArchiveError, match="could not be asked"):
        taken(services)
    assert not folder.exists()
    assert services.archive.archives() == ()


def test_a_store_that_breaks_off_half_way_leaves_nothing_and_says_why(
    services: Services, folder: Path, kato: Deployment
) -> None:
    plan = services.archive.plan(Request(ACME))
    archive = services.archive.begin(plan, by="ann", reason="leaves")
    kato.fail("qdrant", "down")
    services.archive.run_here(archive)
    job = services.archive.job(archive)
    assert job is not None
    assert job.state is JobState.FAILED
    assert "Qdrant" in job.problem
    assert not folder.exists()
    kato.heal()
    services.archive.resume(archive)
    assert services.archive.run_here(archive).state is State.PROVEN


def test_a_target_that_was_never_seen_is_refused(services: Services) -> None:
    with pytest.raises(PurgeRefused):
        services.archive.plan(Request(Target(tenant=TenantKey("tenant", "nobody"))))


def test_without_a_place_it_says_so(kato_settings: Settings) -> None:
    with (
        closing(bootstrap.build(kato_settings)) as services,
        pytest.raises(ArchiveError, match="KATO_TENANTS_ARCHIVES"),
    ):
        taken(services)
