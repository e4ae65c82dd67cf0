"""Archives, manifests and proofs as JSON. `docs/archive.md` describes it; keys stay. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from services.archive.manifest import head_json, manifest_json
from services.archive.models import Archive, Difference, Head, Manifest
from services.archive.verify import Proof
from services.usage.formats import Json, stamp


def archive_json(archive: Archive) -> Json:
    """Return what is known of an archive; null is not known."""
    return {
        "id": archive.id, "target": str(archive.target), "tenants": list(archive.tenants),
        "name": archive.name, "place": archive.place or None, "state": archive.state.value,
        "by": archive.by, "reason": archive.reason or None, "job": archive.job or None,
        "created_at": stamp(archive.created_at), "ended_at": stamp(archive.ended_at),
        "proven_at": stamp(archive.proven_at), "bytes": archive.bytes or None,
        "sha256": archive.sha256 or None, "counts": dict(archive.counts),
        "encrypted": archive.encrypted, "quiesced": archive.quiesced,
        "changes": archive.changes, "left_out": archive.left_out,
        "problem": archive.problem or None, "removed_at": stamp(archive.removed_at),
        "removed_by": archive.removed_by or None, "removed_for": archive.removed_for or None,
    }  # fmt: skip


def archives_json(archives: Iterable[Archive]) -> Json:
    """Return archives, in their order."""
    return {"archives": [archive_json(each) for each in archives]}


def shown_json(head: Head, manifest: Manifest) -> Json:
    """Return what an archive says of itself: its head, and its manifest as it stands in it."""
    return {"head": _read(head_json(head)), "manifest": _read(manifest_json(manifest))}


def proof_json(proof: Proof) -> Json:
    """Return what was proven; `differences` is null where the stores were not asked."""
    differences = None if proof.differences is None else list(map(_difference, proof.differences))
    parts = [] if proof.manifest is None else proof.manifest.parts
    return {
        "name": proof.name, "bytes": proof.bytes, "sha256": proof.sha256,
        "opened": proof.manifest is not None,
        "parts": [{"name": p.name, "count": p.count, "bytes": p.bytes} for p in parts],
        "differences": differences,
    }  # fmt: skip


def _difference(each: Difference) -> Json:
    return {
        "part": each.part, "archived": each.archived, "there": each.there,
        "same_content": each.same_content,
    }  # fmt: skip


def _read(text: bytes) -> Any:
    return json.loads(text)
