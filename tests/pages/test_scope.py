"""What somebody sees and may do, by role and scope, on every page; and what not any more."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import redis
import streamlit
from streamlit.proto.SelectWidgetFilterMode_pb2 import SelectWidgetFilterMode
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.testing.v1 import AppTest

from dashboard.app import navigation, runtime, state_keys as session
from dashboard.app.cache import cached, sight_of
from dashboard.draw.formatting import visible
from services.access.viewer import Action, Outcome, Role, TenantPattern, Viewer
from services.audit_log.models import LogFilter
from services.bootstrap import Services
from services.errors import AccessDenied, ApprovalNeeded, NotSignedIn
from services.purge.job import Tombstone
from services.purge.models import Request, Target
from services.purge.worker import PurgeWorker
from services.sessions.models import Deed
from services.tenancy.kb_ids import TenantKey
from services.usage.snapshot import Snapshot
from tests.pages.conftest import Open, Put, Send, SignIn, plan_purge, refresh, words
from tests.pages.test_isolation import id_of
from tests.pages.test_sessions import listed, press, select
from tests.pages.test_tenant_look import looking
from tests.servers.deployment import Deployment

ACME, CORP = TenantKey("tenant", "acme"), TenantKey("tenant", "acme-corp")
TOTALS = re.compile(r"(?<![\d,.])(136|2,315|2315|2,343|2343)(?![\d,.])")

SHORT = 4  # characters; a name that is no longer is in any text

Files = dict[str, Callable[[], bytes]]


@pytest.fixture(autouse=True)
def _by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Purge jobs run when a test says so, and at once."""
    monkeypatch.setenv("KATO_TENANTS_SETTLE_SECONDS", "0")
    monkeypatch.setattr(PurgeWorker, "start", lambda self: None)


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> Files:
    """What each download button would make when it is clicked, by its label and key."""
    found: Files = {}

    def button(label: str, data: Any, *, key: str | None = None, **_: Any) -> bool:
        found[key or label] = data
        return False

    monkeypatch.setattr(streamlit, "download_button", button)
    return found


def snapshot_of(services: Services) -> Snapshot:
    snapshot = services.collector.state.snapshot
    assert snapshot is not None
    return snapshot


def nodes(app: Any) -> Iterator[Any]:
    """Everything on a page, in the sidebar too."""
    for child in getattr(app, "children", {}).values():
        yield child
        yield from nodes(child)


def said(app: AppTest) -> str:
    """Every text that the browser is sent, in tables, charts and tooltips too, without escapes."""
    texts = []
    for node in nodes(app._tree):
        proto = getattr(node, "proto", None)
        texts.append(str(proto).encode("ascii", "replace").decode("unicode_escape"))
        if isinstance(getattr(node, "value", None), pd.DataFrame):
            texts.append(node.value.to_csv())
    return "\n".join(texts).replace("\\", "")


def hidden_names(services: Services, viewer: Viewer) -> set[str]:
    """Names, node_ids and kb_ids of tenants out of scope that are no part of a visible name."""
    hidden, own = set[str](), set[str]()
    ownership = services.usage.ownership()
    for usage in snapshot_of(services).tenants:
        kb_ids = {part.name for part in usage.parts if part.is_kb}
        names = {str(usage.tenant), *kb_ids}
        (own if viewer.sees(usage.tenant) else hidden).update(names)
    for node in ownership.nodes:
        (own if viewer.sees(ownership.tenant_of(node)) else hidden).add(node)
    return {
        name for name in hidden if len(name) > SHORT and not any(name in mine for mine in own)
    }  # fmt: skip


def tip(button: Any) -> str:
    """A button's tooltip, without Markdown's escapes."""
    return str(button.help).replace("\\", "")


def began(tenant: TenantKey) -> str:
    """The id of a purge that was confirmed and has not run."""
    purge = runtime.desk().purge
    plan = purge.plan(Request(Target(tenant)))
    return purge.begin(plan.digest, confirm=str(tenant), reason="ticket 4711").id


def viewer_of(role: Role, *tenants: TenantKey) -> Viewer:
    return Viewer("ann@example.com", role, frozenset(TenantPattern(t.kind, t.id) for t in tenants))


def test_a_confined_viewer_is_sent_nothing_of_others(
    services: Services, open_page: Open, sign_in: SignIn, files: Files,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """On no page, not even when somebody who sees all, and another, were just there."""
    queries = {
        "tenant": {"tenant": str(ACME)}, "find": {"find": "alice"}, "purge": {"tenant": str(ACME)},
    }  # fmt: skip
    assert {usage.tenant for usage in snapshot_of(services).tenants} > {ACME, CORP}
    hidden = hidden_names(services, viewer_of(Role.ADMIN, ACME))
    assert "tenant:globex:user:hank" in hidden
    pages = [page.name for page in navigation.PAGES]
    sign_in("admin")
    globex = TenantKey("tenant", "globex")
    services.logbook.note(runtime.desk().gate.viewer(), Action.EXPORT, tenants=[globex, ACME])
    job = began(globex)
    stone = Tombstone("tenant_globex_user_hank_kato", str(globex), job, datetime.now(UTC))
    monkeypatch.setattr(services.purge, "tombstones", lambda _=None: (stone,), raising=False)
    refresh(services)
    assert services.isolation.report()
    whole = said(open_page("overview"))
    assert TOTALS.search(whole)
    assert "came back: tenant_globex_user_hank_kato" in whole
    for name, other in {"isolation": "acme_corp", "system": "globex", "sessions": "globex"}.items():
        assert other in said(open_page(name))
    sign_in("admin", str(CORP), who="bob@example.com")
    open_page("tenants")
    sign_in("admin", str(ACME))
    theirs = open_page("purge", job=job)
    assert "This purge cannot be shown" in words(theirs)
    assert "globex" not in said(theirs)
    for name in pages:
        text = said(open_page(name, **queries.get(name, {})))
        assert not {each for each in hidden if each in text}, name
        assert not {each for each in hidden if visible(each).replace("\\", "") in text}, name
        assert not TOTALS.search(text), (name, TOTALS.search(text))
        assert "globex" not in text, name
        assert "tenants in your scope alone" in text
    made = files["download_tenants_csv"]()
    assert b"tenant/acme," in made
    assert b"globex" not in made


def test_a_confined_viewers_tenant_is_drawn_whole(
    reading_services: Services, open_page: Open, sign_in: SignIn
) -> None:
    """With its own figures; another's page is as one that is not there."""
    sign_in("support", str(ACME))
    app = open_page("tenant", tenant=str(ACME))
    usage = next(each for each in snapshot_of(reading_services).tenants if each.tenant == ACME)
    shown = {metric.label: metric.value for metric in app.metric}
    assert usage.usage.patterns
    assert shown["Patterns"] == str(usage.usage.patterns.count)
    app.session_state[session.TAB] = "Browse"
    for section, column in (("Patterns", "Frequency"), ("Keys", "TTL"), ("Vectors", "Payload")):
        app.session_state[session.LOOK_INTO] = section
        app.run()
        assert not app.error
        assert any(column in frame.value.columns for frame in app.dataframe), section
    gone = words(open_page("tenant", tenant="tenant/globex"))
    assert "Nothing in the stores belongs to tenant/globex." in gone
    shared = words(open_page("sessions", session="session-no-such"))
    (theirs,) = {
        each.session_id for each in snapshot_of(reading_services).sessions or ()
        if each.owner.name == "tenant:globex:user:hank"
    } or {"none"}  # fmt: skip
    other = words(open_page("sessions", session=theirs))
    assert "There is no session" in other
    ages = re.compile("Updated (just now|.* ago)")
    said = [
        ages.sub("", page.replace(name, ""))
        for page, name in ((shared, "session-no-such"), (other, theirs))
    ]
    assert said[0] == said[1]


@pytest.mark.parametrize("role", ["viewer", "support", "operator"])
def test_pages_above_a_role_are_not_in_the_menu_and_say_what_they_take(
    reading_services: Services,
    open_page: Open,
    sign_in: SignIn,
    monkeypatch: pytest.MonkeyPatch,
    role: str,
) -> None:
    """In one calm line."""
    menus: list[set[str]] = []
    real = streamlit.navigation

    def navigation_of(pages: Any, **options: Any) -> Any:
        listing = [page for group in pages.values() for page in group]
        titles = {page.title for page in listing if page.visibility == "visible"}
        menus.append({title.partition(" (")[0] for title in titles})  # some have a count
        return real(pages, **options)

    monkeypatch.setattr(navigation.st, "navigation", navigation_of)
    sign_in(role)
    closed = [page for page in navigation.PAGES if not page.open_to(Role(role))]
    for page in closed:
        app = open_page(page.name)
        assert [title.value for title in app.title] == [page.title]
        assert "This page takes the role" in words(app)
        assert not app.metric
        assert not app.error
    open_page("overview")
    open_titles = {page.title for page in navigation.PAGES if page.open_to(Role(role))}
    assert menus[-1] == open_titles - {"Approvals"}


def test_what_a_viewer_may_not_do_is_off_and_says_why(
    reading_services: Services, open_page: Open, sign_in: SignIn
) -> None:
    """Links, buttons, the search in the sidebar, and sections of a tenant's page."""
    sign_in("viewer")
    app = open_page("tenant", tenant=str(ACME))
    links = {each.proto.label: each.proto for each in app.get("page_link")}
    assert links["New session"].disabled
    assert "takes the role operator" in links["New session"].help
    assert links["Purge…"].disabled
    for tab in ("Sessions", "Browse"):
        app.session_state[session.TAB] = tab
        assert "It takes the role support." in words(app.run())
    assert not any("STM" in frame.value.columns for frame in app.dataframe)
    assert session.FIND_ENTRY not in {each.key for each in app.text_input}
    app = open_page("isolation")
    audit = next(button for button in app.button if button.key == "audit")
    assert audit.disabled
    assert tip(audit) == "It takes the role support."
    assert next(b for b in app.button if b.key == "canary_run").disabled
    sign_in("operator")
    app = plan_purge(open_page("purge", tenant=str(ACME)), reading_services)
    erase = next(button for button in app.button if button.label.startswith("Erase "))
    assert erase.disabled
    assert tip(erase) == "It takes the role admin."


def test_clicks_are_refused_once_the_role_is_gone(
    restored_services: Services, open_page: Open, sign_in: SignIn
) -> None:
    """What was drawn for another role is a message, and nothing is done; each is logged."""
    services = restored_services
    sign_in("support")
    app = press(select(open_page("sessions"), 0), "Delete")
    before = snapshot_of(services).sessions
    sign_in("viewer")
    press(app, next(b.label for b in app.button if b.label.startswith("Delete 1")))
    assert "This page takes the role support." in words(app)
    sign_in("support")
    app.run()
    assert "Nothing was done: not allowed to change sessions" in words(app)
    assert listed(app) is not None
    assert services.usage.collect().sessions is not None
    assert len(services.usage.collect().sessions or ()) == len(before or ())

    sign_in("admin")
    app = plan_purge(open_page("purge", tenant=str(ACME)), services)
    app.text_input(key=session.PURGE_CONFIRM).set_value(str(ACME))
    app.text_input(key=session.PURGE_REASON).set_value("ticket").run()
    sign_in("admin", str(CORP))
    next(b for b in app.button if b.label.startswith("Erase ")).click().run()
    assert not app.exception
    assert not services.purge.jobs()
    assert "acme-corp" in words(app)
    assert "Erase" not in said(app)  # the plan was another's to see

    refused = services.logbook.page(LogFilter(outcomes=(Outcome.REFUSED,)))
    assert {entry.event.action for entry in refused} >= {"change sessions", "run a purge"}


def test_a_sign_in_that_is_over_refuses_a_click(
    reading_services: Services, open_page: Open, sign_in: SignIn
) -> None:
    """And the page says that nobody is signed in."""
    sign_in("admin")
    report = reading_services.isolation.audit(snapshot_of(reading_services))
    app = open_page("isolation", finding=id_of(report, "collision.shared-kb"))
    app = press(app, next(b.label for b in app.button if b.label.startswith("Accept ")))
    app.text_area(key=session.ACCEPT_WHY).set_value("ticket")
    sign_in("admin", exp=1)
    press(app, "Accept")
    assert app.title[0].value == "You are not signed in"
    after = reading_services.isolation.report()
    assert after is not None
    assert all(record.acceptance is None for record in after.records)


def test_files_are_made_for_who_may_have_them_when_they_click(
    reading_services: Services, open_page: Open, sign_in: SignIn, files: Files
) -> None:
    """In the name of who is signed in; each is logged before it is made, refusals too."""
    log = reading_services.logbook
    before = log.page(LogFilter(actions=(Action.EXPORT.value,)))
    sign_in("viewer")
    open_page("tenants")
    open_page("tenant", tenant=str(ACME), tab="Findings")
    assert log.page(LogFilter(actions=(Action.EXPORT.value,))) == before
    assert b"tenant/globex" in files["download_tenants_csv"]()
    newest = log.page(LogFilter(actions=(Action.EXPORT.value,)))
    assert [entry.event.outcome for entry in newest[:2]] == [Outcome.DONE, Outcome.BEGUN]
    assert newest[2:] == before
    assert newest[0].event.who == "ann@example.com"
    assert "tenant/globex" in newest[0].event.tenants
    sign_in("viewer", str(CORP))
    for name in ("tenants", "unowned_keys", "evidence"):
        with pytest.raises(AccessDenied):
            files[f"download_{name}_csv"]()
    sign_in("viewer", "tenant/*", "org/*", "team/*", "app/*", "user/*", "kb/*")
    with pytest.raises(AccessDenied, match="reload it"):
        files["download_tenants_parquet"]()
    sign_in("viewer", exp=1)
    with pytest.raises(NotSignedIn):
        files["download_tenants_csv"]()
    done = log.page(LogFilter(actions=(Action.EXPORT.value,), outcomes=(Outcome.DONE,)))
    assert tuple(each for each in done if each not in before) == newest[:1]


def test_a_whole_value_is_a_file_of_who_may_look_when_they_click(
    restored_services: Services,
    reading_kato: Deployment,
    open_page: Open,
    sign_in: SignIn,
    files: Files,
) -> None:
    """More of it than the page shows; logged as an export of its tenant's, by no name of it."""
    key, text = "tenant_acme_user_bob_kato:big:x", b"\xff" + b"0123456789" * 20_000
    with redis.Redis.from_url(reading_kato.environment["REDIS_URL"]) as client:
        client.set(key, text)
    sign_in("support", str(ACME))
    app = looking(open_page, "Keys", tenant=str(ACME))
    app.text_input(key="keys_typed_tenant/acme").set_value(key).run()
    assert files["download_whole_value"]() == text
    exports = LogFilter(actions=(Action.EXPORT.value,), outcomes=(Outcome.DONE,))
    done, *_ = restored_services.logbook.page(exports)
    assert done.event.tenants == ("tenant/acme",)
    assert done.event.target.startswith("the whole other key of tenant_acme_user_bob_kato, SHA")
    for role, scope in (("support", str(CORP)), ("viewer", str(ACME))):
        sign_in(role, scope)
        with pytest.raises(AccessDenied):
            files["download_whole_value"]()


def _script() -> None:
    import streamlit as st
    from streamlit.runtime.scriptrunner import get_script_run_ctx

    from dashboard.draw.downloads import decided_button

    def session_id() -> str:
        found = get_script_run_ctx()
        return "" if found is None else found.session_id

    st.session_state["drawn_for"] = session_id()
    decided_button("File", session_id, reason="", key="file", file_name="file")


def test_a_file_is_made_in_the_name_of_the_connection_it_was_drawn_for(
    files: Files, send: Send
) -> None:
    """Streamlit makes it in a thread of its own, where nobody would be signed in."""
    send([])
    app = AppTest.from_function(_script).run()
    assert not app.exception
    with ThreadPoolExecutor(1) as elsewhere:
        assert (
            elsewhere.submit(files["file"]).result().decode()
            == app.session_state["drawn_for"]
            != ""
        )
        assert elsewhere.submit(get_script_run_ctx, suppress_warning=True).result() is None


def test_the_log_and_receipts_are_exported_by_the_same_rule(
    services: Services, open_page: Open, sign_in: SignIn, files: Files
) -> None:
    """A confined viewer's file has nothing of others; a role that is gone gets none."""
    sign_in("admin")
    job = began(ACME)
    services.purge.run_here(job)
    began(TenantKey("tenant", "globex"))
    sign_in("admin", str(ACME))
    open_page("purge", job=job)
    open_page("audit_log")
    for name in ("Receipt as JSON", "Printable page", "log_csv", "log_jsonl"):
        made = files[name]()
        text = made if isinstance(made, str) else made.decode()
        assert "tenant/acme" in text, name
        assert "globex" not in text, name
    sign_in("viewer", str(ACME))
    for name in ("Receipt as JSON", "Printable page", "log_csv", "log_jsonl"):
        with pytest.raises(AccessDenied):
            files[name]()


ByTwo = Callable[[str], Services]


@pytest.fixture
def by_two(put: Put, request: pytest.FixtureRequest) -> ByTwo:
    """Have an action wait for a second person, from before the services are built."""

    def waiting(action: str) -> Services:
        put({"TWO_PERSONS": action, "ID_CLAIM": "email"})
        services: Services = request.getfixturevalue("services")
        return services

    return waiting


def test_two_admins_approve_what_one_asks_for(
    by_two: ByTwo, open_page: Open, sign_in: SignIn
) -> None:
    """Who asked cannot approve; the approval is used up by the very thing that was asked for."""
    sign_in("admin")
    services = by_two("run a purge")
    asker = plan_purge(open_page("purge", tenant=str(ACME)), services)
    assert "A second admin has to approve this" in words(asker)
    asker.text_input(key=session.PURGE_CONFIRM).set_value(str(ACME))
    asker.text_input(key=session.PURGE_REASON).set_value("ticket 4711").run()
    erase(asker)
    assert "this waits for a second admin" in words(asker)
    assert not services.purge.jobs()
    (waiting,) = services.approvals.all()
    own = open_page("approvals")
    button = next(b for b in own.button if b.label == "Approve")
    assert button.disabled
    assert "cannot approve it" in tip(button)
    assert "Nothing waits for your approval." in words(own)
    with pytest.raises(AccessDenied, match="who asked for it cannot approve it"):
        runtime.desk().approvals.approve(waiting.id)  # whatever a browser sends

    sign_in("operator", who="cid@example.com")
    seen = open_page("approvals", request=waiting.id)
    assert next(b for b in seen.button if b.label == "Approve").disabled

    sign_in("admin", str(CORP), who="dan@example.com")
    assert "or none in your scope" in words(open_page("approvals", request=waiting.id))

    sign_in("admin", who="bob@example.com")
    other = open_page("approvals")
    assert "requested by ann@example.com" in words(other)
    assert waiting.digest[:12] in words(other)
    assert "This plan cannot be shown" not in words(open_page("purge", plan=waiting.digest))
    press(other, "Approve")
    assert "approved by bob@example.com" in str(other.dataframe[0].value.to_csv())

    sign_in("admin")
    assert "Do it again now" in words(open_page("approvals"))
    asker.run()
    assert "Approved by bob@example.com: do it now" in words(asker)
    erase(asker)
    (job,) = services.purge.jobs()
    assert job.asked_by == "ann@example.com"
    assert services.approvals.all()[0].used_at is not None
    assert "and done" in open_page("approvals").dataframe[0].value["State"][0]


def test_what_is_asked_for_is_not_entered_again(
    by_two: ByTwo, open_page: Open, sign_in: SignIn
) -> None:
    """However long the second admin took: a finding is accepted as it was asked for."""
    sign_in("admin")
    services = by_two("accept a finding")
    finding = services.isolation.audit(services.usage.collect()).records[0].finding
    app = press(open_page("isolation", finding=finding.id), "Accept risk…")
    assert "the first click asks for it" in words(app)
    app.text_area(key=session.ACCEPT_WHY).set_value("ticket 4711")
    app = press(app, "Accept")
    assert "this waits for a second admin" in words(app)
    (waiting,) = services.approvals.all()
    assert waiting.details == {"Why": "ticket 4711", "How long": "90 days"}
    bob = Viewer("bob@example.com", Role.ADMIN)
    services.approvals.approve(bob, waiting)
    app = press(open_page("isolation", finding=finding.id), "Accept risk…")
    assert "Approved by bob@example.com: do it now" in words(app)
    assert "Requested: 90 days" in words(app)
    assert app.text_area(key=session.ACCEPT_WHY).value == "ticket 4711"
    press(app, "Accept")
    report = services.isolation.report()
    assert report is not None
    (accepted,) = (each for each in report.records if each.finding.id == finding.id)
    assert accepted.acceptance is not None
    assert services.approvals.all()[0].used_at is not None


def test_support_sees_what_becomes_of_a_request(
    by_two: ByTwo, open_page: Open, sign_in: SignIn
) -> None:
    """Who may ask may see it, with what is to be done, and cannot approve it."""
    sign_in("support", str(ACME))
    services = by_two("change sessions")
    (record, *_) = (
        each for each in services.usage.collect().sessions or ()
        if each.owner.name.startswith("tenant:acme:")
    )  # fmt: skip
    with pytest.raises(ApprovalNeeded):
        runtime.desk().care.act(Deed.EXTEND, [record], ttl_seconds=7200)
    app = open_page("approvals")
    assert {"extend", "7,200 s"} <= set(re.findall(r"extend|7,200 s", said(app)))
    assert next(b for b in app.button if b.label == "Approve").disabled


def erase(app: AppTest) -> None:
    next(b for b in app.button if b.label.startswith("Erase ")).click().run()
    assert not app.exception, app.exception


def test_without_two_persons_the_approvals_page_says_so(
    reading_services: Services, open_page: Open
) -> None:
    assert "KATO_TENANTS_TWO_PERSONS is not set" in words(open_page("approvals"))


def test_in_read_only_mode_whatever_writes_is_off(
    put: Put, open_page: Open, request: pytest.FixtureRequest
) -> None:
    """With a banner, and the reason at each button."""
    put({"READ_ONLY": "1"})
    services: Services = request.getfixturevalue("services")
    reason = "This dashboard is set to read only."
    app = plan_purge(open_page("purge", tenant=str(ACME)), services)
    assert "Read only (KATO_TENANTS_READ_ONLY)" in words(app)
    button = next(b for b in app.button if b.label.startswith("Erase "))
    assert button.disabled
    assert tip(button) == reason
    app = select(open_page("sessions"), 0)
    deeds = [button for button in app.button if str(button.key).startswith("deed_")]
    assert [tip(each) for each in deeds] == [reason] * 3
    app = open_page("new_session", tenant=str(ACME))
    assert reason in words(app)
    assert "Create session" not in {button.label for button in app.button}
    canary = next(b for b in open_page("isolation").button if b.key == "canary_run")
    assert tip(canary) == reason


def test_every_cache_goes_by_who_sees_it() -> None:
    """All caching is by `cached`, which decides first; nothing else in the pages keeps anything."""
    keeps = re.compile(r"\bcache_(data|resource)\(|\blru_cache\b|functools import .*\bcache\b")
    root = Path(__file__).parents[2]
    files = [*(root / "dashboard").rglob("*.py"), root / "streamlit_app.py"]
    found = {path.name for path in files if keeps.search(path.read_text("utf-8"))}
    assert found == {"cache.py"}


def test_what_is_kept_for_one_scope_is_not_shown_in_another(
    reading_services: Services, sign_in: SignIn
) -> None:
    """However alike what is asked is, and whoever was there before; one who may not is refused."""
    asked = list[str]()

    @cached(Action.SEE_FINDINGS, key=lambda: ())
    def told() -> str:
        asked.append(runtime.desk().gate.viewer().id)
        return asked[-1]

    @cached(Action.LOOK, key=lambda: (), each_viewer=True)
    def logged() -> str:
        return runtime.desk().gate.viewer().id

    sign_in("support", str(ACME))
    assert told() == told()
    first = logged()
    sign_in("support", str(ACME), who="cid@example.com")
    assert told() == asked[0]  # the same scope
    assert logged() != first
    sign_in("support", str(CORP))
    assert told() == asked[-1]
    assert len(asked) == 2
    sign_in("viewer")
    with pytest.raises(AccessDenied):
        logged()


def test_two_functions_keep_what_is_their_own(reading_services: Services, sign_in: SignIn) -> None:
    """Asked for the same, by the same viewer."""

    @cached(Action.SEE_FLEET)
    def one(of: str) -> str:
        return f"one {of}"

    @cached(Action.SEE_FLEET)
    def other(of: str) -> str:
        return f"other {of}"

    sign_in("viewer")
    assert [one("a"), other("a"), one("b"), one("a")] == ["one a", "other a", "one b", "one a"]


def test_what_is_cached_goes_by_role_and_scope() -> None:
    """However a scope is written down; and not by who it is."""
    ann = viewer_of(Role.ADMIN, ACME, CORP)
    assert sight_of(ann) == sight_of(
        Viewer("bob", Role.ADMIN, viewer_of(Role.ADMIN, CORP, ACME).scope, datetime.now(UTC))
    )
    others = [viewer_of(Role.SUPPORT, ACME, CORP), viewer_of(Role.ADMIN, ACME),
              Viewer("ann@example.com", Role.ADMIN)]  # fmt: skip
    assert len({sight_of(each) for each in (ann, *others)}) == 4


CONTAINS = SelectWidgetFilterMode.Value("FILTER_MODE_CONTAINS")
TENANT_ENTRY = "tenant:{tenant}:user:{user}.tenant"


def test_tenants_are_suggested_within_scope_as_one_is_typed(
    reading_services: Services, open_page: Open, sign_in: SignIn
) -> None:
    """And one click takes it."""
    suggested = {}
    for scope in ("*", str(CORP)):
        sign_in("admin", scope)
        app = open_page("new_session")
        app.text_input(key=TENANT_ENTRY).set_value("c").run()
        suggested[scope] = [b for b in app.button if str(b.key).startswith(TENANT_ENTRY)]
    ids = {scope: [b.label.replace("\\", "") for b in found] for scope, found in suggested.items()}
    assert {"acme", CORP.id, "initech"} <= set(ids["*"])
    assert ids[str(CORP)] == [CORP.id]
    suggested[str(CORP)][0].click().run()
    assert app.text_input(key=TENANT_ENTRY).value == CORP.id
    assert not [b for b in app.button if str(b.key).startswith(TENANT_ENTRY)]


def test_what_is_typed_is_found_in_a_name_as_it_stands(
    reading_services: Services, open_page: Open
) -> None:
    """Streamlit's own guess takes names that hold the letters anywhere, in order."""
    app = open_page("purge")
    assert app.selectbox(key=session.PURGE_TENANT).proto.filter_mode == CONTAINS
