"""What people ask of a home, as operations: paths and plain values in, messages out.

The command line, the HTTP API and the jobs do their work here; `spk.client.Client` has the same methods on a server.
"""

from spk.desk.desk import Desk

__all__ = ["Desk"]
