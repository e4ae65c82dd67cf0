"""What an installation has that is not this folder: a container's, say."""

from __future__ import annotations

import tomllib
from fnmatch import fnmatchcase

from tests.servers import ROOT

SETUP = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
FOLDERS = ("cli", "dashboard", "services")


def test_every_module_is_installed() -> None:
    """An installation by `--editable` has them all, whatever is said there, and hides it."""
    folders = {path.parent for name in FOLDERS for path in (ROOT / name).rglob("*.py")}
    packages = {".".join(folder.relative_to(ROOT).parts) for folder in folders}
    found = {
        p for p in packages if any(fnmatchcase(p, i) for i in SETUP["packages"]["find"]["include"])
    }
    assert found == packages
    assert "services.purge" in packages
    scripts = {path.stem for path in ROOT.glob("*.py")}
    assert scripts == set(SETUP["py-modules"])


def test_the_server_has_its_options() -> None:
    """They are refused where they are unsafe, so an installation takes them along."""
    (files,) = SETUP["data-files"].values()
    assert files == [".streamlit/config.toml"]
    assert (ROOT / files[0]).is_file()
