"""Several deployments in one scrape: each series has its label, each family stands once."""

from __future__ import annotations

from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_open
from prometheus_client.parser import text_string_to_metric_families as read_plain

from services.metrics.formats import OPENMETRICS, Format
from services.metrics.several import Parts, Together, labelled

HEAD = (
    b"# HELP kato_tenants_tenants Tenants.\n# TYPE kato_tenants_tenants gauge\n"
    b'kato_tenants_tenants{named="true"} 3.0\n'
    b"# HELP kato_tenants_info What.\n# TYPE kato_tenants_info gauge\n"
    b'kato_tenants_info{version="1",deployment="a"} 1.0\n'
    b"# HELP kato_tenants_snapshot_age_seconds Age.\n"
    b"# TYPE kato_tenants_snapshot_age_seconds gauge\nkato_tenants_snapshot_age_seconds 4.5\n"
)
HOSTILE = 'tenant/a {x} \\"deployment=\\"'
HOLDERS = (
    "# HELP kato_tenants_keys Keys.\n# TYPE kato_tenants_keys gauge\n"
    f'kato_tenants_keys{{holder="tenant",tenant="{HOSTILE}"}} 7\n'
).encode()


def parts(*told: bytes) -> Parts:
    texts = (*told, b"", b"")[:3]

    def tell(_: Format) -> tuple[bytes, bytes, bytes]:
        return texts[0], texts[1], texts[2]

    return tell


def test_one_scrape_has_all_of_them_in_either_format() -> None:
    told = {"a": parts(HEAD, HOLDERS), "b": parts(HEAD.replace(b'"a"', b'"b"'), HOLDERS), "c": None}
    for accept, read in (("", read_plain), ("application/openmetrics-text", read_open)):
        found = Together().expose(told, accept, is_read=False)
        families = list(read(found.body.decode()))
        names = [family.name for family in families]
        assert len(names) == len(set(names))
        samples = {
            (each.name, each.labels.get("deployment", "")): (each.value, each.labels)
            for family in families for each in family.samples
        }  # fmt: skip
        for name in ("a", "b"):
            assert samples["kato_tenants_tenants", name][0] == 3
            assert samples["kato_tenants_snapshot_age_seconds", name][0] == 4.5
            assert samples["kato_tenants_keys", name][0] == 7
            tenant = 'tenant/a {x} "deployment="'
            assert samples["kato_tenants_keys", name][1]["tenant"] == tenant
            assert samples["kato_tenants_info", name][1]["version"] == "1"
            assert samples["kato_tenants_deployment_up", name][0] == 1
        assert samples["kato_tenants_deployment_up", "c"][0] == 0
        assert samples["kato_tenants_deployments_read", ""][0] == 0
        assert ("process_open_fds", "") in samples
    assert OPENMETRICS.content_type == found.content_type


def test_what_is_written_once_a_snapshot_is_labelled_once() -> None:
    """Of a large fleet that is most of the work; of a deployment that is gone nothing stays."""
    together = Together()
    told = {"a": parts(HEAD, HOLDERS), "b": parts(HEAD, HOLDERS)}
    together.expose(told, "", is_read=True)
    kept = dict(together._kept)
    together.expose(told, "", is_read=True)
    assert all(together._kept[at] is found for at, found in kept.items())
    together.expose({"a": told["a"]}, "", is_read=True)
    assert {name for name, _ in together._kept} == {"a"}


def test_a_series_without_labels_gets_one() -> None:
    (family,) = labelled(b"# HELP x y\n# TYPE x gauge\nx 1\n", "prod").values()
    assert family.series == [b'x{deployment="prod"} 1\n']
