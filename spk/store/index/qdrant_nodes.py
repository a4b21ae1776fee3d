"""How a Qdrant is called: by a node that is ready, several times if need be, and not at all just after that failed."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from json import JSONDecodeError
from threading import Lock
from typing import TypeVar

import grpc
import httpx
from qdrant_client import QdrantClient
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from spk.errors import EngineError
from spk.store.index.qdrant_address import QdrantAddress

__all__ = ["MissingError", "Nodes"]

TRIES = 3  # and two more for each further node, as a cluster takes seconds to agree that one is gone
PAUSE = 0.1  # seconds before the second try, twice as many before the third, and up to half of it less
PROBE = 1.0  # seconds that a node has to say that it is ready
PATIENT = 60  # seconds for making, moving and removing a collection
REST = 3.0  # seconds without a call after one that failed

log = logging.getLogger(__name__)

_T = TypeVar("_T")


class MissingError(EngineError):
    """There is no such collection."""


class Nodes:
    """The nodes of an address, one of which is called until it fails.

    Args:
        address: Where they are.
        key: What they ask for.
    """

    def __init__(self, address: QdrantAddress, key: str | None) -> None:
        self.address = address
        self._key = key
        self._lock = Lock()
        self._clients: dict[int, QdrantClient] = {}
        self._node = 0  # the one that is called
        self._ready = False  # as far as we know
        self._resting_until = 0.0
        self._problem = ""

    def call(self, what: Callable[[QdrantClient], _T]) -> _T:
        """What ``what`` returns, which may be called several times and must come to the same each time.

        Raises:
            MissingError: there is no such collection.
            EngineError: no node answers, or they refuse.
        """
        if time.monotonic() < self._resting_until:
            raise EngineError(self._problem)
        until = time.monotonic() + self.address.timeout
        tries = TRIES + 2 * (len(self.address.nodes) - 1)
        for number in range(tries):
            node = -1
            try:
                node, client = self._client()
                result = what(client)
            except Exception as error:  # noqa: BLE001 - of httpx, gRPC and the client: `_sort` knows them
                problem = self._sort(error)
                log.debug("%s: node %d: %s", self.address, node, problem)
                self._leave(node)
            else:
                self._resting_until = 0.0
                return result
            pause = PAUSE * 2**number * random.uniform(0.5, 1)  # noqa: S311 - no secret
            if number == tries - 1 or time.monotonic() + pause >= until:
                break
            time.sleep(pause)
        self._problem = f"{self.address}: Qdrant does not answer ({problem}): see that it runs and can be reached"
        self._resting_until = time.monotonic() + REST
        raise EngineError(self._problem)

    @cached_property
    def patient(self) -> Nodes:
        """The same nodes, for what takes them long: with one of three missing, a new collection takes 15 s."""
        return Nodes(replace(self.address, timeout=max(PATIENT, self.address.timeout)), self._key)

    def close(self) -> None:
        """Let go of every connection."""
        if "patient" in self.__dict__:
            self.patient.close()
        with self._lock:
            while self._clients:
                self._clients.popitem()[1].close()

    def _client(self) -> tuple[int, QdrantClient]:
        """A node that is ready, and its client.

        Raises:
            ConnectionError: none is.
        """
        with self._lock:
            if time.monotonic() < self._resting_until:  # another thread has just found out
                raise EngineError(self._problem)
            if not self._ready:
                count = len(self.address.nodes)
                for node in ((self._node + step) % count for step in range(count)):
                    if self._says_ready(node):
                        self._node, self._ready = node, True
                        break
                else:
                    raise ConnectionError("not ready" if count == 1 else "no node is ready")
            if self._node not in self._clients:
                self._clients[self._node] = self._connect(self._node)
            return self._node, self._clients[self._node]

    def _leave(self, node: int) -> None:
        """Look for another node, or the same with new connections, unless somebody has done so already."""
        with self._lock:
            if self._ready and node == self._node:
                self._clients.pop(node, None)  # not closed: others may wait for its answers
                self._node, self._ready = (node + 1) % len(self.address.nodes), False

    def _connect(self, node: int) -> QdrantClient:
        host, port = self.address.nodes[node]
        return QdrantClient(
            host=host,
            port=port,
            grpc_port=self.address.grpc_port,
            prefer_grpc=self.address.transport == "grpc",
            https=bool(self.address.tls),
            timeout=self.address.timeout,
            headers={"api-key": self._key} if self._key else None,  # as `api_key` it warns where there is no TLS
            check_compatibility=False,  # that warns, too
        )

    def _says_ready(self, node: int) -> bool:
        host, port = self.address.nodes[node]
        scheme = "https" if self.address.tls else "http"
        try:
            seconds = min(PROBE, self.address.timeout)
            return httpx.get(f"{scheme}://{host}:{port}/readyz", timeout=seconds).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def _sort(self, error: Exception) -> str:
        """What a call failed of, in a few words, where it may be tried again.

        Raises:
            MissingError: there is no such collection.
            EngineError: it would fail again.
            Exception: it is no failure of Qdrant's.
        """
        if isinstance(error, ResponseHandlingException) and isinstance(error.source, httpx.TransportError):
            problem = type(error.source).__name__
        elif isinstance(error, UnexpectedResponse):
            problem = self._status(error.status_code or 0, error.content.decode(errors="replace"))
        elif isinstance(error, grpc.RpcError):
            problem = self._status(_HTTP_OF_GRPC.get(error.code().name, 400), str(error.details()))
        elif isinstance(error, ResourceExhaustedResponse):
            problem = "it is busy"
        elif isinstance(error, ConnectionError):
            problem = str(error)
        elif isinstance(error, ResponseHandlingException | JSONDecodeError):
            raise EngineError(f"{self.address}: this is no Qdrant that spk understands: check the address") from error
        else:
            raise error
        return problem

    def _status(self, status: int, content: str) -> str:
        if status in (401, 403):
            raise EngineError(f"{self.address}: Qdrant refuses us: set SPK_QDRANT_KEY to its API key")
        if status == 404:
            raise MissingError(f"{self.address}: no such collection, or no Qdrant: check the address, or try again")
        said = " ".join(content.split())[:200]
        if status >= 500 or status in (408, 429):
            return f"status {status}: {said}"
        raise EngineError(f"{self.address}: Qdrant does not take it ({status}: {said})")


# What statuses of gRPC are in HTTP; every other one is our mistake.
_HTTP_OF_GRPC = {
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
    "CANCELLED": 503,
    "ABORTED": 503,
    "INTERNAL": 500,
    "UNKNOWN": 500,
    "RESOURCE_EXHAUSTED": 429,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
}
