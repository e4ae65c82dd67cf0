"""A second person's approvals, in SQLite and PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.access.viewer import Action, Role, Viewer
from services.approvals.models import Request
from services.approvals.service import MOST_WAITING, ApprovalService
from services.errors import AccessDenied, ApprovalNeeded, StoreUnavailable
from services.stores.records.approvals import KEPT, ApprovalStore
from services.tenancy.kb_ids import TenantKey
from tests.servers.records import Records, lines_of

DIGEST = "d" * 64
ACME, OTHER = TenantKey("tenant", "acme"), TenantKey("tenant", "other")
ANN, BOB = Viewer("ann", Role.ADMIN), Viewer("bob", Role.ADMIN)
LASTS = timedelta(hours=2)
DETAILS = {"Reason": "ticket 4711"}


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(records: Records) -> ApprovalStore:
    return ApprovalStore(records.engine())


@pytest.fixture
def service(store: ApprovalStore, clock: Clock) -> ApprovalService:
    return ApprovalService(store, lasts=LASTS, now=clock)


def use(
    service: ApprovalService, viewer: Viewer = ANN, action: Action = Action.RUN_PURGE,
    digest: str = DIGEST, **more: Any,
) -> None:  # fmt: skip
    given = {"tenants": [ACME], "target": "tenant/acme", "details": DETAILS, **more}
    service.use(viewer, action, digest=digest, **given)


def asked(
    service: ApprovalService, viewer: Viewer = ANN, action: Action = Action.RUN_PURGE,
    digest: str = DIGEST,
) -> Request:  # fmt: skip
    """What is filed when an action is tried."""
    with pytest.raises(ApprovalNeeded) as caught:
        use(service, viewer, action, digest)
    return service.request(caught.value.request)


def test_the_first_try_asks_and_the_second_finds_it_asked(service: ApprovalService) -> None:
    request = asked(service)
    assert asked(service) == request
    assert service.all() == (request,)
    assert (request.action, request.digest, request.target) == (
        Action.RUN_PURGE, DIGEST, "tenant/acme",
    )  # fmt: skip
    assert (request.tenants, request.asked_by) == ((ACME,), "ann")
    assert request.details == DETAILS
    assert request.expires_at - request.asked_at == LASTS


def test_it_is_done_once_with_one_approval(service: ApprovalService) -> None:
    """And the next time it has to be asked for again."""
    request = asked(service)
    approved = service.approve(BOB, request)
    assert approved == service.request(request.id)
    assert approved.approved_by == "bob"
    use(service)
    assert service.request(request.id).used_at is not None
    assert asked(service).id != request.id


def test_what_was_given_back_is_good_again(service: ApprovalService, clock: Clock) -> None:
    """For as long as it would have been, and once."""
    request = asked(service)
    service.approve(BOB, request)
    use(service)
    service.give_back(request.id)
    use(service)
    service.give_back(request.id)
    clock.now += LASTS
    with pytest.raises(ApprovalNeeded):
        use(service)


def test_who_asked_cannot_approve(service: ApprovalService, store: ApprovalStore) -> None:
    """Nor where somebody goes past the check before the store's own."""
    request = asked(service)
    with pytest.raises(AccessDenied, match="who asked for it"):
        service.approve(ANN, request)
    with pytest.raises(AccessDenied):
        service.approve(ANN, replace(request, asked_by="somebody else"))
    assert store.one(request.id) == request


@pytest.mark.parametrize(
    ("viewer", "action", "digest"),
    [
        (ANN, Action.RUN_PURGE, "e" * 64),
        (ANN, Action.STEER_PURGE, DIGEST),
        (Viewer("Ann", Role.ADMIN), Action.RUN_PURGE, DIGEST),
        (BOB, Action.RUN_PURGE, DIGEST),
    ],
)
def test_an_approval_is_for_one_thing_by_one_person(
    service: ApprovalService, viewer: Viewer, action: Action, digest: str
) -> None:
    """Another digest, another action, or another person has to ask themselves."""
    service.approve(BOB, asked(service))
    with pytest.raises(ApprovalNeeded):
        use(service, viewer, action, digest)
    use(service)


@pytest.mark.parametrize(
    "other", [{"tenants": [ACME, OTHER]}, {"tenants": [OTHER]}, {"tenants": []},
              {"details": {"Reason": "another"}}, {"details": {}}],
)  # fmt: skip
def test_an_approval_is_for_whom_it_concerned_and_for_what_was_said(
    service: ApprovalService, other: dict[str, Any]
) -> None:
    """Somebody else may hold the same by then: that takes another approval, and another admin."""
    first = asked(service)
    with pytest.raises(ApprovalNeeded) as caught:
        use(service, **other)
    assert caught.value.request != first.id
    service.approve(BOB, first)
    with pytest.raises(ApprovalNeeded):
        use(service, **other)
    use(service)


def test_fewer_tenants_than_were_approved_are_fine(service: ApprovalService) -> None:
    """And what somebody approved who sees everything is, for any."""
    for tenants in ([ACME, OTHER], []):
        with pytest.raises(ApprovalNeeded) as caught:
            use(service, tenants=tenants)
        service.approve(BOB, service.request(caught.value.request))
        use(service)


def test_what_is_over_can_be_neither_approved_nor_used(
    service: ApprovalService, clock: Clock
) -> None:
    late, approved = asked(service), asked(service, Viewer("cat", Role.ADMIN))
    service.approve(BOB, approved)
    clock.now += LASTS - timedelta(microseconds=1)
    assert late.waits(clock.now)
    clock.now += timedelta(microseconds=1)
    with pytest.raises(AccessDenied, match="over"):
        service.approve(BOB, late)
    with pytest.raises(ApprovalNeeded):
        use(service, Viewer("cat", Role.ADMIN))
    assert service.request(approved.id).used_at is None


def test_what_is_approved_is_not_approved_again(service: ApprovalService) -> None:
    """Nor once it was used: the log would tell of two."""
    request = service.approve(BOB, asked(service))
    for _ in range(2):
        with pytest.raises(AccessDenied):
            service.approve(Viewer("cat", Role.ADMIN), request)
        if service.request(request.id).used_at is None:
            use(service)
    assert service.request(request.id).approved_by == "bob"


def test_what_was_not_approved_is_not_used(store: ApprovalStore, service: ApprovalService) -> None:
    assert store.use(asked(service).id, datetime.now(UTC)) is False
    assert store.use("no such", datetime.now(UTC)) is False


def test_there_may_be_no_such_request(service: ApprovalService) -> None:
    with pytest.raises(AccessDenied, match="no such request"):
        service.request("x" * 16)


def test_processes_at_once_use_it_once(records: Records, service: ApprovalService) -> None:
    request = service.approve(BOB, asked(service))
    processes = [records.start("tests.servers.approver", request.id) for _ in range(3)]
    assert sorted(lines_of(processes)) == ["False", "False", "True"]


def test_threads_at_once_use_it_once(records: Records, service: ApprovalService) -> None:
    """Each time, over many tries."""
    stores = [ApprovalStore(records.engine()) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(20):
            request = service.approve(BOB, asked(service))
            used = [pool.submit(each.use, request.id, datetime.now(UTC)) for each in stores]
            assert sorted(each.result() for each in used) == [False, False, False, True]


def test_one_is_found_behind_many_newer(store: ApprovalStore, service: ApprovalService) -> None:
    """Who is confined looks for theirs among everybody's."""
    request = asked(service)
    for number in range(250):
        at = request.asked_at + timedelta(seconds=number + 1)
        store.add(replace(request, id=f"{number:016}", asked_at=at))
    assert request not in store.newest(200)
    assert request in service.all()
    assert service.all()[0].id == f"{249:016}"
    assert service.approve(BOB, service.request(request.id)).approved_by == "bob"


def test_ones_own_live_requests_are_what_is_still_to_be_done(
    service: ApprovalService, clock: Clock
) -> None:
    """Of one action, the oldest first; neither others', nor used ones, nor those that are over."""
    first = asked(service)
    service.approve(BOB, first)
    clock.now += timedelta(seconds=1)
    second = asked(service, digest="e" * 64)
    asked(service, Viewer("cat", Role.ADMIN))
    asked(service, action=Action.STEER_PURGE)
    assert [r.id for r in service.live(ANN, Action.RUN_PURGE)] == [first.id, second.id]
    use(service)
    assert service.live(ANN, Action.RUN_PURGE) == (second,)
    clock.now += LASTS
    assert service.live(ANN, Action.RUN_PURGE) == ()


def test_hostile_names_are_read_back(store: ApprovalStore, service: ApprovalService) -> None:
    who, tenant = "x\udcff\0'\u202e", TenantKey("tenant", "O'B\udc80/\0")
    request = replace(
        asked(service), id="h" * 16, asked_by=who, target="\ud800", tenants=(tenant,),
        details={"\udcff\0": who},
    )  # fmt: skip
    store.add(request)
    assert store.one(request.id) == request
    assert store.live(Action.RUN_PURGE, who, request.asked_at) == (request,)
    assert store.approve(request.id, who, datetime.now(UTC)) is False
    assert store.approve(request.id, "x", datetime.now(UTC)) is True


def test_nobody_floods_the_others_with_requests(service: ApprovalService, clock: Clock) -> None:
    """Who has as many waiting as one may asks no more until some are approved, used or over."""
    for number in range(MOST_WAITING):
        with pytest.raises(ApprovalNeeded):
            use(service, digest=f"{number:064}")
    with pytest.raises(ApprovalNeeded):
        use(service, digest=f"{0:064}")  # is asked for already
    with pytest.raises(AccessDenied, match="50 of your requests wait"):
        use(service)
    with pytest.raises(ApprovalNeeded):
        use(service, BOB)
    service.approve(BOB, next(each for each in service.all() if each.asked_by == "ann"))
    asked(service)
    with pytest.raises(AccessDenied):
        use(service, digest="e" * 64)
    clock.now += LASTS
    with pytest.raises(ApprovalNeeded):
        use(service, digest="e" * 64)


def test_what_was_over_long_ago_is_forgotten(
    store: ApprovalStore, service: ApprovalService
) -> None:
    old = asked(service)
    kept = replace(old, id="k" * 16, expires_at=old.expires_at + timedelta(days=1))
    store.add(kept)
    later = old.expires_at + KEPT + timedelta(seconds=1)
    store.add(replace(old, id="n" * 16, asked_at=later, expires_at=later + LASTS))
    assert store.one(old.id) is None
    assert store.one(kept.id) == kept


def test_a_database_that_is_gone_says_so(records: Records, service: ApprovalService) -> None:
    """And nothing was approved."""
    with records.engine().begin() as connection:
        connection.exec_driver_sql("DROP TABLE approval")
    for call in (service.all, lambda: use(service), lambda: service.request("x")):
        with pytest.raises(StoreUnavailable):
            call()
