"""`kato-tenants history` and `movers`, in processes of their own: what was recorded, or why not."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from services.history.models import PREDICTION_BYTES, second
from tests.engines.records.test_history import START, Past
from tests.servers.forked import run
from tests.servers.records import Records

AT = ("--from", "2026-03-27T22:00Z", "--to", "2026-03-28T00:00Z")
SPANS = [
    {"from": "2026-03-27T22:00:00Z", "to": "2026-03-27T23:00:00Z", "first": 5, "last": 7, "min": 5,
     "max": 7, "mean": "5.99", "margin": 0, "known": 0.168333, "reason": "Redis did not answer"},
    {"from": "2026-03-27T23:00:00Z", "to": "2026-03-28T00:00:00Z", "first": None, "last": None,
     "min": None, "max": None, "mean": None, "margin": None, "known": 0.0, "reason": None},
]  # fmt: skip


def test_what_was_recorded_is_printed(tmp_path: Path) -> None:
    """For programs and for people; no store is needed, and an unknown figure is none."""
    data = {"KATO_TENANTS_DATA": str(tmp_path), "KATO_TENANTS_HISTORY_HOURS_DAYS": "3660"}
    records = Records(tmp_path, None)
    past, named = Past(records), "tenant/acme"
    one = past.dashboard()
    for after, patterns in ((0, 5), (300, 5), (306, 7), (606, None)):
        past.record(one, START + after, patterns)
    records.close()
    asked = ("history", "--tenant", named, *AT)
    found = json.loads(run(*asked, "--json", **data).stdout)
    assert found == {"holder": "tenant", "tenant": named, "measure": "patterns",
                     "made_up_until": None, "spans": SPANS}  # fmt: skip
    lines = list(csv.DictReader(run(*asked, "--csv", **data).stdout.splitlines()))
    assert [line["mean"] for line in lines] == ["5.99", ""]
    table = run(*asked, **data).stdout.splitlines()
    assert table[1].split() == ["2026-03-27T22:00:00Z", "7", "5", "7", "5.99", "17%"]
    assert table[2].split() == ["2026-03-27T23:00:00Z", "unknown", "nobody", "looked"]
    fleet = run(
        "history", "--tenant", "fleet", "--measure", "patterns_bytes", *AT, "--json", **data
    )
    assert json.loads(fleet.stdout)["spans"][0]["last"] == 70
    of_predictions = run("history", "--measure", PREDICTION_BYTES, *asked[1:], "--json", **data)
    assert json.loads(of_predictions.stdout)["spans"][0]["last"] == 0
    assert run("history", "--measure", "keys:symbols_bytes", *asked[1:], **data).returncode == 2
    assert '"export"' in run("log", "show", "--json", **data).stdout


def test_what_is_coming_is_printed(tmp_path: Path) -> None:
    """By the days that are known, with when a limit is reached; or why it cannot be said."""
    data = {"KATO_TENANTS_DATA": str(tmp_path)}
    records = Records(tmp_path, None)
    past = Past(records)
    one, now = past.dashboard(), datetime.now(UTC).replace(microsecond=0)
    for day in range(8, -1, -1):
        past.record(one, second(now - timedelta(days=day)), 100 - 10 * day)
    records.close()
    asked = ("history", "--tenant", "tenant/acme", "--from", "2d", "--step", "1d")
    coming = json.loads(run(*asked, "--json", "--limit", "125", **data).stdout)["forecast"]
    assert (coming["value"], coming["unknown"], coming["sure"]) == (100, None, 0.8)
    assert coming["per_day"]["low"] <= 10 <= coming["per_day"]["high"]
    reach = coming["reached"]
    assert (reach["limit"], reach["state"]) == (125, "within")
    assert reach["earliest"] <= reach["likely"] <= (reach["latest"] or "9")
    assert "125 is reached at the earliest on" in run(*asked, "--limit", "125", **data).stdout
    assert run(*asked, "--csv", "--forecast", **data).returncode == 2


def test_who_grew_is_printed(tmp_path: Path) -> None:
    """Exact, with the fleet's sum; what was not known at one end is said, and is no change."""
    data = {"KATO_TENANTS_DATA": str(tmp_path)}
    records = Records(tmp_path, None)
    past = Past(records)
    one = past.dashboard()
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
    for after, patterns in ((0, 5), (60, 7), (120, None)):
        past.record(one, second(began) + after, patterns)
    records.close()

    def stamp(after: int) -> str:
        return f"{began + timedelta(seconds=after):%Y-%m-%dT%H:%M:%SZ}"

    first, later, third = stamp(30), stamp(90), stamp(120)
    asked = ("movers", "--from", first, "--to", later)
    acme = {
        "holder": "tenant", "tenant": "tenant/acme", "before": 5, "after": 7, "change": 2,
        "per_cent": "+40.0", "margin_before": 0, "margin_after": 0,
    }  # fmt: skip
    assert json.loads(run(*asked, "--json", **data).stdout) == {
        "measure": "patterns", "from": first, "to": later, "unknown": None,
        "fleet": {**acme, "holder": "fleet", "tenant": None}, "movers": [acme],
    }  # fmt: skip
    lines = list(csv.DictReader(run(*asked, "--csv", **data).stdout.splitlines()))
    assert [line["change"] for line in lines] == ["2"]
    assert [line["per_cent"] for line in lines] == ["+40.0"]
    table = [line.split() for line in run(*asked, **data).stdout.splitlines()]
    assert table[1:] == [
        ["tenant/acme", "5", "7", "+2", "+40.0"],
        ["fleet", "5", "7", "+2", "+40.0"],
    ]
    found = json.loads(run("movers", "--from", first, "--to", third, "--json", **data).stdout)
    assert (found["to"], found["movers"]) == (stamp(119), [acme])
    _at_moments(stamp, data)
    unknown = run("movers", "--from", third, "--to", stamp(125), **data).stdout
    assert unknown == f"patterns unknown from {third} to {stamp(125)}: Redis did not answer\n"
    assert '"export"' in run("log", "show", "--json", **data).stdout


def _at_moments(stamp: Callable[[int], str], data: dict[str, str]) -> None:
    """`usage --at`: what was had then, for programs and people; null where it was not known."""
    then = json.loads(run("usage", "--at", stamp(30), "--json", **data).stdout)
    none = {"count": 0, "bytes": 0}
    assert (then["at"], then["shared"]["keys"]) == (stamp(30), none)
    assert then["stores"]["patterns"] == {
        "state": "ok", "reason": None, "total": {"count": 5, "bytes": 50}
    }  # fmt: skip
    acme = {"tenant": "tenant/acme", "patterns": {"count": 5, "bytes": 50}}
    assert then["tenants"] == [acme | dict.fromkeys(("keys", "vectors", "sessions"), none)]
    done = run("usage", "--at", stamp(120), "--fail-on-unknown", **data)
    assert done.returncode == 1
    assert done.stdout.splitlines()[2].split() == ["tenant/acme", "unknown", "0", "0", "0"]
    assert "patterns: unknown, Redis did not answer" in done.stdout
    lines = list(csv.DictReader(run("usage", "--at", stamp(119), "--csv", **data).stdout.split()))
    assert [line["patterns"] for line in lines] == ["7", "0", "0", "7"]


def test_what_cannot_be_asked_is_one_line(tmp_path: Path) -> None:
    data = {"KATO_TENANTS_DATA": str(tmp_path)}
    for words, said in (
        (("--step", "0h"), "--step: is no span, as 30min, 1h or 7d"),
        (("--from", "yesterday"), "--from: is no time, as 2026-01-31T12:00Z or 7d"),
        (("--measure", "bytes"), "--measure"),
        (("--from", "1h", "--to", "2h"), "--from"),
    ):
        done = run("history", "--tenant", "tenant/acme", *words, **data)
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr
        assert len(done.stderr.splitlines()) == 1
