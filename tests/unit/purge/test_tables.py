"""What the Purge page says of plans, jobs and receipts, and what came back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from hypothesis import given, strategies as st

from dashboard.draw import notices as presenters
from dashboard.draw.formatting import visible
from dashboard.purge import (
    job_words as purge_steps,
    plan_tables as purge_tables,
    receipt_tables as purge_receipts,
)
from services.cards.models import Held, Hold
from services.errors import Problem
from services.figures import Amount, Measure, StoreState, Usage
from services.jobs.models import JobState, Progress, StepState
from services.purge.came_back import came_back
from services.purge.job import Job, Line, Outcome, Receipt, Tombstone
from services.purge.models import Item, LeftOut, Plan, Request, Surface, Target
from services.purge.steps import Step, StepName
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import Claim, ClaimState
from services.usage.snapshot import KbUsage, Snapshot, StoreFigures, TenantUsage, Unattributed

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ACME = TenantKey("tenant", "acme")
HOSTILE = st.text(st.characters(), max_size=30) | st.sampled_from([
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "a&b;", "'\"`", "\udcff\x00",
    "</style></td>", "&lt;", "\u202egnp",
])  # fmt: skip


def plan(items: tuple[Item, ...] = (), **changes: object) -> Plan:
    values: dict[str, object] = {
        "request": Request(Target(ACME)), "surface": Surface(), "items": items, "left_out": (),
        "disclosed": (), "blockers": (), "problems": {}, "absent": (), "created_at": NOW,
        "digest": "d" * 64,
    }  # fmt: skip
    return Plan(**(values | changes))  # type: ignore[arg-type]


def job(*steps: Step, **changes: object) -> Job:
    values: dict[str, object] = {
        "id": "j1", "plan": plan(), "asked_by": "ada", "reason": "4711", "created_at": NOW,
        "state": JobState.RUNNING, "steps": steps,
    }  # fmt: skip
    return Job(**(values | changes))  # type: ignore[arg-type]


def receipt(**changes: object) -> Receipt:
    values: dict[str, object] = {
        "job_id": "j1", "target": "tenant/acme", "stores": tuple(Measure), "asked_by": "ada",
        "reason": "4711", "digest": "d" * 64, "planned_at": NOW, "started_at": NOW,
        "ended_at": NOW + timedelta(seconds=90), "outcome": Outcome.ERASED, "lines": (),
        "left_out": (), "disclosed": (), "problems": (), "seconds": {}, "versions": {},
    }  # fmt: skip
    return Receipt(**(values | changes))  # type: ignore[arg-type]


class Reader(HTMLParser):
    """Collects the tags and the text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str | None]] = set()
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(attrs)

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@given(data=st.data())
def test_the_printable_page_holds_no_text_of_data_unescaped(data: st.DataObject) -> None:
    """Its tags and attributes are the page's own, and each text reads back as it was."""
    texts = [data.draw(HOSTILE) for _ in range(14)]
    line = Line(Measure.KEYS, texts[0], texts[1], 3, 2, 0, 1, None)
    left = LeftOut(texts[2], texts[3], (TenantKey("tenant", texts[4]),))
    made = receipt(
        target=texts[5], asked_by=texts[6], reason=texts[7], job_id=texts[8], lines=(line,),
        left_out=(left,), disclosed=(texts[9],), problems=(texts[10],),
        seconds={texts[11]: 1.0}, versions={texts[12]: texts[13]},
    )  # fmt: skip
    page = purge_receipts.printable(made)
    page.encode("utf-8")  # whatever the names, it is a file
    reader = Reader()
    reader.feed(page)
    assert reader.tags <= {"html", "head", "meta", "title", "style", "body", "h1", "h2", "table",
                           "p", "strong", "tr", "th", "td", "ul", "li"}  # fmt: skip
    assert reader.attributes <= {("lang", "en"), ("charset", "utf-8"), ("class", "number")}
    read = "".join(reader.text)
    assert all(visible(text) in read for text in texts)


def test_what_is_left_of_a_store_that_could_not_be_asked_is_not_0() -> None:
    """By line, and for a store without any."""
    lines = (
        Line(Measure.KEYS, "a", "symbols", 3, 3, 0, 0, 0),
        Line(Measure.PATTERNS, "a", "patterns_data", 5, 0, 0, 0, None),
    )
    frame = purge_receipts.stores_frame(receipt(lines=lines, outcome=Outcome.UNKNOWN))
    left = dict(zip(frame["Store"], frame["Left"], strict=True))
    assert left["Redis keys"] == 0
    assert frame["Left"].isna().sum() == 3
    assert purge_receipts.stores_frame(receipt())["Left"].tolist() == [0, 0, 0, 0]


def test_a_plan_shows_no_0_for_what_it_could_not_ask() -> None:
    made = plan(problems={Measure.PATTERNS: Problem("down")}, absent=(Measure.VECTORS,))
    words = {store: purge_tables.total_words(made, store) for store in Measure}
    assert words[Measure.PATTERNS] == ("unknown", "did not answer")
    assert words[Measure.VECTORS] == ("none", "not configured")
    assert words[Measure.KEYS] == ("0", "nothing found")


def test_sizes_that_some_items_lack_are_a_least() -> None:
    items = (
        Item(Measure.KEYS, "a", "symbols", 2, 100),
        Item(Measure.KEYS, "a", "frequency", 1, None),
    )
    assert purge_tables.total_words(plan(items), Measure.KEYS) == ("3", "at least 100B")


@pytest.mark.parametrize(
    ("progress", "share"),
    [(Progress("sessions ended", 3, 10), 0.3), (Progress("waiting"), None),
     (Progress("keys erased", 3), None), (Progress("keys", 3, 0), None),
     (Progress("keys erased", 12, 10), 1.0), (Progress(""), None)],
)  # fmt: skip
def test_how_far_a_step_is(progress: Progress, share: float | None) -> None:
    assert purge_steps.share(progress) == share


def test_how_fast_it_is_and_how_long_it_takes_go_by_the_pace_so_far() -> None:
    """Of every step that counts; one that knows no whole says how fast it is."""
    ten = timedelta(seconds=10)
    counting = Progress("keys erased", 20_000, 80_000)
    assert purge_steps.progress_words(counting, ten) == (
        "keys erased · 20,000 of 80,000 · 2,000 a second · about 30 s left"
    )
    assert purge_steps.progress_words(Progress("rows", 500), ten) == "rows · 500 · 50 a second"
    assert purge_steps.time_left(Progress("x", 4, 4), ten) == ""
    assert purge_steps.progress_words(Progress("looking"), ten) == "looking"
    assert purge_steps.progress_words(Progress("")) == ""


def test_steps_say_what_they_did() -> None:
    """The one under way says its progress, a failed one why; a look says what is left."""
    steps = (
        Step(StepName.SESSIONS, StepState.DONE, NOW, NOW + timedelta(seconds=2),
             {"ended": 1, "live": 3}),
        Step(StepName.KEYS, StepState.STARTED, NOW),
        Step(StepName.PATTERNS, StepState.FAILED, NOW, NOW, error=Problem("down")),
        Step(StepName.VERIFY, StepState.DONE, NOW, NOW, {"items": [], "problems": {"keys": "x"}}),
        Step(StepName.SETTLE, StepState.DONE, NOW, NOW,
             {"items": [["keys", "a", "b", 2]], "late": 5}),
    )  # fmt: skip
    made = job(*steps, progress=Progress("keys erased", 7, 9))
    frame = purge_steps.steps_frame(made, NOW + timedelta(seconds=3))
    assert frame["Result"].tolist() == [
        "3 sessions ended, 2 of them in Redis alone", "keys erased · 7 of 9", "down",
        "keys could not be asked",
        "2 left; 5 came meanwhile and were erased too",
    ]  # fmt: skip
    assert frame["Duration"].tolist()[:2] == ["2 s", "3 s"]


def test_a_step_that_erases_says_what_is_planned_for_it() -> None:
    """And one that only prepares it does not."""
    items = (Item(Measure.PATTERNS, "a", "data", 1234), Item(Measure.KEYS, "a", "symbols", 2))
    names = (StepName.FLUSH, StepName.KEYS, StepName.PATTERNS, StepName.VERIFY)
    waiting = job(*map(Step, names), plan=plan(items))
    frame = purge_steps.steps_frame(waiting, NOW)
    assert frame["Result"].tolist() == ["", "2 planned", "1,234 planned", ""]
    done = job(Step(StepName.FLUSH, StepState.DONE), Step(StepName.KEYS, StepState.DONE),
               plan=plan(items))  # fmt: skip
    words = [purge_steps.step_words(step, done) for step in done.steps]
    assert words == ["done", "done (2 planned)"]


def test_a_name_is_confirmed_exactly_or_as_it_is_shown() -> None:
    hostile = plan(request=Request(Target(TenantKey("tenant", "a\x00b"))))
    assert purge_tables.confirming(hostile, "tenant/a\\x00b") == "tenant/a\x00b"
    assert purge_tables.confirming(plan(), "tenant/acm") == "tenant/acm"
    assert purge_tables.missing(plan(), typed="tenant/acme", reason="x") == ()
    assert len(purge_tables.missing(plan(), typed="tenant/Acme", reason=" ")) == 2


def snapshot(*parts: KbUsage, read_at: datetime = NOW) -> Snapshot:
    nothing = Usage(None, None, None, None)
    tenant = TenantUsage(ACME, ClaimState.KNOWN, nothing, parts)
    stores = {m: StoreFigures(m, StoreState.OK, Amount(), collected_at=read_at, seconds=10.0)
              for m in Measure}  # fmt: skip
    return Snapshot(read_at, stores, (tenant,), (), Unattributed(nothing))


def part(name: str, keys: Amount | None) -> KbUsage:
    usage = Usage(Amount(0, 0), keys, None, Amount(0, 0))
    return KbUsage(name, True, Claim(ClaimState.KNOWN, (ACME,), "seen"), usage)


def test_what_came_back_was_read_after_it_was_erased() -> None:
    """Not what a pass saw that began before, nor what is empty or unknown."""
    stones = [Tombstone(name, "tenant/acme", "j1", NOW - timedelta(minutes=1)) for name in "abc"]
    parts = (part("a", Amount(2, 2)), part("b", Amount(0, 0)), part("c", None),
             part("d", Amount(5, 5)))  # fmt: skip
    assert [s.kb_id for s in came_back(snapshot(*parts), stones)] == ["a"]
    early = snapshot(*parts, read_at=NOW - timedelta(seconds=55))
    assert came_back(early, stones) == ()
    assert came_back(snapshot(*parts), ()) == ()
    notice = presenters.notices(snapshot(*parts), stones)[0]
    assert notice.text == "1 kb_id that has been purged came back: a."
    assert notice.page == "purge"


def test_what_a_plan_that_cannot_run_needs_is_said_of_what_stands_in_its_way_alone() -> None:
    """A hold is lifted: no store has to answer first."""
    held = Held(ACME, Hold("lawsuit", "ada", NOW))
    said = purge_tables.way_out(plan(held=(held,)))
    assert "Lift the legal hold" in said
    assert "store" not in said
    assert "has to answer" in purge_tables.way_out(plan(problems={Measure.KEYS: "down"}))
    assert purge_tables.way_out(plan(blockers=("x",))).startswith("What cannot be erased")
