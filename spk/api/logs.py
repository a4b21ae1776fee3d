"""What the service logs: a line for each request, in which nobody's name, question or key stands."""

from __future__ import annotations

import json
import logging
import os
import re
import secrets
import time
from contextvars import ContextVar
from datetime import UTC, datetime

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from spk.api.problems import Problems

__all__ = ["RequestLog", "set_up_logging"]

GONE = 499  # what is logged where whoever asked did not wait for the answer

_access = logging.getLogger("spk.access")
_log = logging.getLogger(__name__)
_request_id: ContextVar[str] = ContextVar("request_id", default="")
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def set_up_logging(*, as_json: bool = False) -> None:
    """Log to standard error: what spk and uvicorn say, and warnings of everybody else.

    Args:
        as_json: One JSON object a line.
    """
    # A descriptor of its own: while MP3 is decoded, number 2 leads nowhere (see `spk.audio.sndfile`).
    stream = os.fdopen(os.dup(2), "w", buffering=1, encoding="utf-8", errors="backslashreplace")
    handler = logging.StreamHandler(stream)
    handler.addFilter(_add_request_id)
    handler.setFormatter(_JsonLines() if as_json else _Lines())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    for name in ("spk", "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.INFO)


class RequestLog:
    """The middleware that gives each request an id, logs it, and answers what nobody else has caught.

    Only `spk.api.metrics.Measured` stands before it, and counts what it answers.

    A request may bring its own id as ``X-Request-ID``. It is in ``scope["state"]["request_id"]``, in the answer's
    header, in problem documents, and beside whatever is logged meanwhile.
    """

    def __init__(self, app: ASGIApp, problems: Problems) -> None:
        self._app = app
        self._problems = problems

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, as ASGI has it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        given = request.headers.get("X-Request-ID", "")
        request_id = given if _ID.fullmatch(given) else secrets.token_hex(8)
        request.state.request_id = request_id
        token, begun, status = _request_id.set(request_id), time.perf_counter(), 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        try:
            await self._app(scope, receive, answer)
        except ClientDisconnect:
            status = GONE
        except Exception as error:  # whatever it is: it is logged and answered, and the service goes on
            if status:  # half an answer is out: the connection must break, or it would pass for a whole one
                raise
            await self._problems.answer(request, error)(scope, receive, answer)
        finally:
            _access.info("", extra={"request": _about(scope, status or GONE, time.perf_counter() - begun)})
            _request_id.reset(token)


def _about(scope: Scope, status: int, seconds: float) -> dict[str, object]:
    """What is logged of a request. Not its path, its query or its body: names of people stand there."""
    who = scope.get("state", {}).get("principal")
    route = getattr(scope.get("route"), "path", None)
    gallery = scope.get("path_params", {}).get("gallery")
    return {
        "method": scope["method"],
        "route": route or "-",
        "status": status,
        "ms": round(1000 * seconds, 1),
        "key": who.key_id if who else None,
        # Of a gallery that is not there, somebody may have written anything.
        "gallery": gallery if who and status < 400 else None,
    }


def _add_request_id(record: logging.LogRecord) -> bool:
    record.request_id = _request_id.get()
    return True


class _JsonLines(logging.Formatter):
    """A JSON object for each record."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "request_id": getattr(record, "request_id", ""),
        }
        if (about := getattr(record, "request", None)) is not None:
            line |= about
        else:
            line["message"] = record.getMessage()
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps({name: value for name, value in line.items() if value not in (None, "")}, ensure_ascii=False)


class _Lines(logging.Formatter):
    """A line for each record, of which a traceback makes several; nothing in it can pass for another line."""

    def format(self, record: logging.LogRecord) -> str:
        about = getattr(record, "request", None)
        if about is None:
            text = record.getMessage()
        else:
            more = [f"{name}={about[name]}" for name in ("key", "gallery") if about[name] is not None]
            text = " ".join([about["method"], about["route"], str(about["status"]), f"{about['ms']} ms", *more])
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        parts = [when, record.levelname, record.name, getattr(record, "request_id", ""), _printable(text)]
        lines = [" ".join(filter(None, parts))]
        if record.exc_info:  # set off, for what was raised may quote whoever asked
            lines += [f"  {_printable(one)}" for one in self.formatException(record.exc_info).splitlines()]
        return "\n".join(lines)


def _printable(text: str) -> str:
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
