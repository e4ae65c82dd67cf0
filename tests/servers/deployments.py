"""A file of deployments, each of which has a database of one Valkey and nothing else."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import redis

FIRST = 8
"""The number of the first one's database: the others are the tests' own."""


class Several:
    """The file, and what each deployment has."""

    def __init__(self, place: Path, port: int) -> None:
        self.place, self._port = place, port
        self._told: dict[str, str] = {}
        self._numbers: dict[str, int] = {}

    def write(self, name: str, *tenants: str, **settings: object) -> None:
        """Name a deployment, and give it tenants."""
        number = self._numbers.setdefault(name, FIRST + len(self._numbers))
        with redis.Redis(port=self._port, db=number) as client:
            client.flushdb()
            for tenant in tenants:
                kb_id = f"tenant_{tenant}_user_ann_kato"
                for at in range(3):
                    client.set(f"{kb_id}:frequency:PTRN|{at:040x}", 2)
        url = f"redis://127.0.0.1:{self._port}/{number}"
        self.put(name, {"REDIS_URL": url, **settings})

    def put(self, name: str, settings: Mapping[str, object], **about: object) -> None:
        """Name a deployment with just these settings."""
        lines = [f"{key} = {_toml(value)}" for key, value in settings.items()]
        says = [f"{key} = {_toml(value)}" for key, value in about.items()]
        table = [f"[deployment.{name}]", *says, f"[deployment.{name}.settings]", *lines]
        self._told[name] = "\n".join(table)
        self.save()

    def drop(self, name: str) -> str:
        """Take one out of the file, and return what stood there."""
        told = self._told.pop(name)
        self.save()
        return told

    def bring(self, name: str, told: str) -> None:
        """Put one back."""
        self._told[name] = told
        self.save()

    def save(self, more: str = "") -> None:
        """Write the file; its time is another one each time, however fast that is."""
        before = self.place.stat().st_mtime_ns if self.place.exists() else 0
        self.place.write_text("\n".join([*self._told.values(), more, ""]), "utf-8")
        os.utime(self.place, ns=(before + 1_000_000, before + 1_000_000))

    def client(self, name: str) -> redis.Redis:
        """Connect to what one has."""
        return redis.Redis(port=self._port, db=self._numbers[name])


def _toml(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{k} = {json.dumps(v)}" for k, v in value.items()) + " }"
    return json.dumps(value)
