"""Stored ids that would break out of a quoted text or act as a glob."""

from __future__ import annotations

import pytest

from services.figures import Amount, Measure
from services.isolation.about import plain
from services.isolation.models import CannotTell, Finding, Seen
from services.isolation.rules.hostile import RULES
from services.isolation.severity import Severity
from services.tenancy.kb_ids import TenantKey, kb_id_of
from services.tenancy.layout import Owner, OwnerKind
from services.usage.readings import KeyGroup
from tests.unit.isolation.fleets_seen import fleet

OBRIEN = "tenant:O'Brien & Söhne:user:jürgen"
STARS = "tenant:a*b[c]?:user:x"
PLAIN = ("tenant:acme-corp:user:bob", "tenant_umbrella", "org:日本:dept:ö:user:y", "a b", "", "x$y")


def found(code: str, seen: Seen) -> list[Finding]:
    rule = next(rule for rule in RULES if rule.code == f"hostile.{code}")
    findings = list(rule.find(seen))
    assert all(f.code == rule.code and f.severity is rule.severity for f in findings)
    assert len({f.subject for f in findings}) == len(findings)
    return findings


def of(*nodes: str, **data: object) -> Seen:
    patterns = {kb_id_of(node): 1 for node in nodes}
    return fleet(*nodes, patterns=patterns, **data)


def test_a_quote_in_an_id() -> None:
    """One finding a tenant, with each name of it as it is stored."""
    kb_id = kb_id_of(OBRIEN)
    (finding,) = found("quoted", of(OBRIEN, *PLAIN, collections={f"vectors_{kb_id}": 1}))
    tenant = TenantKey("tenant", "O'Brien & Söhne")
    assert finding.subject == str(tenant)
    assert finding.severity is Severity.MEDIUM
    assert finding.tenants == (tenant,)
    assert finding.kb_ids == (kb_id,)
    assert plain(finding.evidence) == {
        "signs": ("'",), "number of names": 3, "node_ids": (OBRIEN,), "kb_ids": (kb_id,),
        "collections": (f"vectors_{kb_id}",),
    }  # fmt: skip
    assert finding.what == (
        f"{OBRIEN} of {tenant} has ', which would break out of a quoted text, "
        "and so have 2 more of the names."
    )


@pytest.mark.parametrize(
    ("sign", "word"),
    [
        ("'", "'"), ('"', '"'), ("`", "`"), ("\\", "\\"), ("\n", "control character 0x0a"),
        ("\x00", "control character 0x00"), ("\x7f", "control character 0x7f"),
        ("\x9b", "control character 0x9b"), ("\udcff", "bytes that are not UTF-8"),
        (chr(0xD800), "bytes that are not UTF-8"),
    ],
)  # fmt: skip
def test_every_sign_that_breaks_out_is_named(sign: str, word: str) -> None:
    """Wherever it stands; even where KATO's kb_id no longer has it, sessions do."""
    (finding,) = found("quoted", fleet(f"tenant:a{sign}:user:x"))
    assert plain(finding.evidence)["signs"] == (word,)
    assert finding.kb_ids == ()


def test_plain_ids_are_no_finding() -> None:
    """Letters of any script, spaces, hyphens and underscores are all right."""
    seen = of(*PLAIN, collections={"docs": 1, "kato_tenant_acme": 1})
    assert found("quoted", seen) == found("glob", seen) == []


def test_signs_of_a_glob() -> None:
    """The node_id has them raw; the kb_id keeps the brackets."""
    (finding,) = found("glob", of(STARS, *PLAIN))
    assert finding.subject == "tenant/a*b[c]?"
    assert finding.severity is Severity.LOW
    assert plain(finding.evidence) == {
        "signs": ("*", "?", "[", "]"), "number of names": 2,
        "node_ids": (STARS,), "kb_ids": ("tenant_a_b[c]__user_x_kato",),
    }  # fmt: skip
    assert found("quoted", of(STARS)) == []


def test_a_per_cent_sign_is_one_of_like() -> None:
    (finding,) = found("glob", fleet("tenant:50%:user:x"))
    assert plain(finding.evidence)["signs"] == ("%",)


def test_a_raw_id_of_the_guides_layout() -> None:
    group = KeyGroup(Owner(OwnerKind.TENANT, "it's*"), "session", Amount(1, 9))
    seen = fleet(groups=[group])
    for code in ("quoted", "glob"):
        (finding,) = found(code, seen)
        assert finding.subject == "tenant/it's*"
        assert plain(finding.evidence)["tenant ids"] == ("it's*",)


def test_names_that_are_nobodys() -> None:
    (finding,) = found("quoted", fleet(collections={'"; drop': 1, "x`": 2}))
    assert finding.subject == "qdrant"
    assert finding.tenants == ()
    assert plain(finding.evidence)["collections"] == ('"; drop', "x`")
    assert finding.what.startswith('"; drop that is unowned has " `')


def test_a_name_that_kato_does_not_bear() -> None:
    """High, by the node_id or the kb_id alone; what is not KATO's is no such name."""
    brackets, kb_id = "org:a[b]:dept:c:user:d", kb_id_of(OBRIEN)
    for seen in (of(OBRIEN, brackets, *PLAIN), fleet(OBRIEN, brackets, collections={"it's": 1})):
        other, finding = found("unescaped", seen)
        assert (finding.subject, finding.severity) == ("tenant/O'Brien & Söhne", Severity.HIGH)
        assert plain(finding.evidence)["signs"] == ("'",)
        assert plain(other.evidence)["signs"] == ("[", "]")
        assert finding.what.startswith(f"{OBRIEN} of tenant/O'Brien & Söhne has ', which KATO does")
    (inferred,) = found("unescaped", fleet(keys={kb_id: 1}))
    assert inferred.kb_ids == (kb_id,)
    assert found("unescaped", of(*PLAIN, 'tenant:say "a*b"?:user:x')) == []


def test_a_name_that_kato_takes_for_its_own_tests() -> None:
    """However the node_id writes it, and where only the kb_id is left; `tests` is another word."""
    for node in ("test_a", "test-a", "test:tenant:a"):
        (finding,) = found("test", of(node, *PLAIN, "tests_a", "contest_1", "tenant:test_a:user:b"))
        assert finding.severity is Severity.HIGH
        assert plain(finding.evidence)["node_ids"] == (node,)
        assert "begins with test_ for KATO" in finding.what
    (finding,) = found("test", fleet(patterns={"test_a_kato": 1}))
    assert finding.kb_ids == ("test_a_kato",)


@pytest.mark.parametrize("code", ["unescaped", "quoted", "glob"])
def test_names_that_could_not_be_read_are_not_passed_over(code: str) -> None:
    with pytest.raises(CannotTell):
        found(code, fleet(OBRIEN, unread=[Measure.VECTORS]))
    assert found(code, fleet(absent=[Measure.VECTORS])) == []
