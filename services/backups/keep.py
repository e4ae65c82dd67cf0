"""Which backups of one tenant stay. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from services.backups.models import Backup, Keep

Bucket = Callable[[datetime], object]


def kept(backups: Iterable[Backup], keep: Keep, *, now: datetime, zone: str) -> frozenset[str]:
    """Return the ids of those that stay.

    Only proven ones count for a rule, so that one that cannot be read never takes the place of
    one that can. One that is not proven stays until the next proven one is there.
    """
    newest_first = sorted(backups, key=lambda each: (each.at, each.archive), reverse=True)
    proven = [each for each in newest_first if each.proven]
    stay = {each.archive for each in proven[:1]}
    stay |= {each.archive for each in newest_first if not proven or each.at > proven[0].at}
    young = proven if keep.days is None else _younger(proven, now - timedelta(days=keep.days))
    stay |= {each.archive for each in young[: keep.last]}
    place = ZoneInfo(zone)
    for many, bucket in (
        (keep.daily, _day(place)), (keep.weekly, _week(place)), (keep.monthly, _month(place)),
    ):  # fmt: skip
        stay |= _newest_of_each(young, bucket, many)
    return frozenset(stay)


def _younger(backups: Iterable[Backup], than: datetime) -> list[Backup]:
    return [each for each in backups if each.at >= than]


def _newest_of_each(newest_first: Iterable[Backup], bucket: Bucket, many: int) -> set[str]:
    """Return the newest of each of the newest `many` buckets that have one."""
    found: dict[object, str] = {}
    for each in newest_first:
        found.setdefault(bucket(each.at), each.archive)
    return set(list(found.values())[:many])


def _day(place: ZoneInfo) -> Bucket:
    return lambda at: at.astimezone(place).date()


def _week(place: ZoneInfo) -> Bucket:
    return lambda at: at.astimezone(place).isocalendar()[:2]


def _month(place: ZoneInfo) -> Bucket:
    def month(at: datetime) -> object:
        there = at.astimezone(place)
        return there.year, there.month

    return month
