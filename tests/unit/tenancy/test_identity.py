"""The naming schemes and KATO's kb_id rule."""

from __future__ import annotations

import hashlib
from itertools import islice

import pytest
from hypothesis import given, strategies as st

from services.errors import NamingError
from services.tenancy.kb_ids import KB_ID_LIMIT, TenantKey, kb_id_of, node_text_of, sanitise
from services.tenancy.schemes import GUIDE_TEMPLATES, NamingScheme, NamingSchemes
from tests.conftest import capture_rows

SCHEMES = NamingSchemes.of()
templates = st.sampled_from(GUIDE_TEMPLATES)
texts = st.text(min_size=1, max_size=30)
PIECES = (
    "tenant_", "_user_", "app_", "_ctx_", "team_", "_shared", "x_", "_y_", "_", "a", "b", "/", "-",
)  # fmt: skip
own_templates = st.sampled_from(
    ["x_{x}_y_{y}_y_{z}", "tenant/{tenant}/{user}", "team_{team}", "a{b}b"]
)
awkward = st.text(alphabet=st.sampled_from(list("ab:_-/ user tenant{}%*'\n\0ö")), min_size=1)


def recorded_processors() -> list[tuple[str, str]]:
    """Every pair of node_id and kb_id that the recorded KATO named itself."""
    status = next(r for r in capture_rows("kato_http.jsonl") if r["path"] == "/status")
    cached = status["response"]["processors"]["processors"]
    return [(p["node_id"], p["processor_id"]) for p in cached]


@pytest.mark.parametrize(("node_id", "kb_id"), recorded_processors())
def test_the_kb_id_rule_is_katos(node_id: str, kb_id: str) -> None:
    """KATO's own pairs of node_id and kb_id come out the same."""
    assert kb_id_of(node_id) == kb_id


def test_the_capture_pairs_are_there() -> None:
    """The test above rests on a capture that holds pairs, a cut one among them."""
    pairs = recorded_processors()
    assert len(pairs) == 20
    assert any(len(kb_id) == KB_ID_LIMIT for _, kb_id in pairs)


@given(st.integers(50, 70), st.sampled_from(["kato", "k", "my-service", "x" * 40]))
def test_only_kb_ids_above_60_characters_are_cut(length: int, service: str) -> None:
    """Up to 60 characters a kb_id is the whole node; above, it is 60 and ends in a digest."""
    node = "n" * length
    whole = f"{node}_{service.replace('-', '_')}"
    kb_id = kb_id_of(node, service)
    assert (kb_id == whole) == (len(whole) <= KB_ID_LIMIT)
    assert len(kb_id) == min(len(whole), KB_ID_LIMIT)


def test_the_boundary_of_60() -> None:
    """55 characters stay whole; 56 are cut to 46 and the MD5 of all of them."""
    assert kb_id_of("n" * 55) == "n" * 55 + "_kato"
    digest = hashlib.md5(b"n" * 56).hexdigest()[:8]
    assert kb_id_of("n" * 56) == "n" * 46 + f"_{digest}_kato"


def test_characters_are_counted_and_not_bytes() -> None:
    """50 of a script of three bytes each stay whole, and are cut where 50 others would be."""
    assert kb_id_of("日" * 50) == "日" * 50 + "_kato"
    digest = hashlib.md5(("日" * 56).encode()).hexdigest()[:8]
    assert kb_id_of("日" * 56) == "日" * 46 + f"_{digest}_kato"


@given(st.text())
def test_no_kb_id_is_longer(text: str) -> None:
    """No kb_id of KATO's default service is longer than 60 characters."""
    assert len(kb_id_of(text)) <= max(KB_ID_LIMIT, len("_kato"))


def test_what_is_replaced_and_what_passes() -> None:
    """The replaced characters become `_`; brackets, quotes and other scripts pass."""
    assert sanitise('/\\."$*<>:|?- ') == "_" * 13
    assert sanitise("[]'&%ö日") == "[]'&%ö日"


def test_the_text_of_a_cut_kb_id_is_told_as_cut() -> None:
    """A kb_id of 60 characters with a digest gives its beginning, and says that it was cut."""
    assert node_text_of(kb_id_of("tenant:acme:user:bob")) == ("tenant_acme_user_bob", False)
    text, cut = node_text_of(kb_id_of("n" * 80))
    assert cut
    assert text == "n" * 46
    assert node_text_of("tenant_acme") == ("tenant_acme", False)


@given(templates, st.data())
def test_what_a_scheme_makes_it_reads_back(template: str, data: st.DataObject) -> None:
    """Whatever a scheme agrees to make reads back as the same fields, in one way only."""
    scheme = NamingScheme(template)
    values = {name: data.draw(texts | awkward, label=name) for name in scheme.fields}
    try:
        node_id = scheme.make(**values)
    except NamingError:
        assert len(list(scheme.readings(template.format_map(values)))) != 1
        return
    assert list(scheme.readings(node_id)) == [values]
    assert scheme.tenant(values) == TenantKey(scheme.kind, values[scheme.kind])


@given(templates, st.text(max_size=60) | awkward)
def test_every_reading_makes_the_text_again(template: str, text: str) -> None:
    """A reading's fields, put into the template, give the text that was read."""
    scheme = NamingScheme(template)
    for values in scheme.readings(text):
        assert template.format_map(values) == text


@given(
    st.lists(own_templates, max_size=3), st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
)
def test_whom_a_text_names_is_what_its_first_readings_say(own: list[str], text: str) -> None:
    """Each scheme that reads a kb_id's text names the tenants of its first 16 readings, once."""
    schemes = NamingSchemes.of(own)
    each = [
        tuple(dict.fromkeys(map(s.tenant, islice(s.readings_sanitised(text), 16))))
        for s in schemes.by_weight
    ]
    named = list(schemes.tenants_named(text))
    assert list(dict.fromkeys(named)) == list(dict.fromkeys(filter(None, each)))


@given(st.text() | st.lists(st.sampled_from(PIECES)).map("".join))
def test_every_character_that_kato_replaces_is_replaced(text: str) -> None:
    """Nothing else is, wherever it stands."""
    assert sanitise(text) == "".join("_" if c in '/\\."$*<>:|?- ' else c for c in text)


def test_a_value_that_could_be_read_in_two_ways_is_refused() -> None:
    """`a:user:b` in a field would let one node_id name two tenants."""
    scheme = NamingScheme("tenant:{tenant}:user:{user}")
    with pytest.raises(NamingError, match="more than one way"):
        scheme.make(tenant="a", user="b:user:c")
    reading = SCHEMES.read("tenant:a:user:b:user:c")
    assert reading is not None
    assert reading.tenant == TenantKey("tenant", "a")
    assert reading.others == (TenantKey("tenant", "a:user:b"),)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"tenant": "", "user": "x"}, "tenant is empty"),
        ({"tenant": "x"}, "takes the fields tenant, user"),
        ({"tenant": "x", "user": "y", "more": "z"}, "takes the fields"),
    ],
)
def test_fields_have_to_be_there(values: dict[str, str], why: str) -> None:
    """A missing, empty or unknown field is refused by name."""
    with pytest.raises(NamingError, match=why):
        NamingScheme("tenant:{tenant}:user:{user}").make(**values)


@pytest.mark.parametrize(
    "template",
    ["", "plain", "{tenant}", "t:{a}{b}", "t:{a}:{a}", "t:{a", "t:{A}", "x:{kb}:y"],
)
def test_templates_that_could_not_be_read_with_are_refused(template: str) -> None:
    """A template without a field, a beginning, or something between two fields is refused."""
    with pytest.raises(NamingError):
        NamingScheme(template)


@pytest.mark.parametrize(
    ("node_id", "tenant"),
    [
        ("tenant:acme-corp:user:bob", "tenant/acme-corp"),
        ("tenant-initech:user-7", "tenant/initech"),
        ("tenant_umbrella", "tenant/umbrella"),
        ("app:crm:ctx:lead:user:42", "app/crm"),
        ("team:search:shared", "team/search"),
        ("org:bigco:dept:engineering:user:charlie", "org/bigco"),
        ("user:zed", "user/zed"),
    ],
)
def test_the_guides_schemes_read_their_own_examples(node_id: str, tenant: str) -> None:
    """Every class of node_id in the guide names its tenant."""
    reading = SCHEMES.read(node_id)
    assert reading is not None
    assert str(reading.tenant) == tenant
    assert reading.others == ()


def test_a_deployments_own_scheme_is_read_too() -> None:
    """A scheme from the settings stands beside the guide's."""
    reading = NamingSchemes.of(["customer={customer};env={env}"]).read("customer=x y;env=prod")
    assert reading is not None
    assert str(reading.tenant) == "customer/x y"
    assert SCHEMES.read("customer=x y;env=prod") is None


@pytest.mark.parametrize("text", ["", "acme", "/acme", "tenant/"])
def test_a_tenant_is_written_kind_slash_id(text: str) -> None:
    """A text without a kind or an id is no tenant."""
    with pytest.raises(NamingError):
        TenantKey.parse(text)


@given(st.text(min_size=1).filter(lambda s: "/" not in s), st.text(min_size=1))
def test_a_tenant_reads_back(kind: str, name: str) -> None:
    """Writing a tenant and reading it again gives the same, slashes in the id included."""
    tenant = TenantKey(kind, name)
    assert TenantKey.parse(str(tenant)) == tenant


def test_a_long_hostile_text_is_read_in_bounded_time() -> None:
    """10,000 characters full of separators still get an answer, with few alternatives."""
    reading = SCHEMES.read("tenant:" + ":user:".join("x" * 1200))
    assert reading is not None
    assert len(reading.others) < 20
