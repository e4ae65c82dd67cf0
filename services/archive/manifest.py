"""The head and the manifest of an archive, as the JSON that stands in it."""

from __future__ import annotations

import json

from pydantic import TypeAdapter, ValidationError

from services.archive.errors import ArchiveFlaw, ArchiveRefused
from services.archive.models import FORMAT, VERSION, Head, Manifest, ascii_json

_HEAD, _MANIFEST = TypeAdapter(Head), TypeAdapter(Manifest)


def head_json(head: Head) -> bytes:
    """Write a head."""
    return ascii_json(_HEAD.dump_python(head, mode="json"))


def head_of(text: bytes) -> Head:
    """Read a head. Raises ArchiveRefused: NOT_ONE, or VERSION whatever else that version says."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise ArchiveRefused(ArchiveFlaw.NOT_ONE)
    if found.get("version") != VERSION:
        raise ArchiveRefused(ArchiveFlaw.VERSION)
    try:
        return _HEAD.validate_python(found)
    except ValidationError:
        raise ArchiveRefused(ArchiveFlaw.ALTERED, "head") from None


def manifest_json(manifest: Manifest) -> bytes:
    """Write a manifest; names with any bytes are in it as JSON's escapes."""
    return ascii_json(_MANIFEST.dump_python(manifest, mode="json"))


def manifest_of(text: bytes) -> Manifest:
    """Read a manifest. Raises ArchiveRefused."""
    try:
        return _MANIFEST.validate_python(json.loads(text))
    except (ValueError, RecursionError):  # pydantic's ValidationError is a ValueError
        raise ArchiveRefused(ArchiveFlaw.ALTERED, "manifest") from None
