"""The files that start a cluster of Qdrant, and the page that explains them, agree."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from spk.store.index.qdrant_address import QdrantAddress

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "how-to" / "qdrant.md").read_text(encoding="utf-8")
VERSION = re.search(r"^version=(.+)$", (DOCS.parent / "scripts" / "fetch-qdrant").read_text(), re.MULTILINE)[1]


@pytest.fixture
def compose():
    return yaml.safe_load((DOCS / "deploy" / "qdrant-compose.yml").read_text(encoding="utf-8"))


@pytest.fixture
def kubernetes():
    parts = yaml.safe_load_all((DOCS / "deploy" / "qdrant-cluster.yml").read_text(encoding="utf-8"))
    return {part["kind"]: part for part in parts}


@pytest.fixture
def addresses():
    """Those of the page that name three nodes."""
    every = [QdrantAddress.parse(url) for url in re.findall(r"qdrant://[^\s`\"]+", PAGE)]
    return {one.nodes[0][0]: one for one in every if len(one.nodes) == 3}


def test_addresses_say_what_the_text_says(addresses):
    assert len(addresses) == 2
    for address in addresses.values():
        assert (address.replicas, address.consistency, address.shards) == (3, 2, 6)


def test_the_table_of_an_address_has_its_defaults():
    table = dict(re.findall(r"^\| `(\w+)` \| `?(\w+)`? \|", PAGE, re.MULTILINE))
    usual = QdrantAddress.parse("qdrant://host")
    names = set(QdrantAddress.__slots__) - {"nodes"}
    assert table == {name: str(getattr(usual, name)) for name in names}


def test_compose(compose, addresses):
    services = compose["services"]
    address = addresses["127.0.0.1"]
    published = {("127.0.0.1", int(one["ports"][0].split(":")[1])) for one in services.values()}
    assert set(address.nodes) == published
    for name, one in services.items():
        assert one["image"] == f"qdrant/qdrant:v{VERSION}"
        assert one["command"][2] == f"http://{name}:6335"
        assert one["command"][4:] in ([], ["http://qdrant-0:6335"])
        assert one["ports"][0].startswith("127.0.0.1:")
        assert one["environment"]["QDRANT__CLUSTER__ENABLED"] == "true"
        assert one["volumes"] == [f"{name}:/qdrant/storage"]
    assert set(compose["volumes"]) == set(services)


def test_kubernetes(kubernetes, addresses):
    nodes, service = kubernetes["StatefulSet"], kubernetes["Service"]
    name, where = nodes["metadata"]["name"], service["metadata"]["name"]
    address = addresses["qdrant-0.qdrant"]
    ports = {port["name"]: port["port"] for port in service["spec"]["ports"]}
    assert set(address.nodes) == {(f"{name}-{n}.{where}", ports["http"]) for n in range(nodes["spec"]["replicas"])}
    assert address.grpc_port == ports["grpc"]
    assert nodes["spec"]["replicas"] == address.replicas
    assert service["spec"]["clusterIP"] == "None"
    assert nodes["spec"]["serviceName"] == where
    disruption = kubernetes["PodDisruptionBudget"]["spec"]
    assert address.replicas - disruption["maxUnavailable"] >= address.consistency
    labels = nodes["spec"]["template"]["metadata"]["labels"]
    selectors = (service["spec"]["selector"], nodes["spec"]["selector"]["matchLabels"])
    assert all(selector == labels for selector in (*selectors, disruption["selector"]["matchLabels"]))
    (container,) = nodes["spec"]["template"]["spec"]["containers"]
    assert container["image"].startswith(f"qdrant/qdrant:v{VERSION}")
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}
    assert {port["name"]: port["containerPort"] for port in container["ports"]} == ports
    assert f"http://{name}-0.{where}:{ports['p2p']}" in container["args"][0]
