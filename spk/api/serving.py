"""The process of `spk serve`: a web server, and beside it the workers that it looks after."""

from __future__ import annotations

import logging
import signal
import socket
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import uvicorn

from spk.api.app import create_app
from spk.api.logs import set_up_logging
from spk.api.origins import check_bind
from spk.errors import InputError
from spk.jobs.supervisor import Supervisor

if TYPE_CHECKING:
    from fastapi import FastAPI

    from spk.api.service import Service
    from spk.config import ServiceSettings, Settings

__all__ = ["run"]

logger = logging.getLogger(__name__)

GRACE_SECONDS = 30
"""How long requests that are being answered may take when the service is told to stop."""


def run(settings: Settings, serving: ServiceSettings, *, quiet: bool = False) -> None:
    """Serve until a signal says to stop.

    Raises:
        InputError: the address cannot be listened on, or other machines could reach it and there are no keys.
        NotFoundError: the settings name a gallery that does not exist.
        StoreError: the home cannot be opened.
    """
    app = create_app(settings, serving)
    with closing(app.state.service):
        _run(app, settings, serving, quiet=quiet)


def _run(app: FastAPI, settings: Settings, serving: ServiceSettings, *, quiet: bool) -> None:
    service: Service = app.state.service
    check_bind(serving.host, has_keys=service.store.has_keys())
    _ = service.queue  # an impossible one is said here, rather than by each worker
    config = uvicorn.Config(
        app,
        http="h11",  # the faster one takes headers of any size, from anybody
        ws="none",
        log_config=None,
        access_log=False,  # ours has ids in place of names
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        forwarded_allow_ips=list(serving.proxies),
        ssl_certfile=serving.certificate,
        ssl_keyfile=serving.private_key,
    )
    try:
        config.load()
    except OSError as error:  # of TLS, too
        files = f"{serving.certificate}, {serving.private_key}"
        raise InputError(f"{files}: are no certificate and its key ({error}): check both files") from error
    set_up_logging(as_json=serving.log == "json")
    listening = _listen(serving)
    host, port = listening.getsockname()[:2]
    if not quiet:
        scheme = "http" if serving.certificate is None else "https"
        logger.info("serving %s at %s://%s:%d", settings.home, scheme, f"[{host}]" if ":" in host else host, port)
    # uvicorn ends by raising the signal again, and by default that would leave the workers behind.
    signal.signal(signal.SIGTERM, _leave)
    with listening, Supervisor.of(settings, serving, service.store):
        uvicorn.Server(config).run(sockets=[listening])


def _leave(*_: object) -> None:
    sys.exit(0)


def _listen(serving: ServiceSettings) -> socket.socket:
    try:
        family = socket.getaddrinfo(serving.host, serving.port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((serving.host, serving.port), family=family, backlog=2048)
    except OSError as error:
        raise InputError(
            f"{serving.host} port {serving.port}: cannot be listened on ({error.strerror}): choose another"
        ) from error
