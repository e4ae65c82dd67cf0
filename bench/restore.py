"""Writing a tenant's keys back: what it costs beside a bare pipelined write of the same keys.

    python -m bench.restore [--keys 100000] [--repeat 5]

Prints a ratio of medians, of one run: the cases take turns on the same server, emptied before
each. The bare write packs one command a key with hiredis, sends 500 at a time, reads the replies.
"""

from __future__ import annotations

import argparse
import gc
import sys

import psutil
import redis

from bench.measure import costs, valkey
from services.archive.formats import TypedKey
from services.stores.redis.erase_sessions import chunks
from services.stores.redis.link import conversation, packed
from services.stores.redis.typed_write import KeyWriting
from services.tenancy.layout import bytes_of

KB = "tenant_acme_user_bob_kato"
BATCH = 500
TARGET = 1.5


def keys_of(number: int) -> list[TypedKey]:
    """Make keys as KATO has them: mostly strings, some sets and hashes."""
    return [key_of(at) for at in range(number)]


def key_of(at: int) -> TypedKey:
    """Make one key."""
    match at % 10:
        case 0:
            members = [f"{at:040x}{n}" for n in range(5)]
            return TypedKey(f"{KB}:symbol_to_patterns:{at}".encode(), "set", members)
        case 1:
            fields = [[f"emotive {n}", "0.25", None] for n in range(3)]
            return TypedKey(f"{KB}:affinity:{at}".encode(), "hash", fields)
        case _:
            return TypedKey(f"{KB}:prediction:{at:040x}".encode(), "string", "x" * 200)


def command_of(key: TypedKey) -> bytes:
    """Write the one command that a key takes."""
    if key.type == "set":
        return packed("SADD", key.key, *map(bytes_of, key.value))
    if key.type == "hash":
        pairs = [bytes_of(part) for field, value, _ in key.value for part in (field, value)]
        return packed("HSET", key.key, *pairs)
    return packed("SET", key.key, bytes_of(key.value))


def bare(client: redis.Redis, keys: list[TypedKey]) -> None:
    """Write keys as fast as can be."""
    with conversation(client, operation="a bare write", seconds=600) as link:
        for part in chunks(keys, BATCH):
            link.send(b"".join(map(command_of, part)))
            link.replies(len(part))


def main() -> int:
    """Measure, print, and return 1 where the target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=5)
    asked = parser.parse_args()
    keys = keys_of(asked.keys)
    gc.freeze()  # a restore has them one by one, with nothing for a collection to go through
    with valkey() as server, redis.Redis(port=server.port, protocol=2) as client:
        writing = KeyWriting(client, seconds=600)
        process = psutil.Process(client.info()["process_id"])
        found = costs({
            "empty ": client.flushall, "bare": lambda: bare(client, keys),
            "empty": client.flushall, "restore": lambda: writing.write(keys),
        }, process, repeat=asked.repeat)  # fmt: skip
        if list(writing.differing(keys)):
            print("what was written is not what was to be")
            return 1
    found.say()
    return 0 if found.verdict("restore / bare write", "restore", TARGET, bare=1) else 1


if __name__ == "__main__":
    sys.exit(main())
