"""Pages run by AppTest on a whole deployment, without a browser."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from dashboard import runtime
from services.bootstrap import Services
from services.settings import Settings

ENTRY = str(Path(__file__).parents[2] / "streamlit_app.py")
Open = Callable[..., AppTest]


@pytest.fixture(scope="session", autouse=True)
def _installed_once() -> Iterator[None]:
    """Each AppTest looks through every installed package for components: a second each time."""
    found = manifest_scanner.scan_component_manifests()
    with patch.object(manifest_scanner, "scan_component_manifests", lambda: found):
        yield


@pytest.fixture(autouse=True)
def _no_leftovers() -> Iterator[None]:
    """Caches outlive tests, and AppTest leaves its script as `__main__`.

    A process that a later test starts would run that script: a second dashboard.
    """
    main = sys.modules["__main__"]
    runtime.clear()
    yield
    runtime.clear()
    sys.modules["__main__"] = main


@pytest.fixture
def services(kato_settings: Settings) -> Iterator[Services]:
    """The services that the pages will use, their first refresh done."""
    assert not kato_settings.embedded
    built = runtime.services()
    assert built.collector.wait(timeout=60)
    yield built
    built.close()


@pytest.fixture
def open_page() -> Open:
    """Open a page by its name, with query parameters."""

    def opened(name: str = "overview", **query: str) -> AppTest:
        app = AppTest.from_file(ENTRY, default_timeout=60)
        for key, value in query.items():
            app.query_params[key] = value
        if name != "overview":
            app.switch_page(f"dashboard/pages/{name}.py")
        app.run()
        assert not app.exception, app.exception
        return app

    return opened


def words(app: AppTest) -> str:
    """Every text on the page, as it is read: without Markdown's escapes."""
    shown = [*app.title, *app.header, *app.subheader, *app.caption, *app.markdown]
    notes = [*app.warning, *app.error, *app.info, *app.success, *app.code]
    metrics = [f"{m.label}: {m.value} {m.delta}" for m in app.metric]
    texts = [*(element.value for element in [*shown, *notes]), *metrics]
    return "\n".join(texts).replace("\\", "")
