"""Webhooks: signed, told again, and never sent where an outsider could not go."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from spk.errors import InputError, StoreError
from spk.jobs import verify_signature
from spk.jobs.courier import Courier
from spk.jobs.webhooks import check_webhook, deliver, public_addresses
from spk.store.job_records import Delivery, JobProblem, NewJob, Webhook

from .conftest import until

SECRET = "whsec_" + base64.b64encode(b"open sesame, open sesame").decode()


class Receiver(ThreadingHTTPServer):
    """Keeps what it is told, and answers as a test says."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Told)
        self.heard: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []

    @property
    def url(self) -> str:
        return f"http://localhost:{self.server_port}/told"


class Told(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard.append((dict(self.headers), body))
        status = self.server.statuses.pop(0) if self.server.statuses else 204
        if status == 0:  # slowly, a byte at a time
            with socket.socket(fileno=self.connection.detach()) as connection:
                for _ in range(1_000):
                    try:
                        connection.send(b"H")
                    except OSError:
                        return
                    time.sleep(0.05)
            return
        self.send_response(status)
        if status == 302:
            self.send_header("Location", self.server.url)
        self.end_headers()

    def do_GET(self) -> None:
        raise AssertionError("a redirect was followed")

    def handle(self) -> None:
        with suppress(ssl.SSLError, ConnectionError):
            super().handle()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def ended(office, receiver):
    """A job that has ended, of which the receiver is to be told."""
    job = office.store.submit_job(
        NewJob("rest", "default", {"name": "Melisande"}, webhook=Webhook(receiver.url, SECRET))
    )
    office.store.finish_job(office.store.claim_job("w"), {"found": "Melisande"})
    return job


def test_told_until_it_is_heard(office, receiver, ended, monkeypatch):
    monkeypatch.setattr("spk.store.jobs.TELL_AFTER", (0.05,) * 4)
    monkeypatch.setattr("spk.jobs.courier.PAUSE", 0.05)
    receiver.statuses = [500, 302, 410]
    with Courier(office.store, ["localhost"]):
        until(lambda: office.store.job(ended.id).webhook is None)
    assert len(receiver.heard) == 4
    assert len({headers["webhook-id"] for headers, _ in receiver.heard}) == 1
    for headers, body in receiver.heard:
        said = verify_signature(SECRET, headers, body)
        assert said["type"] == "job.done"
        assert said["data"] == {
            "id": str(ended.id),
            "kind": "rest",
            "gallery": "default",
            "state": "done",
            "url": f"/v1/jobs/{ended.id}",
        }
        assert b"Melisande" not in body
        assert headers["Host"] == f"localhost:{receiver.server_port}"


def test_told_no_more(office, receiver, ended, monkeypatch, caplog):
    monkeypatch.setattr("spk.store.jobs.TELL_AFTER", (0.05,) * 4)
    monkeypatch.setattr("spk.jobs.courier.PAUSE", 0.05)
    receiver.statuses = [500] * 9
    with Courier(office.store, ["localhost"]):
        until(lambda: office.store.job(ended.id).webhook is None)
    assert len(receiver.heard) == 5
    assert "is not told any more" in caplog.text
    assert receiver.url not in caplog.text


def test_a_store_that_is_away_is_complained_of_once(office, monkeypatch, caplog):
    asked = []

    def away():
        asked.append(1)
        if len(asked) == 5:
            return
        raise StoreError("the store is away")

    monkeypatch.setattr("spk.jobs.courier.PAUSE", 0.01)
    monkeypatch.setattr(office.store, "claim_delivery", away)
    with Courier(office.store, []):
        until(lambda: len(asked) > 8)
    assert caplog.messages == ["the store is away"] * 2  # and again, once it had been back


def test_not_told_in_a_private_network(office, receiver, ended, monkeypatch):
    monkeypatch.setattr("spk.store.jobs.TELL_AFTER", ())
    with Courier(office.store, []):
        until(lambda: office.store.job(ended.id).webhook is None)
    assert receiver.heard == []


def test_told_by_a_worker(office, receiver):
    """By the process itself, which may be killed before: the store knows who is to be told."""
    job = office.submit(webhook=Webhook(receiver.url, SECRET))
    office.store.fail_job(office.store.claim_job("w"), JobProblem("InputError", "no"))
    office.start()
    until(lambda: receiver.heard)
    assert json.loads(receiver.heard[0][1])["data"]["state"] == "failed"
    until(lambda: office.store.job(job.id).webhook is None)


def test_slow_receivers_are_left(office, receiver, ended, monkeypatch):
    monkeypatch.setattr("spk.jobs.webhooks.DELIVERY_SECONDS", 0.3)
    receiver.statuses = [0]
    delivery = Delivery(office.store.job(ended.id), Webhook(receiver.url, SECRET), 1)

    async def once() -> str:
        async with httpx.AsyncClient() as client:
            return await deliver(client, delivery, ["localhost"])

    assert asyncio.run(once()) == "no answer in time"


def test_told_at_another_address_of_the_host(office, receiver, ended, monkeypatch):
    def found(*_: object, **__: object) -> list[tuple]:
        return [(None, None, 0, "", (address, 0)) for address in ("::1", "127.0.0.1")]

    delivery = Delivery(office.store.job(ended.id), Webhook(receiver.url, SECRET), 1)

    async def once() -> str:
        async with httpx.AsyncClient() as client:
            return await deliver(client, delivery, ["localhost"])

    monkeypatch.setattr(socket, "getaddrinfo", found)
    assert asyncio.run(once()) == ""
    assert len(receiver.heard) == 1


@pytest.mark.parametrize(("named", "problem"), [("localhost", ""), ("example.org", "ConnectError")])
def test_the_certificate_is_the_hosts(office, receiver, ended, tmp_path, named, problem):
    """What is connected to is an address, and yet it must show that it is the host."""
    trusted = certificate(tmp_path, named)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(trusted)
    receiver.socket = context.wrap_socket(receiver.socket, server_side=True)
    url = receiver.url.replace("http:", "https:")
    delivery = Delivery(office.store.job(ended.id), Webhook(url, SECRET), 1)

    async def once() -> str:
        async with httpx.AsyncClient(verify=ssl.create_default_context(cafile=trusted)) as client:
            return await deliver(client, delivery, ["localhost"])

    assert asyncio.run(once()) == problem
    assert len(receiver.heard) == (not problem)


def certificate(folder: Path, host: str) -> Path:
    """A file with a key, and a certificate for a host that is signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / "certificate.pem"
    path.write_bytes(key.private_bytes(*plain) + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost/x",
        "http://127.0.0.1/x",
        "http://127.1/x",
        "http://2130706433/x",
        "http://0x7f.1/x",
        "http://0.0.0.0/x",
        "http://10.1.2.3/x",
        "http://192.168.1.1/x",
        "http://169.254.169.254/latest/meta-data",
        "http://100.64.0.1/x",
        "http://168.63.129.16/x",
        "http://192.0.0.9/x",
        "http://192.0.0.192/x",
        "http://192.88.99.1/x",
        "http://198.18.0.1/x",
        "http://198.51.100.1/x",
        "http://240.0.0.1/x",
        "http://224.0.0.1/x",
        "http://[::1]/x",
        "http://[::]/x",
        "http://[fe80::1]/x",
        "http://[fc00::1]/x",
        "http://[fec0::1]/x",
        "http://[::ffff:127.0.0.1]/x",
        "http://[::ffff:192.0.0.192]/x",
        "http://[64:ff9b::7f00:1]/x",
        "http://[64:ff9b:1::1]/x",
        "http://[100::1]/x",
        "http://[100:0:0:1::1]/x",
        "http://[2001:1::1]/x",
        "http://[2001:db8::1]/x",
        "http://[2002:7f00:1::]/x",
        "http://[3fff::1]/x",
        "http://[5f00::1]/x",
    ],
)
def test_no_private_address(url):
    with pytest.raises(InputError):
        asyncio.run(public_addresses(httpx.URL(url), []))


def test_public_addresses_and_those_that_are_allowed():
    assert asyncio.run(public_addresses(httpx.URL("https://93.184.216.34/x"), [])) == ["93.184.216.34"]
    assert asyncio.run(public_addresses(httpx.URL("https://[2606:4700::1111]/x"), [])) == ["2606:4700::1111"]
    assert asyncio.run(public_addresses(httpx.URL("http://127.0.0.1/x"), ["127.0.0.1"])) == ["127.0.0.1"]


@pytest.mark.parametrize("host", ["a..b", ".example", "a" * 64])
def test_a_host_that_cannot_be_holds_nobody_up(office, ended, host):
    """Names that cannot even be looked up are no reason for the courier to give up, and with it all others."""
    url = f"http://{host}/x"
    check_webhook(Webhook(url, SECRET))
    delivery = Delivery(office.store.job(ended.id), Webhook(url, SECRET), 1)

    async def once() -> str:
        async with httpx.AsyncClient() as client:
            return await deliver(client, delivery, [])

    assert asyncio.run(once()) == "its host has no address"


def test_a_secret_that_cannot_be_holds_nobody_up(office, ended):
    delivery = Delivery(office.store.job(ended.id), Webhook("http://localhost/x", "whsec_!!!"), 1)

    async def once() -> str:
        async with httpx.AsyncClient() as client:
            return await deliver(client, delivery, [])

    assert "no base64" in asyncio.run(once())


@pytest.mark.parametrize(
    ("url", "secret", "message"),
    [
        ("ftp://example.org/x", SECRET, "no URL of HTTP"),
        ("https:///x", SECRET, "no URL of HTTP"),
        ("example.org", SECRET, "no URL of HTTP"),
        ("https://example.org/" + "x" * 2_000, SECRET, "no URL of HTTP"),
        ("https://user:word@example.org/", SECRET, "leave it out"),
        ("http://[::1/", SECRET, "no URL"),
        ("http://xn--/x", SECRET, "no URL"),
        ("http://LOCALHOST/x", SECRET, "not in the public network"),
        ("http://169.254.169.254/x", SECRET, "not in the public network"),
        ("https://example.org/", "a few bytes", "shorter than 16"),
        ("https://example.org/", "whsec_!!!", "no base64"),
        ("https://example.org/", "ä" * 20, "another"),
        ("https://example.org/", "x" * 257, "another"),
    ],
)
def test_what_is_no_webhook(url, secret, message):
    with pytest.raises(InputError, match=message) as raised:
        check_webhook(Webhook(url, secret))
    assert secret not in str(raised.value)


def test_a_signature_of_standard_webhooks():
    """The example of their documentation."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - everybody knows it
    headers = {
        "Webhook-Id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "Webhook-Timestamp": "1614265330",
        "Webhook-Signature": "v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    body = b'{"test": 2432232314}'
    assert verify_signature(secret, headers, body, now=1614265330) == {"test": 2432232314}
    for wrong, message in (
        ({"Webhook-Timestamp": "1614265331"}, "wrong"),
        ({"Webhook-Id": "msg_2"}, "wrong"),
        ({"Webhook-Signature": "v1,ä"}, "wrong"),
        ({"Webhook-Timestamp": "soon"}, "no signature"),
    ):
        with pytest.raises(InputError, match=message):
            verify_signature(secret, headers | wrong, body, now=1614265330)
    with pytest.raises(InputError, match="long ago"):
        verify_signature(secret, headers, body)
