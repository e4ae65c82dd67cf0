"""Bad tokens against every use case: each looks at the token anew, and none of these passes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle
from unittest.mock import Mock

import pytest

from services.access.claims import ClaimRules, identify
from services.access.viewer import EVERYTHING, Role, Viewer
from services.desk import Desk
from services.errors import AccessDenied, NotSignedIn
from services.stores.sign_in.jwks import COOLDOWN
from tests.engines.sign_in.test_identity_tokens import BAD, Issuer
from tests.servers import issuer
from tests.servers.faults import Answer, HttpServer
from tests.servers.issuer import token
from tests.unit.access import desks
from tests.unit.access.desks import CASES, TO_DECIDE, World
from tests.unit.looping import forget, told

RULES = ClaimRules(
    id_claim="sub", role_claim="groups", roles={"admins": Role.ADMIN, "staff": Role.SUPPORT},
    default_tenants=tuple(EVERYTHING),
)  # fmt: skip


@pytest.fixture(scope="module")
def whole_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("desk"))
    yield made
    made.close()


class Front:
    """Desks behind a proxy that adds a token: `sent` is what it adds at the moment."""

    def __init__(self, world: World, idp: Issuer) -> None:
        self.world, self.idp = world, idp
        self.sent = token(groups="admins")
        self.desk: Desk = world.desk(self._viewer)

    def _viewer(self) -> Viewer:
        found = identify(self.idp.verifier.claims(self.sent), RULES)
        if found.viewer is None:
            raise AccessDenied("use this dashboard", "you have no role here")
        return found.viewer

    def refused(self, name: str) -> None:
        """Call one of the desk's methods, which must not do anything."""
        forget(self.world)
        with told(name):
            with pytest.raises((NotSignedIn, AccessDenied)):
                CASES[name].call(self.desk)
            assert not self.world.asked()


@pytest.fixture
def front(whole_world: World) -> Iterator[Front]:
    whole_world.log.empty()
    with HttpServer(lambda _: Answer()) as server:
        yield Front(whole_world, Issuer(server))


def test_a_good_token_passes(front: Front) -> None:
    """So that it is the tokens that are refused below."""
    for name, case in CASES.items():
        with told(name):
            case.call(front.desk)


@pytest.mark.parametrize("bad", ["alg none", "another's key under our kid", "past exp"])
def test_no_use_case_takes_a_bad_token(front: Front, bad: str) -> None:
    """None is asked for anything, and nothing of it is in the log."""
    front.sent = BAD[bad]()
    for name in CASES:
        front.refused(name)
    assert not front.world.log.entries()


def test_no_bad_token_passes(front: Front) -> None:
    """However it cheats: each of them with the next use case, since these look at none alike."""
    for bad, name in zip(BAD, cycle(CASES), strict=False):
        front.sent = BAD[bad]()
        with told(bad):
            front.refused(name)
    assert not front.world.log.entries()


def test_a_key_that_is_revoked_counts_in_mid_session(front: Front) -> None:
    """From the next fetch of the keys on, for every use case."""
    for name in CASES:
        CASES[name].call(front.desk)
    front.idp.published = issuer.jwks("two")
    front.idp.clock.now += 10 * COOLDOWN
    for name in CASES:
        front.refused(name)


def test_a_token_that_runs_out_counts_in_mid_session(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the browser goes on with the connection that it began with."""
    over = datetime.fromtimestamp(int(time.time()) + 3600, UTC)
    clock = Mock(now=Mock(return_value=over - timedelta(seconds=1)))
    monkeypatch.setattr(desks, "datetime", clock)  # by which the gate of this world goes
    front.sent = token(groups="admins", exp=over.timestamp())
    CASES["purge.jobs"].call(front.desk)
    clock.now.return_value = over
    for name in CASES:
        front.refused(name)


def test_a_role_that_is_taken_away_counts_in_mid_session(front: Front) -> None:
    """What takes an admin is refused with the next token, and what support may do is not."""
    front.sent = token(groups="staff")
    for case in CASES.values():
        forget(front.world)
        if Role.SUPPORT.includes(case.role):
            case.call(front.desk)
            continue
        with pytest.raises(AccessDenied):
            case.call(front.desk)
        assert front.world.asked() <= TO_DECIDE


def test_a_role_that_was_never_given_is_none(front: Front) -> None:
    for groups in ("Admins", "admin", ["x"], None):
        front.sent = token(groups=groups)
        for name in CASES:
            front.refused(name)
