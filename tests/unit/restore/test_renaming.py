"""A tenant's data under another name: all of it alike, nothing else, and back to what it was."""

from __future__ import annotations

import json

import pytest
from hypothesis import assume, given, settings, strategies as st

from services.archive.formats import TypedKey
from services.errors import NamingError
from services.restore.renaming import Renaming, renaming_of, unchanged
from services.tenancy.kb_ids import TenantKey, kb_id_of
from services.tenancy.layout import text_of
from services.tenancy.schemes import NamingSchemes

SCHEMES = NamingSchemes.of(["shop:{shop}:user:{user}"])
ACME, GLOBEX = TenantKey("tenant", "acme-corp"), TenantKey("tenant", "globex inc")
NODES = ("tenant:acme-corp:user:bob", "tenant:acme-corp:user:ann lee")
KBS = tuple(map(kb_id_of, NODES))
words = st.text(st.characters(codec="utf-8", exclude_characters=":{}"), min_size=1, max_size=12)


def renaming(old: TenantKey = ACME, new: TenantKey = GLOBEX, **names: tuple[str, ...]) -> Renaming:
    found = {"nodes": NODES, "kb_ids": KBS, "tenants": (old.id,), **names}
    return renaming_of(old, new, schemes=SCHEMES, **found)  # type: ignore[arg-type]


def test_all_names_follow_from_the_new_one() -> None:
    made = renaming()
    assert made.nodes == {
        "tenant:acme-corp:user:bob": "tenant:globex inc:user:bob",
        "tenant:acme-corp:user:ann lee": "tenant:globex inc:user:ann lee",
    }
    assert made.kb_ids == {
        "tenant_acme_corp_user_bob_kato": "tenant_globex_inc_user_bob_kato",
        "tenant_acme_corp_user_ann_lee_kato": "tenant_globex_inc_user_ann_lee_kato",
    }
    assert made.tenants == {"acme-corp": "globex inc"}
    assert (made.unread, made.clashes, made.renames) == ((), (), True)


def test_a_scheme_of_another_kind_takes_the_same_fields() -> None:
    made = renaming(new=TenantKey("shop", "globex"))
    assert made.nodes[NODES[0]] == "shop:globex:user:bob"
    assert made.kb_ids[KBS[0]] == "shop_globex_user_bob_kato"


def test_what_cannot_be_told_in_another_name_is_said() -> None:
    """No scheme reads it, it was cut, it is another's, or the new name could not be read back."""
    cut = kb_id_of("tenant:acme-corp:user:" + "x" * 60)
    odd = ("who knows", "tenant:other:user:bob")
    made = renaming(nodes=odd, kb_ids=(cut, "odd_kato"))
    assert set(made.unread) == {*odd, cut, "odd_kato"}
    assert made.nodes == {}
    assert renaming(new=TenantKey("nobodys", "x")).unread == (*sorted(NODES), *sorted(KBS))


def test_a_kb_id_of_which_no_node_is_known_is_read_by_its_text() -> None:
    assert renaming(nodes=()).kb_ids == renaming().kb_ids
    long = TenantKey("tenant", "g" * 60)
    assert renaming(nodes=(), new=long).kb_ids[KBS[0]] == kb_id_of(f"tenant:{'g' * 60}:user:bob")


def test_two_that_would_become_one_are_said() -> None:
    """The node_ids differ, and KATO makes one kb_id of them."""
    same = tuple(f"tenant:acme-corp:user:{user}" for user in ("a-b", "a_b"))
    one = renaming(nodes=same, kb_ids=(kb_id_of(same[0]),))
    assert one.clashes == ()
    two = Renaming("kato", {}, {"a_kato": "c_kato", "b_kato": "c_kato"}, {})
    assert two.clashes == ("c_kato",)


def test_what_no_scheme_reads_is_renamed_as_it_is() -> None:
    made = renaming(
        TenantKey.of_kb("x_kato"), TenantKey.of_kb("y_kato"), kb_ids=("x_kato",), nodes=()
    )
    assert made.kb_ids == {"x_kato": "y_kato"}
    with pytest.raises(NamingError):
        renaming(new=TenantKey.of_kb("y_kato"))


A, G = b"tenant_acme_corp_user_", b"tenant_globex_inc_user_"
POINTER = b"kato:session:node:tenant:"
KEYS = {
    A + b"bob_kato:frequency:a:b*c": G + b"bob_kato:frequency:a:b*c",
    b"tenant:acme-corp:session:1": b"tenant:globex inc:session:1",
    b"tenant:acme-corp:": b"tenant:globex inc:",
    POINTER + b"acme-corp:user:bob:active": POINTER + b"globex inc:user:bob:active",
    b"kato:session:session-1-2": b"kato:session:session-1-2",
    A + b"bobby_kato:frequency:x": A + b"bobby_kato:frequency:x",
    b"tenant:acme-corps:session:1": b"tenant:acme-corps:session:1",
    b"kato:metrics:_index": b"kato:metrics:_index",
}  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
def test_keys_are_renamed_by_whose_they_are(key: bytes) -> None:
    assert renaming().name(key) == KEYS[key]


def test_a_session_names_its_new_node_and_is_else_as_it_was() -> None:
    said = {"stm": [["node_id", "tenant:acme-corp:user:bob"]], "metadata": {"x": "ö"}}
    record = json.dumps({"node_id": NODES[0], **said})
    key = TypedKey(b"kato:session:session-1", "string", record, 5, 9)
    made = renaming().key(key)
    assert json.loads(made.value) == {"node_id": "tenant:globex inc:user:bob", **said}
    assert made.value == record.replace(
        f'"node_id": "{NODES[0]}"', '"node_id": "tenant:globex inc:user:bob"'
    )
    assert (made.key, made.pttl, made.expires_at) == (key.key, 5, 9)


def test_collections_and_points_are_renamed() -> None:
    made = renaming()
    kb, tenant = f"vectors_{KBS[0]}", "kato_tenant_acme-corp"
    assert made.collection(kb, kb) == "vectors_tenant_globex_inc_user_bob_kato"
    assert made.collection(tenant, tenant) == "kato_tenant_globex inc"
    assert made.collection("behind", kb) == "vectors_tenant_globex_inc_user_bob_kato"
    assert made.collection("shared", "shared") == "shared"
    point = {"id": 1, "payload": {"tenant_id": "acme-corp", "n": 1}, "vector": [1.0]}
    own, shared = made.point(point, shared=False), made.point(point, shared=True)
    assert own == {**point, "payload": {"tenant_id": "globex inc", "n": 1}}
    assert shared["payload"] == own["payload"]
    assert shared["id"] not in (1, made.point({**point, "id": 2}, shared=True)["id"])
    within = {"id": 1, "payload": {"metadata": {"tenant_id": "acme-corp", "x": 1}}, "vector": []}
    assert made.point(within, shared=False)["payload"] == {
        "metadata": {"tenant_id": "globex inc", "x": 1}
    }
    other = {"id": 1, "payload": {"tenant_id": "other"}, "vector": [1.0]}
    assert made.point(other, shared=True) == other


@given(raw=st.binary(max_size=40))
def test_without_a_new_name_nothing_changes(raw: bytes) -> None:
    same = unchanged(NODES, KBS, ("acme-corp",), "kato")
    assert not same.renames
    key = TypedKey(raw, "string", text_of(raw), None, None)
    assert same.key(key) == key


@settings(max_examples=30)
@given(old=words, new=words, users=st.sets(words, min_size=1, max_size=4), rest=st.binary())
def test_there_and_back_again(old: str, new: str, users: set[str], rest: bytes) -> None:
    """Whatever could be renamed is what it was when it is renamed back."""
    nodes = tuple(f"tenant:{old}:user:{user}" for user in sorted(users))
    kbs = tuple(sorted(set(map(kb_id_of, nodes))))
    old_key, new_key = TenantKey("tenant", old), TenantKey("tenant", new)
    there = renaming(old_key, new_key, nodes=nodes, kb_ids=kbs)
    assume(not there.unread and not there.clashes)
    assume(len(kbs) == len(nodes))
    back = renaming(
        new_key, old_key, nodes=tuple(there.nodes.values()), kb_ids=tuple(there.kb_ids.values())
    )
    assert {back.nodes[made]: made for made in there.nodes.values()} == there.nodes
    for kb_id in kbs:
        key = kb_id.encode("utf-8", "surrogateescape") + b":frequency:" + rest
        assert back.name(there.name(key)) == key
