"""Where a request comes from: from this machine, and from a page of ours or of somebody else."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.requests import Request

from spk.errors import InputError

__all__ = ["check_bind", "foreign", "is_loopback", "local"]

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""

_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Via")


def check_bind(host: str, *, has_keys: bool) -> None:
    """See that a service that is to listen at a host is not open to everybody.

    Raises:
        InputError: it would be.
    """
    if not has_keys and not is_loopback(host):
        raise InputError(
            f"--host {host}: whoever reaches this machine could hear and erase everybody, since there are no keys yet: "
            "make one with `spk keys create`, or leave --host out"
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a host.

    >>> [is_loopback(host) for host in ("127.0.0.1", "127.8.0.1", "::1", "::ffff:127.0.0.1", "localhost")]
    [True, True, True, True, True]
    >>> [is_loopback(host) for host in ("0.0.0.0", "::", "", "192.0.2.7", "localhost.example.org")]
    [False, False, False, False, False]
    """
    if host == "localhost":
        return True
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = ip.ipv4_mapped if ip.version == 6 else None
    return (mapped or ip).is_loopback


def local(request: Request) -> bool:
    """Whether a request was made on this machine, to this machine, with nobody in between.

    A page elsewhere can let a name of its own point at 127.0.0.1 (DNS rebinding), and then its requests do come from
    here: but they are addressed to that name. What a proxy passes on has come from anywhere.
    """
    return (
        request.client is not None
        and is_loopback(request.client.host)
        and _hostname(f"//{request.headers.get('Host', '')}") in _LOCAL_NAMES
        and not any(name in request.headers for name in _FORWARDED)
    )


def foreign(request: Request) -> bool:
    """Whether a page of another site has made the browser ask this; programs that are no browsers say nothing.

    To follow a link to a page of ours is fine, wherever the link stands.
    """
    headers = request.headers
    site = headers.get("Sec-Fetch-Site")
    if site in {"same-origin", "none"}:
        return False
    if site is not None:
        opened = headers.get("Sec-Fetch-Mode") == "navigate" and headers.get("Sec-Fetch-Dest") == "document"
        return not (opened and request.method in SAFE)
    origin = headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc.lower() != headers.get("Host", "").lower()


def _hostname(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
