"""What makes two actions the very same thing. Pure."""

from __future__ import annotations

import hashlib
import json


def digest_of_words(*words: str) -> str:
    """Return SHA-256 over words, in hex; no two lists of words have one text."""
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()
