"""A ClickHouse cluster that answers as documented, over engines that know of none.

Every server is an engine of a process of its own behind the HTTP interface (the first is that of
the test process). `clusterAllReplicas(…, view(…))`, `cluster(…)`, `ON CLUSTER`, `hostName()`,
`system.clusters`, `system.replicas`, `system.distributed_ddl_queue` and `system.distribution_queue`
are what is added here; all else the engines do. There is no replication: a test writes to each
replica what it is to have. A view stands for each Distributed table.

```
with cluster_over(nodes) as cluster:           # nodes: of `engines`
    settings = settings_for(cluster.server, database).model_copy(update={"clickhouse_cluster": "c"})
    cluster.nodes[1].down = True
```
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers.clickhouse_http import (
    DECODERS,
    TRANSPORT,
    clickhouse_http,
    failure,
    success,
    unpacked,
)
from tests.servers.faults import Answer, HttpServer, Request

NAME = "c"
PORT = 9000
_ROWS = "{home:Identifier}.{table:Identifier}"
_ALL = re.compile(
    r"\s*SELECT \* FROM clusterAllReplicas\([`\w]+, view\((.*)\)\)\s*FORMAT Native", re.DOTALL
)
_DOWN = "Code: 279. DB::NetException: All connection tries failed. Log: {}"
_STALE = "Code: 369. DB::Exception: Could not find enough connections to up-to-date replicas."
_PASSED_ON = TRANSPORT | {"skip_unavailable_shards", "load_balancing", "log_comment",
    "distributed_ddl_task_timeout", "distributed_ddl_output_mode"}  # fmt: skip


class Refused(Exception):
    """What an engine answered that was no success: its text."""


@dataclass
class Node:
    """One server: where in the cluster it is, and how it is at the moment.

    `behind` are seconds. One that is `stuck` carries out no statement that is sent to all, a
    `misnamed` one does not know where in the cluster it is. Keeper knows `more` replicas than the
    cluster has, and `queued` are files that its Distributed tables have not sent.
    """

    shard: int
    replica: int
    port: int
    down: bool = False
    behind: int = 0
    readonly: bool = False
    stuck: bool = False
    misnamed: bool = False
    more: int = 0
    queued: int = 0

    @property
    def host(self) -> str:
        return f"ch-{self.shard}-{self.replica}"

    def query(self, statement: str, query: Mapping[str, str], form: str = "") -> bytes:
        """Run a statement on its engine. Raises Refused."""
        options = {n: v for n, v in query.items() if n not in _PASSED_ON - {"database"}}
        if form:
            statement += f"\nFORMAT {form}"
        url = f"http://127.0.0.1:{self.port}/?{urllib.parse.urlencode(options)}"
        try:
            with urllib.request.urlopen(url, statement.encode(errors="surrogateescape")) as done:
                found: bytes = done.read()
                return found
        except urllib.error.HTTPError as exc:
            raise Refused(exc.read().decode(errors="replace")) from None


@dataclass
class Entry:
    """A statement that was sent to all, by the comment that it came with."""

    comment: str
    statement: str
    query: Mapping[str, str]
    due: list[Node] = field(default_factory=list)
    done: dict[str, str] = field(default_factory=dict)


@dataclass
class Cluster:
    """What a test sees of the cluster; `server` is where it is reached, the first node.

    `replicated` are the tables of these databases that have replicas, `faces` what stands for
    Distributed tables. `before` is called with each statement; where one begins as one of the
    `instead`, what stands there is run.
    """

    nodes: list[Node]
    databases: tuple[str, ...] = ()
    replicated: tuple[str, ...] = ()
    faces: Mapping[str, str] = field(default_factory=dict)
    before: Callable[[str], None] = lambda _: None
    instead: Mapping[str, str] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    of: str = NAME
    statements: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.server = HttpServer(self._answer)
        self._folder = tempfile.TemporaryDirectory(prefix="kt-cluster-")
        self._files = 0

    def close(self) -> None:
        self._folder.cleanup()

    def shard(self, number: int) -> list[Node]:
        """Return the replicas of a shard."""
        return [node for node in self.nodes if node.shard == number]

    def be_well(self) -> None:
        """Let all servers be well, and do what they have not done."""
        self.before = lambda _: None
        for node in self.nodes:
            node.down = node.stuck = node.readonly = node.misnamed = False
            node.behind = node.more = node.queued = 0
        self.work_off()

    def work_off(self) -> None:
        """Let the servers that are not stuck do what was sent to all and is not done."""
        for entry in self.entries:
            for node in [each for each in entry.due if not (each.stuck or each.down)]:
                entry.due.remove(node)
                entry.done[node.host] = "0"
                try:
                    node.query(entry.statement, entry.query)
                except Refused as exc:
                    entry.done[node.host] = str(exc).removeprefix("Code: ").partition(".")[0]

    # --- what it answers --------------------------------------------------------------------------

    def _answer(self, request: Request) -> Answer:
        if request.path == "/ping" or not (request.body or "query" in request.query):
            return Answer(200, b"Ok.\n")
        request = unpacked(request)
        body = DECODERS[request.headers.get("content-encoding", "identity")](request.body)
        query = request.query.get("query", "").encode()
        text = b"\n".join(part for part in (query, body) if part).decode(errors="surrogateescape")
        self.statements.append(text)
        try:
            self.before(text)
            return success(request, self._run(text, request.query))
        except Refused as exc:
            return failure(str(exc))

    def _run(self, text: str, query: Mapping[str, str]) -> bytes:
        for beginning, other in self.instead.items():
            if text.startswith(beginning):
                form = text.find("\n FORMAT")
                text = other + (text[form:] if form >= 0 else "")
                break
        sent = re.search(r" ON CLUSTER (`(?:\\.|[^`\\])*`|\w+)", text)
        if sent:
            return self._to_all(text[: sent.start()] + text[sent.end() :], query)
        if query.get("param_home") == "system":
            text = text.replace(_ROWS, f"system.{query['param_table']}")
        if "clusterAllReplicas(" in text:
            return b"".join(self._of_all(text, query))
        text = self._of_shards(text, query)
        return self.nodes[0].query(self._on(self.nodes[0], text), query)

    def _of_all(self, text: str, query: Mapping[str, str]) -> Iterator[bytes]:
        """Let every server answer what it is asked of itself, in blocks that follow each other."""
        asked = _ALL.fullmatch(text)
        assert asked, text
        for node in self.nodes:
            if not node.down:
                yield node.query(self._on(node, asked[1]), query, form="Native")
            elif query.get("skip_unavailable_shards") != "1":
                raise Refused(_DOWN.format(f"{node.host}:{PORT}"))

    def _of_shards(self, text: str, query: Mapping[str, str]) -> str:
        """Read a table of one replica of each shard, in order, of one that is not behind."""
        pattern = r"cluster\((`[^`]*`|\w+), \{home:Identifier\}\.\{table:Identifier\}\)"
        if not re.search(pattern, text):
            return text
        more = ", _part, _partition_id" if re.search(r"\b_part", text) else ""
        whole = {n: v for n, v in query.items() if n != "max_block_size"}
        question = f"SELECT *{more} FROM {_ROWS}"
        files = list(filter(None, (self._kept(n, question, whole) for n in self._read(query))))
        source = _files(files) if files else self._nothing(question, whole)
        return re.sub(pattern, lambda _: source, text)

    def _read(self, query: Mapping[str, str]) -> Iterator[Node]:
        late = int(query.get("max_replica_delay_for_distributed_queries", 300))
        for shard in sorted({node.shard for node in self.nodes}):
            up = [node for node in self.shard(shard) if not node.down]
            fresh = [node for node in up if node.behind < late]
            if not up and query.get("skip_unavailable_shards", "0") == "0":
                raise Refused(_DOWN.format(f"{self.shard(shard)[0].host}:{PORT}"))
            if up and not fresh:
                if query.get("fallback_to_stale_replicas_for_distributed_queries", "1") == "0":
                    raise Refused(_STALE)
                fresh = sorted(up, key=lambda node: node.behind)
            yield from fresh[:1]

    def _to_all(self, statement: str, query: Mapping[str, str]) -> bytes:
        if statement.startswith(("SYSTEM SYNC REPLICA", "SYSTEM FLUSH DISTRIBUTED")):
            statement = "SELECT 1 FORMAT Null"  # for which these engines have nothing to do
        entry = Entry(query.get("log_comment", ""), statement, query, due=list(self.nodes))
        self.entries.append(entry)
        self.work_off()
        left = len(entry.due)
        assert query["distributed_ddl_output_mode"] == "never_throw"
        lines = [*entry.done.items(), *((node.host, "\\N") for node in entry.due)]
        return "".join(
            f"{host}\t{PORT}\t{status}\t\t{left}\t0\n" for host, status in lines
        ).encode()

    def _kept(self, node: Node, question: str, query: Mapping[str, str]) -> str:
        """Keep what a server answers, and return the file; an empty name where it has no row."""
        found = node.query(self._on(node, question), query, form="Native")
        if not found:
            return ""
        self._files += 1
        file = Path(self._folder.name, f"{self._files}.native")
        file.write_bytes(found)
        return str(file)

    def _nothing(self, question: str, query: Mapping[str, str]) -> str:
        """Return a table of no rows with the columns of a question."""
        told = self.nodes[0].query(f"DESCRIBE ({question})", query).decode().splitlines()
        columns = ", ".join("`{}` {}".format(*line.split("\t")[:2]) for line in told)
        escaped = columns.replace("\\'", "'").replace("'", "\\'")
        return f"null('{escaped}')"

    # --- what a server says of itself -------------------------------------------------------------

    def _on(self, node: Node, text: str) -> str:
        text = text.replace("hostName()", f"'{'proxy' if node.misnamed else node.host}'")
        text = text.replace("tcpPort()", str(PORT))
        tables: dict[str, Callable[[Node], str]] = {
            "system.clusters": self._clusters, "system.replicas": self._replicas,
            "system.distributed_ddl_queue": self._queue,
            "system.distribution_queue": self._pending, "system.tables": self._tables,
        }  # fmt: skip
        for name, source in tables.items():
            if name in text:
                text = re.sub(rf"\b{re.escape(name)}\b", _always(source(node)), text)
        return text

    def _clusters(self, node: Node) -> str:
        rows = [
            f"('{self.of}', {each.shard}, {each.replica}, '{each.host}', {PORT}, "
            f"{int(each is node and not node.misnamed)})"
            for each in self.nodes
        ]
        return _values(
            "cluster String, shard_num UInt32, replica_num UInt32, host_name String, port UInt16,"
            " is_local UInt8", rows,
        )  # fmt: skip

    def _replicas(self, node: Node) -> str:
        total = len(self.shard(node.shard)) + node.more
        rows = [
            f"('{database}', '{table}', '/clickhouse/{node.shard}/{database}.{table}', "
            f"{int(node.readonly)}, 0, {node.behind}, {int(node.behind > 0)}, {total})"
            for database in self.databases
            for table in self.replicated
        ]
        return _values(
            "database String, table String, zookeeper_path String, is_readonly UInt8,"
            " is_session_expired UInt8, absolute_delay UInt64, queue_size UInt32,"
            " total_replicas UInt32", rows,
        )  # fmt: skip

    def _queue(self, _: Node) -> str:
        rows = [
            f"('query-{number:010}', '{self.of}', map('log_comment', '{entry.comment}'), '{host}', "
            f"{PORT}, '{'Finished' if status else 'Inactive'}', {status or 0}, '')"
            for number, entry in enumerate(self.entries)
            for host, status in (*entry.done.items(), *((node.host, "") for node in entry.due))
        ]
        return _values(
            "entry String, cluster String, settings Map(String, String), host Nullable(String),"
            " port Nullable(UInt16), status Nullable(String), exception_code Nullable(UInt16),"
            " exception_text Nullable(String)", rows,
        )  # fmt: skip

    def _pending(self, node: Node) -> str:
        rows = [
            f"('{database}', '{face}', 0, 0, {node.queued}, 0, '')"
            for database in self.databases
            if node.queued
            for face in self.faces
        ]
        return _values(
            "database String, table String, is_blocked UInt8, error_count UInt64,"
            " data_files UInt64, broken_data_files UInt64, last_exception String", rows,
        )  # fmt: skip

    def _tables(self, _: Node) -> str:
        replicated = "engine = 'MergeTree' AND name IN (" + _texts(self.replicated) + ")"
        cases = [f"{replicated}, 'ReplicatedMergeTree'"] if self.replicated else []
        full = []
        for face, local in self.faces.items():
            shown = f"engine = 'View' AND name = '{face}'"
            cases.append(f"{shown}, 'Distributed'")
            written = (
                rf"concat('Distributed(\'{self.of}\', \'', database, '\', \'{local}\', rand())')"
            )
            full.append(f"{shown}, {written}")
        engine = f"multiIf({', '.join(cases)}, engine)" if cases else "engine"
        engine_full = f"multiIf({', '.join(full)}, engine_full)" if full else "engine_full"
        select = "if(engine = 'Distributed', '', as_select)"
        return (
            f"(SELECT * REPLACE ({select} AS as_select) FROM (SELECT * REPLACE ({engine} AS engine,"
            f" {engine_full} AS engine_full) FROM system.tables))"
        )


def _values(structure: str, rows: Sequence[str]) -> str:
    if not rows:
        return f"(SELECT * FROM null('{structure}'))"
    return f"(SELECT * FROM values('{structure}', {', '.join(rows)}))"


def _always(text: str) -> Callable[[object], str]:
    return lambda _: text


def _texts(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _files(paths: Sequence[str]) -> str:
    names = ",".join(Path(path).name for path in paths)
    listed = f"{{{names}}}" if len(paths) > 1 else names
    return f"file('{Path(paths[0]).parent}/{listed}', 'Native')"


@contextmanager
def engines(path: str, places: Sequence[tuple[int, int]]) -> Iterator[list[Node]]:
    """Start an engine for each place but the first, which is that of this process at `path`."""
    with ExitStack() as stack:
        first = stack.enter_context(clickhouse_http(path))
        nodes = [Node(*places[0], port=first.port)]
        for place in places[1:]:
            command = [sys.executable, "-m", "tests.servers.clickhouse_engine"]
            process = stack.enter_context(
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            )
            assert process.stdin
            assert process.stdout
            stack.callback(process.stdin.close)
            nodes.append(Node(*place, port=int(process.stdout.readline())))
        yield nodes


@contextmanager
def cluster_over(nodes: Sequence[Node], **options: object) -> Iterator[Cluster]:
    """Put a cluster's face before engines, all of them well."""
    fresh = [Node(node.shard, node.replica, node.port) for node in nodes]
    cluster = Cluster(fresh, **options)  # type: ignore[arg-type]
    with cluster.server:
        yield cluster
    cluster.close()
