"""Where a Qdrant is, as one line."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Literal, Self, get_args
from urllib.parse import parse_qsl, urlsplit

from spk.errors import InputError

__all__ = ["QdrantAddress"]

Transport = Literal["http", "grpc"]

LARGEST = {"tls": 1, "grpc_port": 65_535, "port": 65_535, "timeout": 600}  # in an address; else a thousand

_LABEL = r"[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*|\[[0-9A-Fa-f:.]+\]")
_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True)
class QdrantAddress:
    """A Qdrant server, or the nodes of a cluster, and how collections are laid out there.

    >>> str(QdrantAddress.parse("qdrant://one,two:7000?tls=1"))
    'qdrant://one:6333,two:7000?tls=1'

    Attributes:
        nodes: The hosts, each with the port of HTTP, over which every node is asked whether it is ready.
        transport: What vectors go over.
        grpc_port: The port of gRPC, the same on every node.
        tls: Whether connections are encrypted.
        prefix: What names of collections begin with.
        replicas: On how many nodes a voiceprint is.
        consistency: How many of them must have stored it before it counts as stored.
        shards: Into how many parts a collection is cut.
        timeout: Seconds that a call may take, with all its tries.
    """

    nodes: tuple[tuple[str, int], ...]
    transport: Transport = "http"
    grpc_port: int = 6334
    tls: int = 0
    prefix: str = "spk"
    replicas: int = 1
    consistency: int = 1
    shards: int = 1
    timeout: int = 5

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read ``qdrant://host:6333,host2:6333?name=value``; what is left out is as usual.

        Raises:
            InputError: it is none, says something unknown or impossible, or holds a key.
        """
        shown = re.sub(r"//.*@", "//", url)  # never a password in a message
        try:
            parts = urlsplit(url)
            given = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        except ValueError:
            raise InputError(f"{shown}: not an address: write qdrant://host:6333") from None
        if parts.scheme != "qdrant" or parts.path.strip("/") or parts.fragment:
            raise InputError(f"{shown}: not the address of a Qdrant: write qdrant://host:6333")
        if "@" in parts.netloc:
            raise InputError(f"{shown}: no keys in an address: set SPK_QDRANT_KEY")
        nodes = tuple(_node(host, shown) for host in parts.netloc.split(","))
        names = [field.name for field in fields(cls) if field.name != "nodes"]
        values: dict[str, str | int] = {}
        for name, value in given:
            if name not in names:
                raise InputError(f"{shown}: there is no {name!r} in an address; there are: {', '.join(names)}")
            if name in values:
                raise InputError(f"{shown}: {name} is there twice: leave one of them out")
            values[name] = value if name in {"transport", "prefix"} else _number(name, value, shown)
        return cls(nodes, **values)._checked(shown)  # type: ignore[arg-type]  # checked there

    def _checked(self, shown: str) -> Self:
        if len(set(self.nodes)) < len(self.nodes):
            raise InputError(f"{shown}: a host is there twice: name each node once")
        if self.transport not in get_args(Transport):
            raise InputError(f"{shown}: transport is http or grpc")
        if not _PREFIX.fullmatch(self.prefix):
            raise InputError(f"{shown}: prefix is made of letters, digits, - and _")
        if self.consistency > self.replicas:
            raise InputError(f"{shown}: consistency cannot be larger than replicas")
        return self

    def __str__(self) -> str:
        usual = {field.name: field.default for field in fields(self)}
        said = {name: getattr(self, name) for name in usual if name != "nodes"}
        query = "&".join(f"{name}={value}" for name, value in said.items() if value != usual[name])
        return f"qdrant://{','.join(f'{host}:{port}' for host, port in self.nodes)}" + (f"?{query}" if query else "")


def _node(text: str, shown: str) -> tuple[str, int]:
    found = re.fullmatch(r"(.*?)(?::(\d*))?", text)  # the last colon, for IPv6 has some in its brackets
    if found is None or not _HOST.fullmatch(found[1]):
        raise InputError(f"{shown}: {text!r} is no host: write qdrant://host:6333")
    return found[1], 6333 if found[2] is None else _number("port", found[2], shown)


def _number(name: str, text: str, shown: str) -> int:
    least, most = int(name != "tls"), LARGEST.get(name, 1_000)
    if not re.fullmatch(r"[0-9]{1,6}", text) or not least <= int(text) <= most:
        raise InputError(f"{shown}: {name} cannot be {text!r}: give a whole number from {least} to {most}")
    return int(text)
