"""What is done to sessions that are there, and what is looked at afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from services.embedded.kato.config import changed
from services.errors import SessionGone, SessionRefused, StoreRejected, StoreUnavailable
from services.sessions import care as caring
from services.sessions.care import CAME_BACK, SessionCare
from services.sessions.models import Deed, IndexCleaning, Result, SessionDetail
from services.settings.encryption import Encryption
from services.tenancy.layout import NOBODY
from services.usage.readings import SessionRecord


def record(name: str) -> SessionRecord:
    return SessionRecord(f"kato:session:{name}", name, NOBODY)


GUIDES = SessionRecord("tenant:acme:session:s", "s", NOBODY)


class Kato:
    """KATO and its Redis: a session called `busy…` is written back after its deletion."""

    def __init__(self, *names: str) -> None:
        self.configs: dict[str, dict[str, object]] = {name: {} for name in names}
        self.log: list[str] = []
        self.redis_is_down = False

    def delete(self, session_id: str) -> None:
        self.log.append(f"delete {session_id}")
        if session_id not in self.configs:
            raise SessionGone("kato", "deleting a session", "")
        if session_id.startswith("stuck"):
            raise StoreRejected("kato", "deleting a session", "it failed inside")
        if not session_id.startswith("busy"):
            del self.configs[session_id]

    def extend(self, session_id: str, *, ttl_seconds: int) -> None:
        self.log.append(f"extend {session_id} {ttl_seconds}")

    def clear_stm(self, session_id: str) -> None:
        self.log.append(f"clear {session_id}")

    def exists(self, session_id: str) -> bool:
        return session_id in self.configs

    def configure(self, session_id: str, config: Mapping[str, object]) -> None:
        self.log.append(f"configure {session_id}")
        self.configs[session_id] |= changed(config)

    def detail(self, key: str) -> SessionDetail | None:
        name = key.removeprefix("kato:session:")
        found = self.configs.get(name)
        return None if found is None else SessionDetail(record(name), config=dict(found))

    def there(self, keys: Sequence[str]) -> frozenset[str]:
        self.log.append("look")
        if self.redis_is_down:
            raise StoreUnavailable("redis", "looking for sessions", "")
        return frozenset(key for key in keys if key.removeprefix("kato:session:") in self.configs)

    def clean_index(self) -> IndexCleaning:
        return IndexCleaning(0, 0)


def care_of(kato: Kato) -> SessionCare:
    return SessionCare(kato, records=kato, index=kato, encryption=Encryption())


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited; nothing really is."""
    waits: list[float] = []
    monkeypatch.setattr(caring.time, "sleep", waits.append)
    return waits


def test_a_deleted_session_that_comes_back_is_said(slept: list[float]) -> None:
    """Of all that were deleted, looked for together, 2 seconds after the last."""
    kato = Kato("a", "busy", "stuck", "b")
    names = ["a", "busy", "gone", "stuck", "b"]
    records = [GUIDES, *map(record, names)]
    found = {o.record.session_id: o for o in care_of(kato).act(Deed.DELETE, records)}
    results = {name: found[name].result for name in names}
    assert results == {
        "a": Result.DONE, "busy": Result.BACK, "gone": Result.GONE, "stuck": Result.FAILED,
        "b": Result.DONE,
    }  # fmt: skip
    assert found["s"].result is Result.NOT_TRIED
    assert found["busy"].reason == CAME_BACK
    assert slept == [2.0]
    assert kato.log[-1] == "look"


def test_whether_one_came_back_is_unknown_where_nobody_could_look(slept: list[float]) -> None:
    """It was deleted all the same."""
    kato = Kato("a")
    kato.redis_is_down = True
    (outcome,) = care_of(kato).act(Deed.DELETE, [record("a")])
    assert outcome.result is Result.DONE
    assert "whether it came back is not known" in outcome.reason


def test_nothing_is_waited_for_where_nothing_was_deleted(slept: list[float]) -> None:
    kato = Kato("a", "stuck")
    care_of(kato).act(Deed.DELETE, [GUIDES, record("stuck")])
    care_of(kato).act(Deed.CLEAR_STM, [record("a")])
    care_of(kato).act(Deed.EXTEND, [record("a")], ttl_seconds=60)
    assert not slept
    assert "look" not in kato.log


def test_changed_options_are_read_back(slept: list[float]) -> None:
    """And what came along with them is told."""
    kato = Kato("a")
    kato.configs["a"] = {"persistence": 7, "sort_symbols": True}
    answers = care_of(kato).configure(record("a"), {"use_token_matching": False, "persistence": 9})
    assert {each.name: (each.accepted, each.kept) for each in answers} == {
        "use_token_matching": (False, True), "persistence": (9, True),
        "sort_symbols": (False, False),
    }  # fmt: skip


def test_options_that_kato_would_mishandle_never_reach_it() -> None:
    """Nor a change of nothing, nor one of a session that KATO does not know."""
    kato, wrong = Kato("a"), [{}, {"minhash_bands": 0}, {"node_id": "tenant:zed:user:x"}]
    for config in wrong:
        with pytest.raises(SessionRefused):
            care_of(kato).configure(record("a"), config)
    with pytest.raises(SessionRefused, match="guide"):
        care_of(kato).configure(GUIDES, {"persistence": 9})
    with pytest.raises(SessionGone):
        care_of(kato).configure(record("gone"), {"persistence": 9})
    assert not kato.log


@pytest.mark.parametrize("ttl", [0, -1, None, 59])
def test_no_session_is_extended_by_nothing(ttl: int | None) -> None:
    """KATO answers 200 to 0, and deletes the session."""
    kato = Kato("a")
    with pytest.raises(SessionRefused):
        care_of(kato).act(Deed.EXTEND, [record("a")], ttl_seconds=ttl)
    assert not kato.log
