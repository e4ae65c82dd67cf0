"""The files of an instance: what their tools take, whoever the tenant is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings

from services.instances import commands
from services.instances.models import Instance, InstanceRefused, Part, Stores, Tool, Wish
from services.instances.render import COMPOSE, INIT, KUBERNETES, MOVE, files_of
from services.settings.variables import read_text
from services.visible import visible
from tests.unit.instances.sites import ACME, SITE, WISHES, planned

SCHEMAS = json.loads((Path(__file__).parents[2] / "data/manifests/schemas.json").read_text("utf-8"))
SECRETS = ("REDIS_URL", "REDIS_PASSWORD", "CLICKHOUSE_PASSWORD", "QDRANT_API_KEY",
           "QDRANT__SERVICE__API_KEY")  # fmt: skip


def valid(instance: Instance) -> list[dict[str, Any]]:
    """Return the documents of an instance, each of which its schema takes."""
    files = files_of(instance, SITE)
    if instance.tool is Tool.COMPOSE:
        found = [yaml.load(files[COMPOSE], yaml.CSafeLoader)]
        jsonschema.validate(found[0], SCHEMAS["compose"])
        return found
    found = list(yaml.load_all(files[KUBERNETES], yaml.CSafeLoader))
    for each in found:
        jsonschema.validate(each, SCHEMAS[f"{each['apiVersion']} {each['kind']}"])
    return found


@settings(max_examples=25)
@given(WISHES)
def test_the_files_are_what_their_tools_take(wish: Wish) -> None:
    """The same each time; what a tenant is called stands in them as text, and nowhere else."""
    instance = planned(wish).instance
    documents = valid(instance)
    assert files_of(instance, SITE) == files_of(instance, SITE)
    called = visible(str(wish.tenant))
    if instance.tool is Tool.COMPOSE:
        (compose,) = documents
        for part in compose["services"].values():
            assert part["labels"]["kato-tenants.tenant"].replace("$$", "$") == called
        unsaid = json.dumps(compose).replace(json.dumps(called.replace("$", "$$")), "")
        assert not re.findall(r"(?<!\$)(?:\$\$)*\$(?![{$])", unsaid)  # a variable is always ${…}
    else:
        for each in documents:
            assert each["metadata"]["annotations"]["kato-tenants/tenant"] == called
            labels = each["metadata"]["labels"].values()
            assert all(re.fullmatch(r"[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?", x) for x in labels)


@pytest.mark.parametrize("tool", [Tool.COMPOSE, Tool.KUBERNETES])
@pytest.mark.parametrize("stores", Stores)
def test_secrets_are_references(tool: Tool, stores: Stores) -> None:
    """No value of one can be in a file, since none is ever known to what renders it."""
    for document in valid(planned(Wish(ACME, tool, stores)).instance):
        for name, value in variables_of(document):
            if name in SECRETS:
                assert value is None or re.search(r"\$\{\w+(:[?-][^}]*)\}|\$\(\w+\)", value)


def variables_of(document: dict[str, Any]) -> list[tuple[str, str | None]]:
    """Return each variable of each container; the value is None for a reference to a Secret."""
    if "services" in document:
        parts = document["services"].values()
        return [pair for part in parts for pair in part.get("environment", {}).items()]
    template = document["spec"].get("template") if "spec" in document else None
    containers = template["spec"]["containers"] if template else ()
    return [(e["name"], e.get("value")) for c in containers for e in c.get("env", ())]


def test_kato_is_told_what_it_reads() -> None:
    (compose,) = valid(planned(Wish(ACME, service="kato-acme")).instance)
    kato = compose["services"]["kato"]
    told = kato["environment"]
    assert (told["SERVICE_NAME"], told["CLICKHOUSE_HOST"], told["QDRANT_HTTPS"]) == (
        "kato-acme", "10.0.0.5", "true",
    )  # fmt: skip
    assert told["REDIS_URL"] == "${REDIS_URL:?is not given}"
    assert kato["ports"] == ["127.0.0.1:8100:8000"]  # KATO lets in everybody
    assert compose["networks"]["instance"] == {"name": "kato_net", "external": True}
    assert "PROCESSOR_ID" not in told


def test_the_guides_instance_is_told_what_the_guide_says() -> None:
    """PROCESSOR_ID, KB_ID and API_PORT; the port is one that is kept, and no hash's."""
    instance = planned(Wish(ACME, kb_id="tenant_acme")).instance
    told = valid(instance)[0]["services"]["kato"]["environment"]
    assert (told["PROCESSOR_ID"], told["KB_ID"], told["API_PORT"]) == (
        instance.name, "tenant_acme", "8000",
    )  # fmt: skip


def test_own_stores_keep_what_they_have() -> None:
    compose = planned(Wish(ACME, stores=Stores.OWN)).instance
    (found,) = valid(compose)
    assert set(found["services"]) == {part.value for part in Part}
    assert set(found["volumes"]) == {"clickhouse-data", "redis-data", "qdrant-data"}
    files = files_of(compose, SITE)
    assert files[INIT] == SITE.schema
    assert "SERVICE_NAME=kato\n" in files[MOVE]
    documents = valid(planned(Wish(ACME, Tool.KUBERNETES, Stores.OWN)).instance)
    kinds = [each["kind"] for each in documents]
    assert kinds.count("PersistentVolumeClaim") == 3
    assert kinds.count("Deployment") == 4


def test_nobody_else_reaches_an_instance() -> None:
    """Everything is closed, but for KATO's clients, and from it to DNS and its stores."""
    documents = valid(planned(Wish(ACME, Tool.KUBERNETES)).instance)
    policies = {e["metadata"]["name"]: e["spec"] for e in documents if e["kind"] == "NetworkPolicy"}
    assert policies["closed"] == {
        "podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [], "egress": [],
    }  # fmt: skip
    (rule,) = policies["kato"]["ingress"]
    assert rule["ports"] == [{"protocol": "TCP", "port": 8000}]
    assert all("namespaceSelector" in peer for peer in rule["from"])
    outward = {port["port"] for each in policies["kato"]["egress"] for port in each["ports"]}
    assert outward == {53, 8123, 6379, 6333}
    (block,) = [to for each in policies["kato"]["egress"] for to in each.get("to", ())]
    assert block == {"ipBlock": {"cidr": "10.0.0.5/32"}}
    (pod,) = [e["spec"]["template"]["spec"] for e in documents if e["kind"] == "Deployment"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["automountServiceAccountToken"] is False
    (container,) = pod["containers"]
    assert {"startupProbe", "readinessProbe", "livenessProbe"} <= container.keys()
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["resources"]["limits"] == {"cpu": "2", "memory": "2Gi"}


def test_what_stops_an_instance_takes_nothing_away() -> None:
    """Neither volumes nor a Namespace with the claims in it; and no word is a shell's."""
    folder = Path("/x/$(y)")
    for words, tool in ((("docker", "compose"), Tool.COMPOSE), (("kubectl",), Tool.KUBERNETES)):
        instance = planned(Wish(ACME, tool, Stores.OWN)).instance
        down = commands.down(words, instance, folder, None)
        up = commands.up(words, instance, folder, Path("/s"))
        assert not {"--volumes", "-v", "delete"} & {word for each in down for word in each}
        assert all(each[: len(words)] == words for each in (*up, *down))
        assert any(str(folder) in word for each in up for word in each)
    with pytest.raises(InstanceRefused):
        commands.up(("kubectl",), planned(Wish(ACME)).instance, folder, None)


def test_the_tool_is_known_by_its_words() -> None:
    assert commands.tool_of(("/usr/bin/docker", "compose")) is Tool.COMPOSE
    assert commands.tool_of(("docker-compose",)) is Tool.COMPOSE
    assert commands.tool_of(("/opt/kubectl",)) is Tool.KUBERNETES
    assert commands.tool_of(()) is Tool.OTHER


def test_the_settings_of_its_own_deployment_are_settings(tmp_path: Path) -> None:
    file = tmp_path / "move.env"
    file.write_text(files_of(planned(Wish(ACME, stores=Stores.OWN)).instance, SITE)[MOVE], "utf-8")
    lines = read_text("X", file).splitlines()
    said = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    assert said["CLICKHOUSE_PORT"] == "8101"
    assert said["KATO_API_URL"] == "http://127.0.0.1:8100"
