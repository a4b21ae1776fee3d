"""What stands before the routes, in its order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import UUID

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from spk.api.bodies import BodyLimit
from spk.api.gate import Gate
from spk.api.headers import SecureHeaders, cors
from spk.api.idempotency import Idempotency
from spk.api.limits import Limits
from spk.api.logs import RequestLog
from spk.api.problems import Problems
from spk.api.sessions import Sessions
from spk.store import Store

__all__ = ["protect"]


def protect(
    app: FastAPI,
    *,
    home: Path,
    store: Callable[[], Store],
    answering: set[UUID],
    rate: float = 600.0,
    cors_origins: Sequence[str] = (),
) -> None:
    """Put before the routes, from the outside in: `RequestLog`, `SecureHeaders`, CORS, `Gate`, `BodyLimit`,
    `Idempotency`.

    Args:
        app: The application; whatever its routes raise is answered by problem documents from now on.
        home: Of the store.
        store: Gives the store.
        answering: Where the tokens of requests stand that are worked on, see `spk.store.requests`.
        rate: Requests a minute for each key.
        cors_origins: Of other sites, whose pages may ask with keys of theirs.

    Raises:
        InputError: something is no origin.
    """
    problems = Problems(home)
    problems.install(app)
    Idempotency.install(app)
    app.add_middleware(Idempotency, store=store, problems=problems, answering=answering)
    app.add_middleware(BodyLimit)  # what is added last is outermost
    app.add_middleware(Gate, store=store, sessions=Sessions(home), limits=Limits(rate), problems=problems)
    if cors_origins:
        app.add_middleware(CORSMiddleware, **cors(cors_origins))
    app.add_middleware(SecureHeaders)
    app.add_middleware(RequestLog, problems=problems)
