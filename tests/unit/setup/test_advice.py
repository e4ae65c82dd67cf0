"""What is advised, by the published bounds, and what stands near a new name."""

from __future__ import annotations

from services.sessions.landing import land
from services.setup.advice import LARGE, SOURCES, Fleet, Place, Reason, Wanted, advise
from services.setup.clashes import clashes
from services.setup.models import ClashKind
from tests.unit.isolation.fleets_seen import fleet


def test_the_place_follows_from_size_and_configuration() -> None:
    none = Fleet()
    for wanted, place, reason in (
        (Wanted(True, LARGE, True, True), Place.OWN, Reason.KATO_READS_ITS_OWN),
        (Wanted(False), Place.SHARED, Reason.MANY_SMALL),
        (Wanted(False, LARGE - 1, True, True), Place.SHARED, Reason.MANY_SMALL),
        (Wanted(False, LARGE, True, True), Place.SHARD, Reason.LARGE),
        (Wanted(False, LARGE, True, False), Place.OWN, Reason.LARGE_NO_SHARDS),
        (Wanted(False, 1, False, True), Place.OWN, Reason.OTHER_VECTORS),
    ):
        found = advise(wanted, none)
        assert (found.place, found.reasons[0]) == (place, reason)
    many = advise(Wanted(True), Fleet(collections=100, kb_ids=1000))
    assert set(many.reasons[1:]) == {Reason.COLLECTIONS, Reason.PARTITIONS}
    assert set(SOURCES) == set(Reason)


def test_names_near_a_new_one_are_told() -> None:
    """One that is there, one that is guessed, and those that a prefix hits too."""
    seen = fleet(
        "tenant:acme:user:bob", "tenant:acme_corp:user:x",
        patterns={"tenant_new_user_z_kato": 3, "tenant_acme_user_bob_kato": 1,
                  "tenant_acme_corp_user_x_kato": 1},
    )  # fmt: skip

    def kinds(node: str) -> dict[ClashKind, tuple[object, ...]]:
        found = clashes(land(node, seen.ownership), seen.snapshot)
        return {each.kind: (*each.tenants, *each.kb_ids) for each in found}

    assert kinds("tenant:other:user:u") == {}
    assert ClashKind.THERE in kinds("tenant:acme:user:new")
    assert list(map(str, kinds("tenant:acme:user:new")[ClashKind.PREFIX])) == ["tenant/acme_corp"]
    assert kinds("tenant:new:user:u")[ClashKind.GUESSED] == ("tenant_new_user_z_kato",)
    shared = kinds("tenant:acme-corp:user:x")[ClashKind.SHARED]
    assert [str(each) for each in shared][:1] == ["tenant/acme_corp"]
    both = fleet("tenant:acme-corp:user:b", "tenant:acme_corp:user:b",
                 patterns={"tenant_acme_corp_user_b_kato": 1})  # fmt: skip
    near = clashes(land("tenant:acme corp:user:b", both.ownership), both.snapshot)
    assert ClashKind.GUESSED not in {each.kind for each in near}  # whose it is, is known: of two
