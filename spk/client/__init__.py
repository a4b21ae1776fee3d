"""Asks a server what `spk.desk.Desk` answers on this machine: the same methods, the same messages.

`Client` waits for answers, `AsyncClient` awaits them.
"""

from spk.client.aio.client import AsyncClient
from spk.client.sync.client import Client

__all__ = ["AsyncClient", "Client"]
