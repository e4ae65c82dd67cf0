"""Cleans up after a run, by its exact names, and looks again at what is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from services.canary.tools import Tools
from services.errors import KatoTenantsError, Problem, SessionGone, StoreError, StoreNotConfigured
from services.figures import Measure
from services.jobs.models import Progress
from services.purge.models import Request, Surface, Target
from services.tenancy.kb_ids import kb_id_of


class Cleaning:
    """Takes away everything of some throwaway node_ids.

    `sessions` are the ids of those that are known, with their node_ids; `unsure` are node_ids of
    which a session may exist that nobody knows the id of.
    """

    def __init__(
        self,
        tools: Tools,
        nodes: frozenset[str],
        *,
        sessions: Mapping[str, str] | None = None,
        unsure: frozenset[str] = frozenset(),
    ) -> None:
        self._tools = tools
        self._nodes = nodes
        self._sessions = dict(sessions or {})
        self._unsure = set(unsure)
        self._why: list[str] = []
        self._left: list[str] = []
        self._not_ours: list[str] = []

    def run(self) -> tuple[str, ...]:
        """Clean up, and return what is left or could not be looked for. Raises nothing of ours."""
        try:
            surface = self._surface()
            self._end_sessions(surface)
            self._erase(replace(surface, sessions=tuple(self._sessions.items())))
            self._look(surface)
            if not self._left:
                self._forget()
        except KatoTenantsError as exc:
            self._left.append(f"{self._names()}: {exc}")
        return (*self._left, *self._not_ours)

    def _wants(self, node_id: str) -> bool:
        return node_id in self._nodes

    def _names(self) -> str:
        return ", ".join(sorted(self._nodes))

    def _surface(self) -> Surface:
        """Name what goes; a kb_id that somebody else uses too stays."""
        ownership = self._tools.ownership()
        kb_ids = {kb_id_of(node, ownership.service) for node in self._nodes}
        for kb_id in sorted(kb_ids):
            others = set(ownership.nodes_by_kb.get(kb_id, ())) - self._nodes
            if others:
                kb_ids.discard(kb_id)
                said = f"{min(others)} uses it too, so nothing of it was erased"
                self._not_ours.append(f"the kb_id {kb_id}: {said}; no later run will")
        return Surface(
            kb_ids=frozenset(kb_ids),
            nodes=self._nodes,
            collections=frozenset(f"vectors_{kb_id}" for kb_id in kb_ids),
        )

    def _end_sessions(self, surface: Surface) -> None:
        """End them through KATO: it may hold them in memory, and write them again."""
        found: dict[str, str] = {}
        self._try(lambda: found.update(self._tools.erasers.keys.sessions(surface, self._wants)))
        self._unsure -= set(found.values())
        self._sessions |= found
        for session_id, node in self._sessions.items():
            try:
                self._tools.kato.delete(session_id)
            except SessionGone:
                continue
            except StoreNotConfigured:
                break
            except StoreError as exc:
                self._left.append(f"the session {session_id} of {node}: {exc}")
        late = "may yet appear: KATO did not say whether it created it; it ends by itself"
        self._left += [f"a session of {node} {late}" for node in sorted(self._unsure)]

    def _erase(self, surface: Surface) -> None:
        """Erase in the order of a purge; nothing was inserted that could still be held back."""
        erasers = self._tools.erasers
        self._try(lambda: erasers.keys.erase_sessions(surface, self._wants))
        self._try(lambda: erasers.keys.erase(surface, self._wants, _silent))
        self._try(lambda: erasers.patterns.erase(surface, _silent))
        self._try(lambda: erasers.vectors.erase(surface, _silent))

    def _try(self, deed: Callable[[], object]) -> None:
        try:
            deed()
        except StoreNotConfigured:
            return
        except StoreError as exc:
            self._why.append(str(exc))

    def _look(self, surface: Surface) -> None:
        """Look again: only what is seen to be gone is."""
        request = Request(Target(), frozenset(Measure))
        looks = self._tools.erasers.look(request, surface, self._wants).as_proof
        found = [f"{i.count:,} {i.kind} of {i.owner} ({i.store.value})" for i in looks.items]
        self._left += [*found, *looks.blockers, *self._unseen(looks.problems)]
        if found:
            self._left += dict.fromkeys(self._why)

    def _unseen(self, problems: Mapping[Measure, Problem]) -> Iterator[str]:
        for store, why in problems.items():
            yield f"{store.value} of {self._names()}: not known whether they are gone. {why}"

    def _forget(self) -> None:
        """Forget the node_ids, once nobody here can still be about to record them again."""
        self._tools.quiet()
        self._tools.registry.forget_nodes(self._nodes)


def _silent(_: Progress) -> None:
    """Take no note of progress."""
