"""How much one caller may ask, and how often somebody may try a wrong key."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from dataclasses import dataclass

from spk.api.problems import ProblemError

__all__ = ["Buckets", "Limits", "network"]

MOST_BUCKETS = 10_000
"""How many callers are remembered; who has not asked for longest is forgotten first."""

FAILURES = 10.0
"""How many wrong keys a minute come from one address before it is told to wait."""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Buckets:
    """A token bucket for each caller: so many requests a minute, and ``burst`` of them at once.

    >>> buckets = Buckets(60, burst=2)
    >>> [round(buckets.take("ann", now=now), 1) for now in (0.0, 0.0, 0.0, 0.5, 1.5)]
    [0.0, 0.0, 1.0, 0.5, 0.0]
    >>> buckets.take("bob", now=0.0)
    0.0

    Args:
        rate: Requests a minute.
        burst: How many may come at once.
    """

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate / 60
        self._burst = burst
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, who: str, now: float | None = None) -> float:
        """Count a request; how many seconds are to be waited where it is one too many, else 0."""
        now = time.monotonic() if now is None else now
        bucket = self._buckets.get(who)
        if bucket is None:
            bucket = self._buckets[who] = _Bucket(float(self._burst), now)
            if len(self._buckets) > MOST_BUCKETS:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(who)
        bucket.tokens = min(float(self._burst), bucket.tokens + (now - bucket.at) * self._rate)
        bucket.at = now
        if bucket.tokens < 1:
            return (1 - bucket.tokens) / self._rate
        bucket.tokens -= 1
        return 0.0


class Limits:
    """The limits of one process.

    Args:
        rate: Requests a minute for each key; a sixth of them may come at once.
    """

    def __init__(self, rate: float = 600.0) -> None:
        self._keys = Buckets(rate, burst=max(10, round(rate / 6)))
        self._failures = Buckets(FAILURES, int(FAILURES))

    def count(self, key_id: str) -> None:
        """Count a request with a key.

        Raises:
            ProblemError: there were too many.
        """
        _refuse(self._keys.take(key_id), "this key has asked too often")

    def fail(self, address: str) -> None:
        """Count a wrong key from an address; right ones are never held up by that.

        Raises:
            ProblemError: there were too many.
        """
        _refuse(self._failures.take(network(address)), "too many wrong keys came from this address")


def network(address: str) -> str:
    """What counts as one address: of IPv6, whoever has one has 2^64.

    >>> network("192.0.2.7"), network("2001:db8:1:2:3:4:5:6"), network("somewhere")
    ('192.0.2.7', '2001:db8:1:2::/64', 'somewhere')
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    return str(ipaddress.ip_network((ip, 64), strict=False)) if ip.version == 6 else str(ip)


def _refuse(seconds: float, what: str) -> None:
    if seconds > 0:
        wait = int(seconds) + 1
        raise ProblemError("too-many-requests", f"{what}: wait {wait} s", {"Retry-After": str(wait)})
