"""Sends what is in the journal, in its order, until it was taken.

Each message is claimed before it is sent, and sent by its own id every time: a receiver may get
it twice, when a process dies between its answer and our note, and can drop the second.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from random import Random

from services.alerts.models import Letter
from services.alerts.ports import AlertStore, Receiver
from services.errors import KatoTenantsError, Problem, StoreDenied, StoreError, StoreRejected

CLAIMED_FOR = timedelta(minutes=2)
"""Longer than any receiver may take; after it another process sends what this one had taken."""

FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=5), timedelta(minutes=30)
GIVEN_UP_AFTER = timedelta(days=7)

_TOO_OFTEN = 20  # doublings: more would be no number of seconds

logger = logging.getLogger(__name__)


def wait_after(tries: int, random: Random) -> timedelta:
    """Return how long to wait after so many tries: twice as long each time, half by chance."""
    longest = min(FIRST_WAIT * (1 << min(tries, _TOO_OFTEN)), LONGEST_WAIT)
    return longest / 2 + longest / 2 * random.random()


def due(letters: Iterable[Letter], now: datetime) -> Mapping[str, Letter]:
    """Return the next message of each route that is to be sent now. Pure.

    In the order of the journal; only what a receiver refused lets the others go first. A test
    waits for nobody.
    """
    found: dict[str, Letter] = {}
    held: set[str] = set()
    for letter in sorted(letters, key=lambda each: (not each.message.test, each.number)):
        route = letter.message.route
        if route in found or route in held:
            continue
        if letter.next_at is None or letter.next_at <= now or letter.next_at > now + LONGEST_WAIT:
            found[route] = letter
        elif not letter.refused:
            held.add(route)
    return found


class Deliverer:
    """Sends to every route at once, one message at a time to each; never raises StoreError.

    A receiver that takes its time holds up its own route alone.
    """

    def __init__(
        self, store: AlertStore, receivers: Mapping[str, Receiver], *,
        now: Callable[[], datetime], random: Random | None = None,
        told: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self._store, self._receivers, self._now, self._told = store, receivers, now, told
        self._random = random or Random()  # noqa: S311  it spreads waits, and guards nothing
        self._sending: set[str] = set()
        self._turn = threading.Condition()

    def round(self) -> None:
        """Begin to send what is due, each in a thread of its own. Raises StoreUnavailable."""
        now = self._now()
        letters = self._store.waiting()
        for letter in letters:
            if letter.message.route not in self._receivers and _is_old(letter, now):
                self._give_up(letter, Problem("there is no such route any more"))
        for route, letter in due(letters, now).items():
            if route in self._receivers and self._begins(route):
                threading.Thread(
                    target=self._send_in_turn, args=(letter,), name=f"alerts to {route}",
                    daemon=True,
                ).start()  # fmt: skip

    def wait(self, timeout: float) -> bool:
        """Wait until nothing is being sent; False when time ran out."""
        with self._turn:
            return self._turn.wait_for(lambda: not self._sending, timeout)

    def send(self, letter: Letter) -> bool:
        """Send one message here and now; False where another process is at it, or it failed.

        Raises StoreUnavailable where the journal does not answer.
        """
        now, message = self._now(), letter.message
        if not self._store.claim(message.id, at=now, until=now + CLAIMED_FOR):
            return False
        try:
            self._receivers[message.route].send(message)
        except StoreError as exc:
            self._failed(letter, exc.problem, refused=isinstance(exc, StoreRejected | StoreDenied))
            return False
        except Exception as exc:  # noqa: BLE001  of a library's error, which may quote addresses
            logger.warning("alerts could not be sent: %s", type(exc).__name__)
            self._failed(letter, Problem(f"it could not be sent ({type(exc).__name__})"))
            return False
        self._store.sent(message.id, self._now())
        return True

    def _send_in_turn(self, letter: Letter) -> None:
        try:
            self.send(letter)
        except KatoTenantsError as exc:  # the claim runs out, and then it is sent once more
            logger.warning("what came of a message could not be noted: %s", exc)
        finally:
            with self._turn:
                self._sending.discard(letter.message.route)
                self._turn.notify_all()
            self._told()

    def _begins(self, route: str) -> bool:
        with self._turn:
            if route in self._sending:
                return False
            self._sending.add(route)
            return True

    def _failed(self, letter: Letter, problem: Problem, *, refused: bool = False) -> None:
        now = self._now()
        if letter.message.test or _is_old(letter, now):
            self._give_up(letter, problem)
            return
        wait = wait_after(letter.tries, self._random)
        self._store.failed(letter.message.id, problem, now, next_at=now + wait, refused=refused)

    def _give_up(self, letter: Letter, problem: Problem) -> None:
        now = self._now()
        if not letter.message.test:
            logger.error("a message to the route %r was given up", letter.message.route)
        self._store.failed(letter.message.id, problem, now, next_at=None, refused=False)


def _is_old(letter: Letter, now: datetime) -> bool:
    return now - letter.message.at >= GIVEN_UP_AFTER
