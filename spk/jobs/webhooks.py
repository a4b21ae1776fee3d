"""Telling others over HTTP that a job has ended: signed, and never where an outsider could not go by themselves.

What is posted and how it is signed follows Standard Webhooks (https://www.standardwebhooks.com), so that its libraries
can check it: over ``id.timestamp.body``, HMAC with SHA-256.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import json
import socket
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from spk.errors import InputError

if TYPE_CHECKING:
    import httpx

    from spk.store.job_records import Delivery, JobRecord, Webhook

__all__ = ["DELIVERY_SECONDS", "check_webhook", "deliver", "public_addresses", "verify_signature"]

DELIVERY_SECONDS = 15.0
"""How long a receiver may take to answer, from the first packet on."""

TOLERANCE = 300.0  # seconds by which clocks may differ, and by which what was posted may be late
LONGEST_URL = 2_000
LEAST_SECRET, MOST_SECRET = 16, 256
_PREFIX = "whsec_"
_SPECIAL = tuple(
    ipaddress.ip_network(network)
    for network in (  # of IANA's registries of special addresses, what some Python takes for everybody's
        "168.63.129.16/32",  # not of theirs: where machines in a cloud ask about themselves
        "192.0.0.0/24",
        "192.88.99.0/24",
        "2001::/23",
        "2002::/16",  # IPv4 addresses, private ones too
        "3fff::/20",
        "fec0::/10",  # the private networks of old
    )
)
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def check_webhook(webhook: Webhook, hosts: Collection[str] = ()) -> None:
    """See whether a webhook may be, as far as can be told without asking for its address.

    Args:
        webhook: Where, and with what secret.
        hosts: Those that may be in a private network.

    Raises:
        InputError: it may not; does not repeat the secret.
    """
    url = _url(webhook.url)
    try:
        address = ipaddress.ip_address(url.host)
    except ValueError:
        private = url.host == "localhost" or url.host.endswith(".localhost")
    else:
        private = not _is_public(address)
    if private and url.host not in hosts:
        raise InputError(
            f"webhook: {url.host} is not in the public network: let the operator allow it in webhook_hosts"
        )
    if not (webhook.secret.isascii() and webhook.secret.isprintable() and len(webhook.secret) <= MOST_SECRET):
        raise InputError(f"webhook: its secret is up to {MOST_SECRET} letters, digits and signs: write another")
    if len(_key(webhook.secret)) < LEAST_SECRET:
        raise InputError(f"webhook: its secret is shorter than {LEAST_SECRET} bytes: choose a longer one")


def verify_signature(
    secret: str, headers: Mapping[str, str], body: bytes | str, *, now: float | None = None
) -> Mapping[str, object]:
    """See that a webhook was told by a spk that knows the secret, and not long ago; for whoever receives it.

    Args:
        secret: As it was given with the job.
        headers: Of the request, in whatever case.
        body: Of the request, as it came.
        now: Seconds since 1970, if not by the clock.

    Returns:
        What the body says.

    Raises:
        InputError: it was not, or the headers are not there.

    >>> secret, body = "open sesame, open sesame", '{"type": "job.done"}'
    >>> headers = signature("msg_1", secret, body, 1_800_000_000)
    >>> verify_signature(secret, headers, body, now=1_800_000_007)
    {'type': 'job.done'}
    >>> verify_signature(secret, headers, '{"type": "job.failed"}', now=1_800_000_007)
    Traceback (most recent call last):
    spk.errors.InputError: the webhook's signature is wrong: do not believe it
    """
    given = {name.lower(): value for name, value in headers.items()}
    try:
        id_, timestamp = given["webhook-id"], int(given["webhook-timestamp"])
        signatures = given["webhook-signature"].split()
    except (KeyError, ValueError):
        raise InputError("the webhook has no signature: do not believe it") from None
    text = body.decode("utf-8", "surrogateescape") if isinstance(body, bytes) else body
    expected = _signed(id_, timestamp, secret, text).encode()
    # Every one is compared, whichever is right: how long that takes says nothing.
    if not sum([hmac.compare_digest(expected, one.encode()) for one in signatures]):
        raise InputError("the webhook's signature is wrong: do not believe it")
    if abs((time.time() if now is None else now) - timestamp) > TOLERANCE:
        raise InputError("the webhook was signed long ago, or a clock is wrong: do not believe it")
    found = json.loads(text)
    return found if isinstance(found, dict) else {}


def signature(id_: str, secret: str, body: str, timestamp: int) -> dict[str, str]:
    """The headers by which a receiver sees who posted what, and when (seconds since 1970)."""
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": _signed(id_, timestamp, secret, body),
    }


def told(job: JobRecord) -> str:
    """What is posted: that the job has ended, how, and where it is to be seen. Nothing of whom it was about."""
    about = {
        "id": str(job.id),
        "kind": job.kind,
        "gallery": job.gallery,
        "state": job.state.value,
        "url": f"/v1/jobs/{job.id}",
    }
    ended = job.finished or job.created
    return json.dumps({"type": f"job.{job.state.value}", "timestamp": ended.isoformat(), "data": about})


async def deliver(client: httpx.AsyncClient, delivery: Delivery, hosts: Collection[str]) -> str:
    """Post it once; what went wrong, in a few words, and nothing where nothing did.

    The host is resolved once, and what is connected to is what was judged. No redirect is followed, and of the answer
    only the status is read.

    Args:
        client: Keeps no connections: one to an address would serve any host that has it.
        delivery: Whom to tell of what.
        hosts: Those that may be in a private network.
    """
    import asyncio

    try:
        url, body = _url(delivery.webhook.url), told(delivery.job)
        headers = {"Host": url.netloc.decode(), "Content-Type": "application/json", "User-Agent": "spk"}
        headers |= signature(f"job_{delivery.job.id}", delivery.webhook.secret, body, int(time.time()))
        async with asyncio.timeout(DELIVERY_SECONDS):
            answer = await _post(client, url, await public_addresses(url, hosts), headers, body)
    except TimeoutError:
        return "no answer in time"
    except InputError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - whatever comes of one, others are to be told
        return type(error).__name__
    return "" if answer.is_success else f"answered {answer.status_code}"


async def _post(
    client: httpx.AsyncClient, url: httpx.URL, addresses: Sequence[str], headers: Mapping[str, str], body: str
) -> httpx.Response:
    """The answer of the first address that can be connected to."""
    import httpx

    more = {"sni_hostname": url.host}  # whose certificate it must be

    async def post(address: str) -> httpx.Response:
        there = url.copy_with(host=address)
        request = client.build_request("POST", there, headers=headers, content=body, extensions=more)
        answer = await client.send(request, stream=True, follow_redirects=False)
        await answer.aclose()
        return answer

    *others, last = addresses
    for address in others:
        with suppress(httpx.ConnectError):
            return await post(address)
    return await post(last)


async def public_addresses(url: httpx.URL, hosts: Collection[str]) -> list[str]:
    """The addresses of a URL's host, the best first.

    Raises:
        InputError: it has none, or one that is not in the public network though the host may not be elsewhere.
    """
    import asyncio

    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(url.host, url.port or 0, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # names that cannot be, as a..b
        raise InputError("its host has no address") from None
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    if url.host not in hosts and not all(map(_is_public, addresses)):
        raise InputError("its host is not in the public network")
    return list(map(str, addresses))


def _url(text: str) -> httpx.URL:
    """A URL that may be posted to.

    Raises:
        InputError: it is none.
    """
    import httpx

    try:
        url = httpx.URL(text)
        host = url.host  # is decoded here
    except (httpx.InvalidURL, ValueError):
        raise InputError("webhook: no URL that can be read: write https://host/path") from None
    if url.scheme not in ("http", "https") or not host or len(text) > LONGEST_URL:
        raise InputError(f"webhook: no URL of HTTP, or over {LONGEST_URL} letters: write https://host/path")
    if url.userinfo:
        raise InputError("webhook: its URL holds a name or a password: leave it out, what is posted is signed")
    return url


def _is_public(address: _Address) -> bool:
    """Whether everybody in the world reaches the same machine by it; not so where it stands for another address."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return _is_public(address.ipv4_mapped)
    special = address.is_multicast or address.is_reserved or any(address in network for network in _SPECIAL)
    return address.is_global and not special


def _signed(id_: str, timestamp: int, secret: str, body: str) -> str:
    content = f"{id_}.{timestamp}.{body}".encode("utf-8", "surrogateescape")
    return f"v1,{base64.b64encode(hmac.digest(_key(secret), content, hashlib.sha256)).decode()}"


def _key(secret: str) -> bytes:
    """The bytes of a secret: after ``whsec_`` it is base64, as Standard Webhooks has it; any other is text.

    Raises:
        InputError: it is no base64.
    """
    if not secret.startswith(_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise InputError("webhook: what follows whsec_ in its secret is no base64: write it again") from None
