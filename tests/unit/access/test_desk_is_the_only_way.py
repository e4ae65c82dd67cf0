"""Pages, parts and callbacks use a desk, which decides and logs in the viewer's name."""

from __future__ import annotations

import ast
from pathlib import Path

DASHBOARD = Path(__file__).parents[3] / "dashboard"
HOLDING = {
    DASHBOARD / f"app/{name}.py"
    for name in ("runtime", "holders", "deployments", "gathered", "scraped")
}
"""What holds the services, of one deployment or of several, and makes a desk of them."""


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


def test_only_what_holds_the_services_reaches_them() -> None:
    """All else asks a desk, which those make."""
    files = {path for path in DASHBOARD.rglob("*.py") if reaching(path)}
    assert files == HOLDING
