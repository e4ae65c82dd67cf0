"""Every use case by role and scope: what is allowed, what comes of it, what is written down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from unittest.mock import patch

import pytest

from services.access.viewer import PERMISSIONS, Action, Outcome, Role, Viewer
from services.apart.models import Words
from services.audit_log.models import LogFilter
from services.audit_log.verify import VerifyState
from services.canary.models import CanaryState
from services.errors import (
    AccessDenied,
    ApprovalNeeded,
    FindingError,
    KatoTenantsError,
    NoSuchPlan,
    SettingsError,
    StoreError,
    StoreUnavailable,
)
from services.figures import Measure
from services.jobs.looks import LookState
from services.purge.models import Request, Surface, Target
from services.restore.models import Held
from services.sessions.landing import land
from services.sessions.older import Older
from services.tenancy.ownership import Claim, ClaimState, Ownership
from tests.unit.access.desks import (
    ACME,
    ACME_KB,
    ACME_NODE,
    ADMIN,
    ALERTS,
    ALL,
    CASES,
    COUNTED,
    DIGEST,
    JOB,
    LOOK,
    NOW,
    OTHER,
    OTHERS_FINDING,
    OWN,
    OWNERSHIP,
    RESTORING,
    SCHEME,
    SILENCES,
    TO_DECIDE,
    TO_MOVE,
    VALUES,
    ZED,
    ZED_KB,
    ZED_NODE,
    World,
    members,
    plan,
    viewer_of,
)
from tests.unit.access.scopes_seen import names_told
from tests.unit.access.taken_apart import PLAN as TO_TAKE_APART
from tests.unit.looping import forget, told
from tests.waiting import wait_until

LOGGED = sorted(name for name, case in CASES.items() if case.action)
SCOPES = (ALL, OWN, OTHER)
PROXY = {
    "auth": "proxy", "proxy_header": "X-Token", "proxy_issuer": "https://idp",
    "proxy_audience": ("kato",), "proxy_secret": "s" * 32, "default_role": "admin",
    "default_tenants": ("*",), "id_claim": "sub",
}  # fmt: skip


@pytest.fixture(scope="module")
def whole_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("desk"))
    yield made
    made.close()


@pytest.fixture
def world(whole_world: World) -> World:
    """As if nothing had been done yet."""
    anew(whole_world)
    return whole_world


def anew(world: World) -> None:
    forget(world)
    world.log.empty()


def allowed(name: str, role: Role, scope: str) -> bool:
    return role.includes(CASES[name].role) and scope in CASES[name].scopes


def test_every_method_is_in_the_table_and_nothing_else(world: World) -> None:
    """Whoever adds one says here what it takes."""
    assert members(world.desk(lambda: viewer_of(ADMIN))) == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_it_takes_the_role_and_the_scope(world: World, name: str) -> None:
    """And where one is missing the use case is not asked, which is written down."""
    for role, scope in product(Role, SCOPES):
        anew(world)
        with told(f"as {role} with {scope} in scope"):
            _takes(world, name, role, scope)


def _takes(world: World, name: str, role: Role, scope: str) -> None:
    case, desk = CASES[name], world.desk(lambda: viewer_of(role, scope))
    if allowed(name, role, scope):
        case.call(desk)
        assert not case.inner or case.inner in world.asked()
        refusals = [e for e in world.log.entries() if e.event.outcome is Outcome.REFUSED]
        assert len(refusals) == (name == "care.inspect" and scope == OTHER)  # it is not told
        return
    enough = role.includes(case.role)
    with pytest.raises(case.refused if enough else AccessDenied) as caught:
        case.call(desk)
    assert world.asked() <= (TO_DECIDE if enough else set())
    if isinstance(caught.value, AccessDenied):
        (entry,) = world.log.entries()
        assert entry.event.outcome is Outcome.REFUSED
        assert (entry.event.who, entry.event.role) == ("ann", role.value)
        assert entry.event.action == caught.value.action
        assert entry.event.reason == caught.value.reason


@pytest.mark.parametrize("name", CASES)
def test_nothing_of_others_comes_back(world: World, name: str) -> None:
    """Whatever the use case says of the whole fleet: neither names nor sums, nor in an error."""
    _fill_for(world, name)
    for scope, hidden in ((OWN, ["zed", COUNTED]), (OTHER, ["acme"])):
        try:
            found = CASES[name].call(world.desk(lambda s=scope: viewer_of(ADMIN, s)))  # type: ignore[misc]
        except KatoTenantsError as exc:
            found = str(exc)
        assert not names_told(found, hidden), scope


@pytest.mark.parametrize("name", [n for n, case in CASES.items() if case.scopes != (ALL,)])
def test_who_sees_all_gets_it_whole(world: World, name: str) -> None:
    """So that the test above is not passed by giving nobody anything."""
    _fill_for(world, name)
    case = CASES[name]
    whole = case.call(world.desk(lambda: viewer_of(ADMIN)))
    if name in {"fleet.figures", "fleet.read", "purge.jobs", "purge.tombstones", "approvals.all",
                "approvals.mine", "isolation.report", "isolation.state", "finding.find", "log.page",
                "log.exported", "log.exporting", "log.people", "names.exporting", "limits.rules",
                "limits.standings", "history.happened", "bill.month", "alerts.all",
                "alerts.deliveries", "archives.archives", "archives.newest_proven",
                "restore.jobs", "parking.every", "parking.jobs", "move.every", "move.jobs",
                "apart.every", "apart.jobs",
                "backups.rules", "backups.standings"}:  # fmt: skip
        assert names_told(whole, ["zed", "acme"]) == {"zed", "acme"}
    if name in {"fleet.checks", "fleet.history", "fleet.workers", "purge.receipt_text",
                "purge.receipt_to_print", "isolation.state", "isolation.scores",
                "limits.version", "bill.month"}:  # fmt: skip
        assert names_told(whole, [COUNTED])


def test_the_count_of_alerts_is_what_the_page_shows(world: World) -> None:
    """A silence that a confined viewer is not shown quiets nothing for them either."""
    everything = replace(SILENCES[0], tenant=None)
    for silence, whole, confined in ((everything, 0, 1), (SILENCES[0], len(ALERTS) - 1, 0)):
        world.alerts.silences.return_value = (silence,)
        for scope, count in ((ALL, whole), (OWN, confined)):
            desk = world.desk(lambda scope=scope: viewer_of(Role.VIEWER, scope))  # type: ignore[misc]
            shown = desk.alerts.all()
            assert desk.alerts.firing() == count
            assert count == sum(shown.silence_of(each, NOW) is None for each in shown.live)


def test_what_is_wrong_with_the_prices_is_told_to_who_sees_all(world: World) -> None:
    """It names tenants, and what they pay."""
    reason = f'prices."{ZED}".base {COUNTED} is wrong'
    with patch.object(
        world.bill, "month", side_effect=SettingsError("KATO_TENANTS_PRICES", reason)
    ):
        for scope, said in ((ALL, reason), (OWN, "the price file cannot be used")):
            with pytest.raises(SettingsError) as caught:
                CASES["bill.month"].call(world.desk(lambda s=scope: viewer_of(ADMIN, s)))  # type: ignore[misc]
            assert caught.value.reason == said


def test_a_log_tells_a_confined_viewer_not_how_long_it_is(world: World) -> None:
    """Neither numbers nor hashes, verification nor anchors."""
    _fill(world)
    world.log.logbook.anchoring.anchor()
    desk = world.desk(lambda: viewer_of(ADMIN, OWN))
    page = desk.log.page(limit=1)
    assert {entry.number for entry in page.entries} == {0}
    assert {entry.hash for entry in (*page.entries, *desk.log.exported(limit=9))} == {""}
    assert desk.log.anchored.last is None
    assert world.desk(lambda: viewer_of(ADMIN)).log.anchored.last is not None
    assert page.older is not None
    second = desk.log.page(before=page.older, limit=50)
    assert [e.event.tenants for e in (*page.entries, *second.entries)] == [("tenant/acme",)] * 4
    assert second.older is None
    assert len(desk.log.ends(second.entries)) == 2
    world.log.logbook.start_verifying()
    wait_until(lambda: world.log.logbook.verifying.since is None)
    assert desk.log.verifying == VerifyState()
    assert world.desk(lambda: viewer_of(ADMIN)).log.verifying.result is not None


def test_a_log_is_not_searched_for_what_is_hidden_in_it(world: World) -> None:
    """What failed in others' words is not shown, and not found either."""
    log = world.log.logbook
    request = log.begin(viewer_of(ADMIN), Action.RUN_PURGE, tenants=[ACME])
    log.end(request, Outcome.FAILED, reason="tenant/zed holds it")
    for scope, found in ((ALL, 1), (OWN, 0)):
        desk = world.desk(lambda s=scope: viewer_of(ADMIN, s))  # type: ignore[misc]
        wanted = LogFilter(text="zed")
        assert len(desk.log.page(wanted).entries) == found
        assert len(desk.log.page(LogFilter(text="purge")).entries) == 2
        with desk.log.exporting(wanted) as entries:
            assert len(list(entries)) == found


@pytest.mark.parametrize(
    "request_",
    [Request(Target(ACME, node_id=ZED_NODE)), Request(Target(user="bob")),
     Request(Target(ACME), trim_streams=True), Request(Target(ZED))],
)  # fmt: skip
def test_a_plan_for_others_is_not_even_looked_for(world: World, request_: Request) -> None:
    """Else a refusal would tell whether their node_id is there."""
    with pytest.raises(AccessDenied):
        world.desk(lambda: viewer_of(ADMIN, OWN)).purge.plan(request_)
    assert not world.asked()


def test_a_plan_that_turns_out_to_concern_others_is_not_shown(world: World) -> None:
    """Though it was asked for a tenant in scope."""
    asked, both = Request(Target(ACME)), frozenset({ACME_KB, ZED_KB})
    concerned = replace(plan(), surface=Surface(both))
    world.purge.plan.return_value = concerned
    try:
        with pytest.raises(AccessDenied):
            world.desk(lambda: viewer_of(ADMIN, OWN)).purge.plan(asked)
        assert world.desk(lambda: viewer_of(ADMIN)).purge.plan(asked) is concerned
    finally:
        world.purge.plan.return_value = plan()


def test_a_plan_made_in_the_background_that_concerns_others_is_not_shown(world: World) -> None:
    """It is as one that failed: nothing of it comes back, and to look at it is no deed to log."""
    both = Surface(frozenset({ACME_KB, ZED_KB}))
    concerned = replace(TO_MOVE, purge=replace(TO_MOVE.purge, surface=both))
    world.moving.newest.return_value = LOOK, concerned
    try:
        found = world.desk(lambda: viewer_of(ADMIN, OWN)).move.planned(ACME, "eu-2")
        assert found is not None
        assert found[1] is None
        assert (found[0].state, found[0].found) == (LookState.FAILED, {})
        assert "in scope" in found[0].problem
        assert not world.log.entries()
        whole = world.desk(lambda: viewer_of(ADMIN)).move.planned(ACME, "eu-2")
        assert whole == (LOOK, concerned)
    finally:
        world.moving.newest.return_value = LOOK, TO_MOVE


def test_why_a_look_failed_is_told_to_who_asked_for_it(world: World) -> None:
    """As it would have been then and there; to others who are confined it is not."""
    failed = replace(LOOK, state=LookState.FAILED, problem="nothing of it is here", by="ann")
    world.moving.newest.return_value = failed, None
    try:
        for who, told in (("ann", True), ("bob", False)):
            seen = world.desk(lambda w=who: replace(viewer_of(ADMIN, OWN), id=w)).move  # type: ignore[misc]
            found = seen.planned(ACME, "eu-2")
            assert found is not None
            assert ((found[0].problem, found[0].by) == (failed.problem, "ann")) is told
    finally:
        world.moving.newest.return_value = LOOK, TO_MOVE


def test_a_restore_whose_names_others_have_by_now_is_not_begun(world: World) -> None:
    """Its plan may be of before, when the viewer had everyone in scope whom it concerned."""
    by_now = replace(RESTORING, held=(Held(ACME_KB, (ZED,)),))
    same = world.restore.held_now.side_effect
    world.restore.held_now.side_effect = lambda _: by_now
    try:
        with pytest.raises(AccessDenied):
            world.desk(lambda: viewer_of(ADMIN, OWN)).restore.begin(
                "a", reason="x", seen=by_now.digest
            )
        assert not world.restore.begin.called
        world.desk(lambda: viewer_of(ADMIN)).restore.begin("a", reason="x", seen=by_now.digest)
    finally:
        world.restore.held_now.side_effect = same


def test_an_obstacle_is_told_without_others(world: World) -> None:
    """What a purge is refused for is looked for in the plan as its viewer sees it."""
    world.purge.planned.return_value = replace(plan(), blockers=(f"zed {COUNTED}",))
    try:
        desk = world.desk(lambda: viewer_of(ADMIN, OWN))
        desk.purge.begin(DIGEST, confirm="tenant/acme", reason="x")
    finally:
        world.purge.planned.return_value = plan()
    (checked,) = world.purge.check.call_args_list
    assert checked.args[0].obstacles
    assert not names_told(checked.args[0], ["zed", COUNTED])


def test_who_else_is_where_a_session_would_land_is_not_told(world: World) -> None:
    """Only that it may not be created there, to who tries it all the same too."""
    claim = Claim(ClaimState.SHARED, (ACME, ZED), "tenant/zed was seen")
    both = replace(
        land(ACME_NODE, OWNERSHIP), claim=claim, others=(ZED,), refusal="used by tenant/zed"
    )
    world.sessions.landing.return_value = both
    try:
        desk = world.desk(lambda: viewer_of(ADMIN, OWN))
        landing = desk.sessions.landing(SCHEME, VALUES)
        assert landing.refusal
        assert not names_told(landing, ["zed"])
        with pytest.raises(AccessDenied) as caught:
            desk.sessions.create(SCHEME, VALUES, ttl_seconds=60, metadata={})
        assert "zed" not in str(caught.value)
        assert "sessions.create" not in world.asked()
        assert world.desk(lambda: viewer_of(ADMIN)).sessions.landing(SCHEME, VALUES) == both
    finally:
        world.sessions.landing.return_value = land(ACME_NODE, OWNERSHIP)


def test_a_word_on_older_data_is_logged(world: World) -> None:
    """With whose node_id; where nothing was there before, none is."""
    plain = land(ACME_NODE, OWNERSHIP)
    targets = []
    try:
        for older in (Older({Measure.PATTERNS: 16}, ()), None):
            world.sessions.landing.return_value = replace(plain, older=older)
            desk = world.desk(lambda: viewer_of(ADMIN))
            desk.sessions.create(SCHEME, VALUES, ttl_seconds=60, metadata={}, word="moved here")
            assert world.sessions.create.call_args.kwargs["word"] == "moved here"
            targets.append([each.event.target for each in world.log.entries()][-1])
    finally:
        world.sessions.landing.return_value = plain
    assert targets == [f"{ACME_NODE}, onto older data: moved here", ACME_NODE]


def test_a_name_of_anothers_has_one_answer_and_each_look_is_logged(world: World) -> None:
    """Taken, free, or being purged: for who may not have all who may hold it."""
    desk, seen = world.desk(lambda: viewer_of(ADMIN, OWN)), []
    unseen = Claim(ClaimState.INFERRED, (ACME,), "it reads two ways", (ZED,))
    free = replace(land(ACME_NODE, OWNERSHIP), claim=unseen)
    try:
        for landing in (free, replace(free, others=(ZED,), refusal="used by tenant/zed"),
                        replace(free, refusal="it is being purged")):  # fmt: skip
            world.sessions.landing.return_value = landing
            seen.append(desk.sessions.landing(SCHEME, VALUES))
    finally:
        world.sessions.landing.return_value = land(ACME_NODE, OWNERSHIP)
    assert seen == [seen[0]] * 3
    assert seen[0].refusal
    entries = world.log.entries()
    assert [entry.event.outcome for entry in entries] == [Outcome.REFUSED] * 3
    assert {entry.event.target for entry in entries} == {ACME_NODE}


def test_anothers_plan_is_as_one_that_is_not_there(world: World) -> None:
    """To look at, and to begin; that somebody tried is in the log."""
    desk, said = world.desk(lambda: viewer_of(ADMIN, OWN)), set()
    calls = (
        lambda: desk.purge.planned(DIGEST),
        lambda: desk.purge.begin(DIGEST, confirm="tenant/zed", reason="x"),
    )
    try:
        for there in ({"return_value": plan(ZED, ZED_KB)}, {"side_effect": NoSuchPlan()}):
            world.purge.planned.configure_mock(**there)
            for call in calls:
                with pytest.raises(NoSuchPlan) as caught:
                    call()
                said.add(str(caught.value))
    finally:
        world.purge.planned.configure_mock(return_value=plan(), side_effect=None)
    assert len(said) == 1
    events = [entry.event for entry in world.log.entries()]
    assert [(e.outcome, e.tenants) for e in events] == [(Outcome.REFUSED, ("tenant/zed",))] * 2


def test_others_findings_are_as_ones_that_are_not_there(world: World) -> None:
    """Whoever tries ids learns nothing; that they tried is in the log."""
    desk, said = world.desk(lambda: viewer_of(ADMIN, OWN)), set()
    for finding_id in (OTHERS_FINDING.id, "0" * 16):
        with pytest.raises(FindingError) as caught:
            desk.isolation.accept(finding_id, why="x")
        said.add(str(caught.value))
    assert len(said) == 1
    (entry,) = world.log.entries()
    assert entry.event.outcome is Outcome.REFUSED
    assert (entry.event.target, entry.event.tenants) == (OTHERS_FINDING.id, ("tenant/zed",))


@pytest.mark.parametrize("name", CASES)
def test_read_only_stops_what_writes(world: World, name: str) -> None:
    """For an admin who sees all, too; and nothing else is stopped."""
    case, desk = CASES[name], world.desk(lambda: viewer_of(ADMIN), read_only=True)
    if not case.writes:
        case.call(desk)
        return
    with pytest.raises(AccessDenied, match="read only"):
        case.call(desk)
    assert not world.asked()


def test_what_is_logged_as_writing_is_stopped() -> None:
    """The table agrees with what each action is said to do."""
    for case in CASES.values():
        if case.action:
            assert case.writes is PERMISSIONS[case.action].writes


@pytest.mark.parametrize("name", LOGGED)
def test_it_is_written_down_before_and_after(world: World, name: str) -> None:
    """By whom, in which role, what, whose, and which very thing."""
    case = CASES[name]
    for scope in (ALL, OWN):
        if scope not in case.scopes:
            continue
        world.log.empty()
        case.call(world.desk(lambda s=scope: viewer_of(ADMIN, s)))  # type: ignore[misc]
        begun, ended = (entry.event for entry in world.log.entries())
        assert (begun.outcome, ended.outcome) == (Outcome.BEGUN, Outcome.DONE)
        for event in (begun, ended):
            assert (event.who, event.role) == ("ann", "admin")
            assert event.action == case.action
            assert event.tenants == tuple(map(str, case.tenants))
            assert event.target == case.target
            assert event.request_id == begun.request_id
        if case.writes:
            assert len(begun.digest) == len(ended.digest) == 64


@pytest.mark.parametrize("name", sorted(set(CASES) - set(LOGGED)))
def test_what_is_not_privileged_is_not_written_down(world: World, name: str) -> None:
    CASES[name].call(world.desk(lambda: viewer_of(ADMIN)))
    assert not world.log.entries()


@pytest.mark.parametrize("name", LOGGED)
def test_what_cannot_be_logged_does_not_happen(world: World, name: str) -> None:
    """Nothing is asked but whose it is, and nothing comes back."""
    with world.log.broken(), pytest.raises(StoreError):
        CASES[name].call(world.desk(lambda: viewer_of(ADMIN)))
    assert world.asked() <= TO_DECIDE


@pytest.mark.parametrize("name", [name for name in LOGGED if CASES[name].writes])
def test_a_second_person_can_be_asked_for_everything_that_writes(
    world: World, name: str
) -> None:  # fmt: skip
    """But for approving itself and what only stops; until then the use case is not asked."""
    case = CASES[name]
    if case.action is Action.APPROVE or str(case.action).startswith("stop "):
        return
    world.approvals.use.side_effect = ApprovalNeeded("r1")
    desk = world.desk(lambda: viewer_of(ADMIN), **PROXY, two_persons=(str(case.action),))
    try:
        with pytest.raises(ApprovalNeeded):
            case.call(desk)
    finally:
        world.approvals.use.side_effect = None
    assert world.asked() <= {*TO_DECIDE, "approvals.use"}
    assert world.approvals.use.call_args.kwargs["digest"]
    assert world.log.entries()[-1].event.outcome is Outcome.REFUSED


def test_steps_of_one_purge_are_approved_each_for_itself(world: World) -> None:
    """Who may resume one may not end it by the same approval; to stop it takes none."""
    desk = world.desk(
        lambda: viewer_of(ADMIN), **PROXY, two_persons=(Action.STEER_PURGE.value,)
    )  # fmt: skip
    for deed in (desk.purge.stop, desk.purge.resume, desk.purge.abandon):
        deed(JOB.id)
    assert len(world.approvals.use.call_args_list) == 2
    digests = {call.kwargs["digest"] for call in world.approvals.use.call_args_list}
    assert len(digests) == 2


def test_to_stop_anything_waits_for_nobody(world: World) -> None:
    """Whatever waits for a second person as it begins: that is the way to end what goes wrong."""
    waiting = [each.value for each in Action if PERMISSIONS[each].writes]
    waiting = [each for each in waiting if each != "approve" and not each.startswith("stop ")]
    desk = world.desk(lambda: viewer_of(ADMIN), **PROXY, two_persons=tuple(waiting))
    stops = [name for name in CASES if name.endswith(".stop")]
    for name in stops:
        CASES[name].call(desk)
    assert len(stops) == 7
    assert not world.approvals.use.called


def test_what_a_move_comes_to_is_approved_each_for_itself(world: World) -> None:
    """To leave the copy there is another thing than to remove it; to stop waits for nobody."""
    desk = world.desk(lambda: viewer_of(ADMIN), **PROXY, two_persons=(Action.MOVE.value,)).move
    desk.stop("j")
    desk.cut_over("j")
    desk.give_up("j")
    desk.give_up("j", leave=True)
    asked = [call.kwargs for call in world.approvals.use.call_args_list]
    assert len({each["digest"] for each in asked}) == len({each["target"] for each in asked}) == 3
    assert {each["details"]["To"] for each in asked} == {"eu-2"}


@pytest.mark.parametrize("name", CASES)
def test_an_expired_sign_in_is_refused(world: World, name: str) -> None:
    over = datetime.now(UTC) - timedelta(seconds=1)
    with pytest.raises(AccessDenied, match="expired"):
        CASES[name].call(world.desk(lambda: Viewer("ann", ADMIN, expires_at=over)))
    assert not world.asked()


def _fill_for(world: World, name: str) -> None:
    """Fill the log for who reads it; the others' desks do not have it to read."""
    if name.startswith("log."):
        _fill(world)


def _fill(world: World) -> None:
    """Write something about each tenant, and about both, into the log."""
    log = world.log.logbook
    for tenants in ([ACME], [ZED], [ACME, ZED], [], [ACME]):
        own = "zed" if ZED in tenants else "acme"
        who = Viewer(f"of {own}" if tenants else f"{COUNTED} acme zed", ADMIN)
        target = "zed" if ZED in tenants else ("acme" if tenants else f"{COUNTED} acme zed")
        log.end(log.begin(who, Action.LOOK, tenants=tenants, target=target))


def test_what_was_typed_is_told_to_nobody_who_is_confined(world: World) -> None:
    """A reason may name anybody; who asked, and who sees all, read it."""
    request = world.approvals.find.return_value
    said = replace(request, details={"Reason": "sold to zed", "TTL": "60 s"})
    world.approvals.find.return_value, world.approvals.all.return_value = said, (said,)
    try:
        for viewer, details in (
            (viewer_of(ADMIN), said.details), (viewer_of(ADMIN, OWN), {"TTL": "60 s"}),
            (Viewer(said.asked_by, ADMIN, viewer_of(ADMIN, OWN).scope), said.details),
        ):  # fmt: skip
            desk = world.desk(lambda v=viewer: v)  # type: ignore[misc]
            found = desk.approvals.one(said.id)
            assert found is not None
            assert found.details == details
            assert [each.details for each in desk.approvals.all()] == [details]
    finally:
        world.approvals.find.return_value = request
        world.approvals.all.return_value = (request,)


@pytest.mark.parametrize("deed", ["begin", "resume", "abandon"])
def test_nothing_is_begun_where_it_is_not_known_who_owns_what(
    world: World, monkeypatch: pytest.MonkeyPatch, deed: str
) -> None:
    """And nothing that was begun fails for it, whose approval would be good again."""
    asked = 0

    def ownership() -> Ownership:
        nonlocal asked
        asked += 1
        if getattr(world.purge, deed).called or asked > 4:
            raise StoreUnavailable("state", "reading node_ids", "it is down")
        return OWNERSHIP

    monkeypatch.setattr(world.usage, "ownership", ownership)
    desk = world.desk(lambda: viewer_of(ADMIN, OWN))
    if deed == "begin":
        desk.purge.begin(DIGEST, confirm="tenant/acme", reason="x")
    else:
        getattr(desk.purge, deed)(JOB.id)
    assert world.log.entries()[-1].event.outcome is Outcome.DONE


def test_a_canary_test_under_way_is_not_logged_again(world: World) -> None:
    """Nor does it use an approval up; who may not run one is told so all the same."""
    world.canary.state = CanaryState(running_since=datetime.now(UTC))
    try:
        assert not world.desk(lambda: viewer_of(ADMIN)).canary.start()
        assert not world.log.entries()
        with pytest.raises(AccessDenied):
            world.desk(lambda: viewer_of(Role.SUPPORT)).canary.start()
    finally:
        world.canary.state = CanaryState()
    assert not world.canary.start.called


def test_a_canary_test_that_left_something_has_failed(world: World) -> None:
    """Though it has a report."""
    report = world.canary.run.return_value
    world.canary.run.return_value = replace(report, left=("a key",))
    try:
        world.desk(lambda: viewer_of(ADMIN)).canary.run()
    finally:
        world.canary.run.return_value = report
    assert world.log.entries()[-1].event.outcome is Outcome.FAILED


@pytest.mark.parametrize("taken", [ZED_NODE, "tenant:zed"])
def test_a_plan_to_take_apart_tells_nobody_whose_a_name_is(world: World, taken: str) -> None:
    """One that somebody out of scope has, by a node_id or an admin's word, is not looked at."""
    words = Words(names={ACME: taken})
    desk = world.desk(lambda: viewer_of(ADMIN, OWN))
    for asks in (
        lambda: desk.apart.plan(ACME_KB, words),
        lambda: desk.apart.ask(ACME_KB, words),
        lambda: desk.apart.begin(ACME_KB, words, reason="x", seen=""),
    ):
        with pytest.raises(AccessDenied) as caught:
            asks()
        assert "zed" not in str(caught.value)
    assert not world.apart.plan.called
    assert not world.to_part.ask.called
    world.to_part.newest.return_value = LOOK, (TO_TAKE_APART, words)
    try:
        found = desk.apart.planned(ACME_KB)
        assert found is not None
        assert found[1] is None
    finally:
        world.to_part.newest.return_value = LOOK, (TO_TAKE_APART, Words())
    desk.apart.plan(ACME_KB, Words(names={ACME: ACME_NODE}))
