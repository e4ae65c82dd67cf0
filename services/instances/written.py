"""Sizes and processors as they are written. Pure."""

from __future__ import annotations

import re

from services.instances.models import InstanceRefused

_SIZE = re.compile(r"(\d{1,6})\s*(Mi|Gi|Ti|m|g|t)[Bb]?", re.IGNORECASE)
_UNITS = {"m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_CPUS = re.compile(r"(\d{1,4})(?:\.(\d{1,3}))?|(\d{1,7})m")


def bytes_written(text: str) -> int:
    """Read `512Mi`, `2Gi` or `2g`: powers of two, as Docker and Kubernetes. Raises."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise InstanceRefused(f"a size is written 512Mi or 2Gi, and not {text!r}")
    return int(found[1]) * _UNITS[found[2][0].lower()]


def size_words(size: int) -> str:
    """Write a size in whole Mi or Gi, as Kubernetes takes it."""
    for unit, factor in (("Ti", 1 << 40), ("Gi", 1 << 30)):
        if size and size % factor == 0:
            return f"{size // factor}{unit}"
    return f"{size >> 20}Mi"


def cpus_written(text: str) -> int:
    """Read `2`, `0.5` or `500m` as thousandths of a processor. Raises InstanceRefused."""
    found = _CPUS.fullmatch(text.strip())
    if found is None:
        raise InstanceRefused(f"processors are written 2, 0.5 or 500m, and not {text!r}")
    whole, part, thousandths = found.groups()
    return int(thousandths) if thousandths else int(whole) * 1000 + int((part or "").ljust(3, "0"))


def cpus_words(cpus: int) -> str:
    """Write thousandths of a processor as Kubernetes takes them."""
    return str(cpus // 1000) if cpus % 1000 == 0 else f"{cpus}m"
