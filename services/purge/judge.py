"""Whether what was to go may still go: judged anew before each step that erases."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from services.errors import KatoTenantsError, StoreError, StoreNotConfigured
from services.purge.held import first_words, held_in
from services.purge.job import Job
from services.purge.models import Names
from services.purge.plan import no_longer
from services.purge.target import now_left, wanting
from services.purge.tools import Tools
from services.tenancy.ownership import Ownership


class Halted(KatoTenantsError):
    """A job cannot go on as planned."""


class Judge:
    """Keeps what is known of sessions and owners while a job runs, read anew whenever it matters.

    `sessions` are the ids of the target's sessions that were seen, with their node_ids.
    """

    def __init__(self, tools: Tools, job: Job, sessions: Mapping[str, str]) -> None:
        self._tools = tools
        self._job = job
        self._known = set[str](sessions)
        self._kato_answers = True
        self.sessions = dict(sessions)
        self._take(tools.ownership())

    def _take(self, ownership: Ownership) -> None:
        """Go by who owns what now; `wants` says whether the session of a node_id goes."""
        self.ownership = ownership
        self.wants = wanting(self._job.plan.request, ownership)

    def learn(self, nodes: Mapping[str, str]) -> None:
        """Take in node_ids that were seen, with where."""
        if nodes:
            self._tools.saw(nodes)
        ownership = self._tools.ownership()
        if ownership is not self.ownership:
            self._take(ownership)

    def learn_names(self, names: Names) -> None:
        """Take in what a look at the names of all stores found."""
        self.learn({**names.nodes, **self._processors()})

    def read_anew(self) -> None:
        """Read which node_ids there are: KATO's sessions that came, and its processors."""
        came: Mapping[str, str] = {}
        with suppress(StoreNotConfigured):
            came = self._tools.erasers.keys.nodes(self._known)
        self._known |= came.keys()
        self.learn({**dict.fromkeys(came.values(), "session"), **self._processors()})
        self.sessions |= {one: node for one, node in came.items() if self.wants(node)}

    def may_go(self) -> None:
        """Raise Halted where anything that was to go is not the target's alone any more.

        Nor may it where somebody is on legal hold. On a fresh reading of the node_ids and of the
        holds. Raises StoreError where they cannot be read.
        """
        self.read_anew()
        plan = self._job.plan
        sessions = tuple(sorted(self.sessions.items()))
        seen = replace(plan, surface=replace(plan.surface, sessions=sessions))
        held = held_in(seen, self.ownership, self._tools.holds)
        if held:
            words = first_words(held)
            raise Halted(f"{words}; nothing was touched since: once it is lifted, resume this")
        left = now_left(plan.request, plan.surface, plan.taken, self.ownership)
        if left:
            reason = "; ".join(no_longer(left)[:3])
            raise Halted(f"{reason}; nothing of it was touched since: plan again")

    def _processors(self) -> Mapping[str, str]:
        """Return the node_ids in KATO's memory; none where it does not answer, and never again.

        What one that is down has in memory is gone, and it writes nothing.
        """
        if not self._kato_answers:
            return {}
        try:
            found = self._tools.kato.cached_processors()
        except StoreError:
            self._kato_answers = False
            return {}
        return {each.node_id: "kato" for each in found.processors}
