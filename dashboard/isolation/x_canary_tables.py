"""A canary report as rows and words. Pure."""

from __future__ import annotations

import pandas as pd

from dashboard.draw.formatting import plural, visible
from services.canary.models import CanaryReport, Observation, Outcome, Probe, Verdict

_ORDER = [Outcome.FAILED, Outcome.UNKNOWN, Outcome.NOT_CONFIGURED, Outcome.PASSED]
COLOR_OF = {
    Outcome.FAILED: "red", Outcome.UNKNOWN: "orange", Outcome.NOT_CONFIGURED: "gray",
    Outcome.PASSED: "green",
}  # fmt: skip


def probes_frame(report: CanaryReport) -> pd.DataFrame:
    """Return one row a question, what did not pass first."""
    probes = sorted(report.probes, key=lambda probe: _ORDER.index(probe.outcome))
    return pd.DataFrame(
        [
            {
                "Result": [probe.outcome.value],
                "Asked": visible(probe.asked),
                "In the name of": visible(probe.tenant),
                "About": visible(probe.about),
                "Why": visible(_why(probe)),
            }
            for probe in probes
        ],
        columns=["Result", "Asked", "In the name of", "About", "Why"],
    )


def _why(probe: Probe) -> str:
    if probe.leaked:
        return f"came back: {', '.join(probe.leaked)}"
    return probe.reason


def verdict_words(report: CanaryReport) -> str:
    """Say in one sentence what came of a run; its names are not made visible yet."""
    asked = plural(len(report.probes), "question")
    if report.verdict is Verdict.FAILED:
        failed = sum(probe.outcome is Outcome.FAILED for probe in report.probes)
        return f"{failed:,} of {asked} brought back what is another tenant's."
    if report.verdict is Verdict.PASSED:
        absent = sum(probe.outcome is Outcome.NOT_CONFIGURED for probe in report.probes)
        rest = f", {absent:,} of them about a store that is not configured" if absent else ""
        return f"{asked} asked{rest}: neither tenant was given anything of the other's."
    return "It is not known whether tenants are kept apart: not everything could be looked at."


def evidence_frame(observation: Observation) -> pd.DataFrame:
    """Return what an observation was seen by, one row each."""
    rows = [(visible(name), visible(value)) for name, value in observation.evidence.items()]
    return pd.DataFrame(rows, columns=["What", "Seen"])
