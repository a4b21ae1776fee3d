"""The files that start a cluster of Qdrant or the service, and the pages that explain them, agree."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from uvicorn.middleware.proxy_headers import _TrustedHosts

from spk.config import ServiceSettings, Settings
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


@pytest.fixture
def service():
    return yaml.safe_load((DOCS / "deploy" / "compose.yml").read_text(encoding="utf-8"))["services"]


def _variables(one):
    """The settings of spk among a container's variables, as spk would read them."""
    return {name: value.replace("${", "").split(":?")[0] for name, value in one["environment"].items()}


@pytest.mark.parametrize("name", ["server", "worker"])
def test_containers_of_the_service_are_set_up_as_spk_reads_it(service, name, tmp_path):
    one = service[name]
    variables = _variables(one)
    assert {variable.removeprefix("SPK_SERVICE_").lower() for variable in variables if "SERVICE" in variable} <= set(
        ServiceSettings.model_fields
    )
    settings = ServiceSettings.read(tmp_path, variables)
    assert settings.workers == 0  # they have containers of their own
    assert settings.queue.startswith("redis://queue:")
    assert "172.18.0.1" in _TrustedHosts(list(settings.proxies))  # a gateway of Docker's: a proxy on the host
    assert "home:/data" in one["volumes"]
    assert set(one["depends_on"]) <= set(service)
    assert one["command"] == [{"server": "serve", "worker": "worker"}[name]]
    assert one["read_only"] is True
    assert one["cap_drop"] == ["ALL"]


def test_only_the_server_can_be_reached_and_only_from_the_machine_itself(service):
    assert {name: one["ports"] for name, one in service.items() if "ports" in one} == {
        "server": ["127.0.0.1:8720:8720"]
    }
    assert service["vectors"]["image"] == f"qdrant/qdrant:v{VERSION}"
    assert ServiceSettings().port == 8720


def test_the_image_runs_without_rights_and_is_told_what_spk_reads(tmp_path):
    lines = (DOCS.parent / "Dockerfile").read_text(encoding="utf-8").splitlines()
    last = max(number for number, line in enumerate(lines) if line.startswith("FROM"))
    assert "USER spk" in lines[last:]
    variables = dict(re.findall(r"(SPK_\w+)=(\S+)", "\n".join(lines)))
    assert ServiceSettings.read(tmp_path, variables).host == "0.0.0.0"  # noqa: S104 - a container's
    assert Settings.read(variables).home == Path("/data")
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", "\n".join(lines), re.MULTILINE)
    assert copied == ["pyproject.toml", "."]
    ignored = (DOCS.parent / ".dockerignore").read_text(encoding="utf-8").split()
    assert ignored[0] == "*"
    assert all((DOCS.parent / one[1:]).exists() for one in ignored if one.startswith("!"))


def test_the_unit(tmp_path):
    unit = (DOCS / "deploy" / "spk.service").read_text(encoding="utf-8")
    assert "ExecStart=/opt/spk/bin/spk serve\n" in unit
    variables = dict(re.findall(r"(SPK_\w+)=(\S+)", unit))
    assert Settings.read(variables).home == Path("/var/lib/spk")
    if (analyze := shutil.which("systemd-analyze")) is None:
        pytest.skip("no systemd-analyze here")
    (tmp_path / "spk.service").write_text(unit.replace("/opt/spk/bin/spk", "/bin/true"), encoding="utf-8")
    done = subprocess.run([analyze, "verify", tmp_path / "spk.service"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
