"""What is coming, against what plain ways say: pinball loss, and how often the interval held.

    python -m bench.forecast [--repeat 30] [--data DIR]

Every way is shown the same past of days, and says what a figure is to be 1, 7 and 30 days later,
never farther ahead than its past goes back. The others are: the last value carried forward, with
the scatter of its changes, and least squares with their own interval. Series are generated in
twelve ways (seeded), and recorded: shares and populations, which plotly brings, and with `--data`
the daily past of every tenant in the records of a dashboard that kept them there. Losses are
divided by the mean change of a day times the root of the days, so that all series weigh alike.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from plotly import data as brought
from scipy.stats import t

from bench.measure import verdict
from services.history.forecast import SURE, forecast_of
from services.history.models import Cell, Grain
from services.history.read import HistoryService
from services.history.record import Retention
from services.history.rollup import Rollup
from services.stores.records.database import open_database
from services.stores.records.history import HistoryRecords

Series = list[int]
Said = tuple[float, float, float]
DAY = timedelta(days=1)
START = datetime(2026, 1, 1, tzinfo=UTC)
PASTS, AHEAD = (7, 14, 28, 45, 90), (1, 7, 30)
QUANTILES = ((1 - SURE) / 2, 0.5, (1 + SURE) / 2)


# --- series ---------------------------------------------------------------------------------


def _grown(steps: np.ndarray) -> np.ndarray:
    return 1000 + np.cumsum(steps)


def _purged(days: np.ndarray, chance: np.random.Generator, past: int) -> np.ndarray:
    figures = _grown(chance.poisson(15, len(days))).astype(float)
    at = chance.integers(1, max(2, past - 8))
    figures[at:] -= figures[at] * chance.uniform(0.5, 1)
    return figures


def _odd(days: np.ndarray, chance: np.random.Generator, _: int) -> np.ndarray:
    figures = 1000 + 12 * days + chance.normal(0, 15, len(days))
    return np.where(chance.random(len(days)) < 0.05, figures * chance.uniform(1.5, 3), figures)


def _weekdays(days: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    return np.where((days + chance.integers(7)) % 7 < 5, 1, 0.1)


Make = Callable[[np.ndarray, np.random.Generator, int], np.ndarray]
KINDS: dict[str, Make] = {
    "a line with noise": lambda days, chance, _: (
        1000 + chance.uniform(-5, 30) * days + chance.normal(0, 40, len(days))
    ),
    "steady learning": lambda days, chance, _: (
        _grown(chance.poisson(chance.uniform(1, 30), len(days)))
    ),
    "uneven learning": lambda days, chance, _: (
        _grown(chance.gamma(0.3, chance.uniform(10, 100), len(days)))
    ),
    "learning on weekdays": lambda days, chance, _: (
        _grown(chance.poisson(20, len(days)) * _weekdays(days, chance))
    ),
    "odd days": _odd,
    "sessions by weekday": lambda days, chance, _: np.maximum(
        0, 60 + 40 * np.sin(2 * np.pi * days / 7) + chance.normal(0, 8, len(days))
    ),
    "rare imports": lambda days, chance, _: _grown(
        (chance.random(len(days)) < 0.1) * chance.exponential(800, len(days))
    ),
    "a purge": _purged,
    "faster and faster": lambda days, chance, _: 100 * np.exp(
        chance.uniform(0.005, 0.02) * days + np.cumsum(chance.normal(0, 0.005, len(days)))
    ),
    "filling up": lambda days, chance, _: (
        5000 / (1 + np.exp(-(days - len(days) / 2) / 20)) + chance.normal(0, 20, len(days))
    ),
    "nearly still": lambda days, chance, _: (
        500.0 + (chance.random(len(days)) < 0.03) * chance.integers(-3, 4, len(days))
    ),
    "up and down": lambda days, chance, _: (
        5000 + np.cumsum(chance.normal(0, 30, len(days)))
    ),
}  # fmt: skip


def generated(repeat: int) -> Iterator[tuple[str, int, Series]]:
    """Yield each kind's series with how long a past is shown of it."""
    chance = np.random.default_rng(7)
    for name, make in KINDS.items():
        for past in PASTS:
            for _ in range(repeat):
                figures = make(np.arange(past + max(AHEAD)), chance, past)
                yield name, past, [max(0, round(each)) for each in figures]


def recorded() -> Iterator[tuple[str, int, Series]]:
    """Yield what others recorded: six shares by week, and populations of countries."""
    shares = brought.stocks()
    for name in shares.columns[1:]:
        series = [round(each * 10_000) for each in shares[name]]
        for past in (14, 28, 45):
            for at in range(0, len(series) - past - max(AHEAD), 7):
                yield "shares (plotly)", past, series[at:]
    for _, country in brought.gapminder().groupby("country"):
        yield "populations (plotly)", 8, [int(each) for each in country["pop"]]


def kept(folder: Path) -> Iterator[tuple[str, int, Series]]:
    """Yield the daily past of every holder in a dashboard's records, where it has no gap."""
    store, now = HistoryRecords(open_database(folder)), datetime.now(UTC)
    long = timedelta(days=3660)
    service = HistoryService(store, retention=Retention(long, long), now=lambda: now)
    _, present = store.present()
    for holder, figures in present.figures.items():
        for quantity in figures:
            cells = service.series(holder, quantity, now - long / 10, now, Grain.DAY.seconds)
            series = [cell.rollup.last for cell in cells if cell.rollup is not None]
            for past in PASTS:
                for at in range(0, len(series) - past - 1, past):
                    yield "these records", past, series[at:]


# --- what each way says ---------------------------------------------------------------------


def carried(past: Series, ahead: int) -> Said:
    """Carry the last value forward."""
    wide = 1.2816 * float(np.std(np.diff(past))) * math.sqrt(ahead)
    return past[-1] - wide, past[-1], past[-1] + wide


def least_squares(past: Series, ahead: int) -> Said:
    """Go on along the line of least squares."""
    count, days = len(past), np.arange(len(past))
    slope, start = np.polyfit(days, past, 1)
    left = float(np.sum((np.array(past) - start - slope * days) ** 2)) / (count - 2)
    at = count - 1 + ahead
    far = (at - days.mean()) ** 2 / float(np.sum((days - days.mean()) ** 2))
    wide = float(t.ppf(QUANTILES[2], count - 2)) * math.sqrt(left * (1 + 1 / count + far))
    mid = float(start + slope * at)
    return mid - wide, mid, mid + wide


def ours(past: Series, ahead: int) -> Said | None:
    """Say what the product says; None where it says nothing."""
    cells = [
        Cell(START + DAY * at, START + DAY * (at + 1), Rollup.constant(value, Grain.DAY.seconds))
        for at, value in enumerate(past)
    ]
    now = cells[-1].ended
    said = forecast_of(cells, now=now).when(now + DAY * ahead)
    return None if said is None else (said.low, said.mid, said.high)


WAYS: dict[str, Callable[[Series, int], Said | None]] = {
    "this": ours, "last value": carried, "least squares": least_squares,
}  # fmt: skip

Told = dict[str, list[tuple[float, bool]]]


def loss(said: Said, came: int) -> float:
    """Return the pinball loss: what it costs to be above or below each quantile."""
    pairs = zip(QUANTILES, said, strict=True)
    return sum(max(q * (came - each), (q - 1) * (came - each)) for q, each in pairs) / 3


def tried(found: Iterator[tuple[str, int, Series]]) -> tuple[dict[str, Told], int]:
    """Try every way on every series; count those of which the product says nothing."""
    by_kind: dict[str, Told] = defaultdict(lambda: defaultdict(list))
    silent = 0
    for kind, past, series in found:
        scale = max(float(np.mean(np.abs(np.diff(series)))), 1e-9)
        for ahead in AHEAD:
            if ahead >= past or past + ahead > len(series):
                continue
            came = series[past - 1 + ahead]
            said = {name: way(series[:past], ahead) for name, way in WAYS.items()}
            silent += said["this"] is None
            for name, each in said.items():
                if said["this"] is not None and each is not None:
                    cost = loss(each, came) / scale / math.sqrt(ahead)
                    held = each[0] - 1e-6 <= came <= each[2] + 1e-6
                    by_kind[kind][name].append((cost, held))
    return by_kind, silent


def judged(name: str, found: Iterator[tuple[str, int, Series]]) -> list[bool]:
    """Print each kind's losses and coverage, and judge the mean over all kinds."""
    by_kind, silent = tried(found)
    whole: dict[str, list[tuple[float, float]]] = defaultdict(list)
    print(f"{name}: loss and coverage of {', '.join(WAYS)}")
    for kind, told in by_kind.items():
        parts = []
        for way, each in told.items():
            cost, held = (float(np.mean(column)) for column in zip(*each, strict=True))
            whole[way].append((cost, held))
            parts.append(f"{cost:7.3f} {held:4.0%}")
        print(f"     {kind:<24} {len(told['this']):>6,} cases  {'   '.join(parts)}")
    print(f"     nothing was said in {silent:,} cases")
    costs = {way: float(np.mean([each for each, _ in found])) for way, found in whole.items()}
    share = float(np.mean([each for _, each in whole["this"]]))
    return [
        verdict(f"{name}: loss against the last value", costs["this"] / costs["last value"],
                at_most=1),
        verdict(f"{name}: loss against least squares", costs["this"] / costs["least squares"],
                at_most=1),
        verdict(f"{name}: coverage, of {SURE:.0%}", share, unit=""),
    ]  # fmt: skip


def main(words: Sequence[str] | None = None) -> int:
    """Run everything; 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=30)
    parser.add_argument("--data", type=Path, help="a data directory with this product's records")
    options = parser.parse_args(words)
    met = [*judged("generated", generated(options.repeat)), *judged("recorded", recorded())]
    if options.data:
        met += judged("kept", kept(options.data))
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
