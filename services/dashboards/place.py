"""The place of this dashboard among the others: whether the turn to collect is its own."""

from __future__ import annotations

import time
from collections.abc import Callable

from services.dashboards import models
from services.dashboards.models import Turn
from services.dashboards.ports import Book
from services.errors import Problem, StoreError
from services.jobs.timer import Timer


class Place:
    """Says again and again that this dashboard is there, in a thread; calls `news` after each.

    `turn` is what it heard last, None where the records do not answer, as `problem` says then.
    """

    def __init__(self, book: Book, *, news: Callable[[], None]) -> None:
        self._book, self._news = book, news
        self._number: int | None = None
        self._until = 0.0  # by this process' clock, which does not go back
        self._timer = Timer("dashboards", models.BEAT, self.beat)
        self.turn: Turn | None = None
        self.problem: Problem | None = None

    @property
    def number(self) -> int | None:
        """The number of the turn that this dashboard has; None where it has none, or it is over."""
        return self._number if time.monotonic() < self._until else None

    def start(self) -> None:
        """Begin; the first word is to be said already."""
        self._timer.start()

    def stop(self) -> None:
        """Say that this dashboard ends. Raises nothing: others notice by themselves."""
        self._timer.stop()
        number, self._number = self._number, None
        try:
            self._book.leave(holds=number)
        except StoreError as exc:
            self.problem = exc.problem

    def beat(self) -> None:
        """Say so once, now. Raises nothing."""
        began = time.monotonic()
        try:
            turn = self._book.beat(holds=self._number, lasts=models.LEASE)
        except StoreError as exc:  # the turn may still be there: it is asked for again
            self.turn, self.problem = None, exc.problem
        else:
            self._number = turn.number if turn.mine else None
            self._until = began + models.LEASE.total_seconds()
            self.turn, self.problem = turn, None
        self._news()
