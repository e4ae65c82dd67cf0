"""SHOW GRANTS, read whatever the names."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, strategies as st

from services.isolation.facts import Grant
from services.stores.clickhouse.grants import UnreadableGrant, grants_in

ESCAPES = {"\\": "\\\\", "`": "\\`", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0",
           "\b": "\\b", "\f": "\\f"}  # fmt: skip
RIGHTS = ["SELECT", "INSERT", "ALTER DELETE", "DROP TABLE", "SHOW", "dictGet", "ALL",
          "MOVE PARTITION BETWEEN SHARDS", "SYSTEM FLUSH ASYNC INSERT QUEUE"]  # fmt: skip
MEANING = re.compile(r"[\s(),.*;`\"'\\]")


def quoted(name: str) -> str:
    """Write a name as ClickHouse does."""
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        return name
    return "`" + "".join(ESCAPES.get(sign, sign) for sign in name) + "`"


def shown(name: str) -> str:
    """Write a name as a Grant does."""
    if not MEANING.search(name):
        return name
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


names = st.text(min_size=1, max_size=12) | st.sampled_from(
    ["TO", "ON", "GRANT", "WITH", "kato", "my-db", "a.b", "*", "a`b", "a\\", "x TO y", "a\nGRANT b"]
)
parts = names.map(lambda name: (quoted(name), shown(name)))
wholes = st.one_of(
    st.just(("*.*", "*.*")),
    parts.map(lambda db: (f"{db[0]}.*", f"{db[1]}.*")),
    parts.map(lambda db: (f"{db[0]}*.*", f"{db[1]}*.*")),
    st.tuples(parts, parts).map(lambda p: (f"{p[0][0]}.{p[1][0]}", f"{p[0][1]}.{p[1][1]}")),
    st.tuples(parts, parts).map(lambda p: (f"{p[0][0]}.{p[1][0]}*", f"{p[0][1]}.{p[1][1]}*")),
)


@st.composite
def rights(draw: st.DrawFn) -> tuple[str, str]:
    right = draw(st.sampled_from(RIGHTS))
    columns = draw(st.lists(parts, max_size=3))
    if not columns:
        return right, right
    sent, read = (", ".join(each) for each in zip(*columns, strict=True))
    return f"{right}({sent})", f"{right}({read})"


@st.composite
def statements(draw: st.DrawFn) -> tuple[str, Grant]:
    found = draw(st.lists(rights(), min_size=1, max_size=4))
    on, user = draw(wholes), draw(names)
    may_grant = draw(st.booleans())
    ending = " WITH GRANT OPTION" if may_grant else ""
    text = f"GRANT {', '.join(sent for sent, _ in found)} ON {on[0]} TO {quoted(user)}{ending}"
    return text, Grant(tuple(read for _, read in found), on[1], may_grant)


@given(st.lists(statements(), max_size=5), st.booleans())
def test_whatever_the_names_every_grant_is_read(
    found: list[tuple[str, Grant]], in_one: bool
) -> None:
    """In rows or in one text of lines, with names that look like SQL themselves."""
    lines = [text for text, _ in found]
    read = grants_in(["\n".join(lines)] if in_one else lines)
    assert read == tuple(grant for _, grant in found)


@given(st.lists(names, min_size=1, max_size=3), names, st.booleans())
def test_roles_are_rights_on_nothing(roles: list[str], user: str, admin: bool) -> None:
    """They are told from rights by that."""
    ending = " WITH ADMIN OPTION" if admin else ""
    line = f"GRANT {', '.join(map(quoted, roles))} TO {quoted(user)}{ending}"
    assert grants_in([line]) == (Grant(tuple(map(shown, roles)), "", admin),)


@given(st.text() | st.text(st.sampled_from("GRANT ON TO(),.*`'\"\\\nREVOKE;x ")))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing else comes of what ClickHouse would never say."""
    try:
        grants_in([text])
    except UnreadableGrant:
        return


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (
            "GRANT SELECT, INSERT(a, b), ALTER DELETE ON kato.* TO x WITH GRANT OPTION",
            [Grant(("SELECT", "INSERT(a, b)", "ALTER DELETE"), "kato.*", may_grant=True)],
        ),
        ("GRANT TABLE ENGINE ON * TO default", [Grant(("TABLE ENGINE",), "*")]),
        (
            "GRANT SELECT ON a.b, NAMED COLLECTION ON `n c` TO x",
            [Grant(("SELECT",), "a.b"), Grant(("NAMED COLLECTION",), "`n c`")],
        ),
        ("GRANT READ ON S3('s3://foo/.*') TO x", [Grant(("READ",), "S3(`s3://foo/.*`)")]),
        ("REVOKE SELECT ON a.b FROM x", []),
        ("", []),
        (
            "GRANT SELECT ON *.* TO x\nREVOKE SELECT ON a.b FROM x\nGRANT ALTER\n ON x.*\n TO y;",
            [Grant(("SELECT",), "*.*"), Grant(("ALTER",), "x.*")],
        ),
    ],
)
def test_what_clickhouse_says(line: str, found: list[Grant]) -> None:
    """The forms that versions from 20.4 to 26 use."""
    assert grants_in([line]) == tuple(found)


@pytest.mark.parametrize(
    "line",
    ["hello", "GRANT", "GRANT SELECT ON", "GRANT SELECT ON a.b", "GRANT SELECT( ON a.b TO x",
     "GRANT SELECT ON `a TO x", "GRANT CURRENT GRANTS(ALL ON *.*) TO x"],
)  # fmt: skip
def test_what_it_does_not_say_is_refused(line: str) -> None:
    """No grant is better than half a grant."""
    with pytest.raises(UnreadableGrant):
        grants_in([line])
