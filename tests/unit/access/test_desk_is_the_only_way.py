"""Pages, parts and callbacks use a desk, which decides and logs in the viewer's name."""

from __future__ import annotations

import ast
from pathlib import Path

DASHBOARD = Path(__file__).parents[3] / "dashboard"
RUNTIME = DASHBOARD / "app/runtime.py"


def reaching(path: Path) -> set[str]:
    """What of a file could reach the services themselves."""
    found = set[str]()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Attribute):
            found |= {node.attr} & {"services", "_holder"}
        elif isinstance(node, ast.Name):
            found |= {node.id} & {"services", "_holder"}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
            found |= names & {"services.bootstrap", "services.desk"}
    return found


def test_only_runtime_reaches_the_services() -> None:
    """It is there that they are reached, and nowhere else."""
    files = {path for path in DASHBOARD.rglob("*.py") if reaching(path)}
    assert files == {RUNTIME}
