"""A canary report as the documented JSON. Pure."""

from __future__ import annotations

import json

from services.canary.models import CanaryReport


def canary_json(report: CanaryReport) -> str:
    """Write a report as JSON, ASCII only."""
    return json.dumps(
        {
            "verdict": report.verdict.value,
            "started": report.started.isoformat(),
            "seconds": round(report.seconds, 3),
            "by": report.by,
            "kato": report.kato,
            "cleaned": report.cleaned,
            "left": list(report.left),
            "probes": [
                {
                    "asked": probe.asked,
                    "tenant": probe.tenant,
                    "about": probe.about,
                    "outcome": probe.outcome.value,
                    "leaked": list(probe.leaked),
                    "reason": probe.reason,
                }
                for probe in report.probes
            ],
            "observations": [
                {
                    "about": each.about,
                    "known": each.known,
                    "seen": each.seen,
                    "evidence": dict(each.evidence),
                }
                for each in report.observations
            ],
        },
        indent=2,
    )
