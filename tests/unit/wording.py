"""Every text of the product that people read: what its code says, and its documents."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = ("dashboard", "cli", "services")
_CODE_IN_TEXT = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Text:
    """A text that people read, with where it stands."""

    place: str
    words: str


def code() -> dict[str, str]:
    """Return the product's code by its files."""
    files = sorted(path for folder in CODE for path in (ROOT / folder).rglob("*.py"))
    return {str(file.relative_to(ROOT)): file.read_text("utf-8") for file in files}


def said(files: Mapping[str, str]) -> Iterator[Text]:
    """Yield every text that code says; docstrings and comments are not said.

    What is put into a text is `{}`. One word in small letters may be a value of JSON, which stays.
    """
    for file, source in files.items():
        for node in _spoken(ast.parse(source)):
            words = _words(node)
            if " " in words.strip() or words[:1].isupper():
                yield Text(f"{file}:{node.lineno}", words)


def _spoken(node: ast.AST) -> Iterator[ast.expr]:
    """Yield the texts under a node, a text of several parts as one."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue  # a docstring
        if isinstance(child, ast.JoinedStr):
            yield child
            for part in child.values:
                yield from _spoken(part)
        elif isinstance(child, ast.Constant) and isinstance(child.value, str):
            yield child
        else:
            yield from _spoken(child)


def _words(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values
        )
    assert isinstance(node, ast.Constant)
    return str(node.value)


def written() -> Iterator[Text]:
    """Yield every line of the documents, without what stands in them as code."""
    for file in (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))):
        text = _CODE_IN_TEXT.sub(lambda found: "\n" * found[0].count("\n"), file.read_text())
        for number, line in enumerate(text.splitlines(), start=1):
            yield Text(f"{file.relative_to(ROOT)}:{number}", line)
