"""What is deployed beside the dashboard, as Prometheus' own tool judges it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.servers import ROOT
from tests.servers.prometheus import promtool
from tests.unit.metrics.test_documented import queries

DEPLOY = ROOT / "deploy" / "prometheus"
RULES = DEPLOY / "kato-tenants.rules.yml"


def test_the_configuration_is_one(tmp_path: Path) -> None:
    """With its rules, and a token where it says."""
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    (tmp_path / "deploy" / "metrics-token").write_text("x" * 20)
    said = promtool("check", "config", tmp_path / "deploy" / "prometheus.yml")
    assert "rules found" in said


def test_alerts_fire_when_they_have_to_and_not_before(tmp_path: Path) -> None:
    shutil.copy(RULES, tmp_path)
    shutil.copy(Path(__file__).with_name("rules.test.yml"), tmp_path)
    promtool("test", "rules", tmp_path / "rules.test.yml")


def test_every_query_of_the_dashboard_is_one(tmp_path: Path) -> None:
    """Grafana puts its variables in place."""
    asked = [q.replace("$__range", "1h") for q in queries() if not q.startswith("label_values")]
    rules = [{"record": f"query:{n}", "expr": query} for n, query in enumerate(asked)]
    file = tmp_path / "rules.json"  # which is YAML too
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert f"{len(asked)} rules found" in promtool("check", "rules", file)
