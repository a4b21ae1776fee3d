"""What all pages have in common: their frame, what their templates know, and how they say what failed."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from spk.api.headers import page_nonce
from spk.api.here import Here
from spk.api.problems import ProblemError
from spk.errors import SpkError

__all__ = ["STATIC", "PageRoute", "Static", "go", "is_part", "place", "show"]

HERE = Path(__file__).parent
STATIC = HERE / "static"


class PageRoute(APIRoute):
    """A route whose errors are pages, not problem documents."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler that does so."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await handler(request)
            except (SpkError, ProblemError, HTTPException, RequestValidationError) as error:
                problem, headers = request.app.state.problems.told(request, error)
                answer = show(request, "problem.html", status=problem.status, problem=problem)
                answer.headers.update(headers)
                return answer

        return handle


class Static(StaticFiles):
    """Style sheets and scripts, which browsers keep, and ask about each time."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401 - as of `StaticFiles`
        """A file, or that it is what the browser has."""
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response


def is_part(request: Request) -> bool:
    """Whether a script of the page asks for a part of it, rather than the browser for all."""
    return request.headers.get("HX-Request-Type") == "partial"


def place(*parts: object) -> str:
    """A path below ``/review``.

    >>> place("staff/two", "speakers", "Zoë")
    '/review/staff%2Ftwo/speakers/Zo%C3%AB'
    """
    return "/".join(["/review", *(quote(str(part), safe="") for part in parts)])


def go(request: Request, path: str, **query: object) -> Response:
    """To another page, after something was done."""
    said = urlencode({name: value for name, value in query.items() if value is not None})
    target = f"{path}?{said}" if said else path
    response = RedirectResponse(target, status_code=303)
    if "HX-Request" in request.headers:  # a script follows redirects by itself, and would put the page into a part
        return Response(headers={"HX-Redirect": response.headers["Location"]})
    return response


def show(request: Request, template: str, here: Here | None = None, *, status: int = 200, **values: Any) -> Response:  # noqa: ANN401 - whatever the template shows
    """A page, or a part of one.

    Args:
        request: What is answered.
        template: The page's.
        here: Where it stands; None for pages that are about no gallery and need no login.
        status: Of the answer.
        values: What the template shows.
    """
    frame = {
        "request": request,
        "gallery": here.gallery if here else request.path_params.get("gallery"),
        "principal": here.principal if here else getattr(request.state, "principal", None),
        "path": request.url.path,
        "part": is_part(request),
        "csrf": getattr(request.state, "csrf", ""),
        "nonce": page_nonce(request),
        "vendored": (STATIC / "vendor" / "htmx.js").is_file(),
    }
    text = _TEMPLATES.get_template(template).render(frame | values)
    return HTMLResponse(text, status, {"Vary": "HX-Request-Type"})


def _clock(seconds: float) -> str:
    """A time in a recording.

    >>> _clock(3725.4), _clock(61.25)
    ('1:02:05.4', '1:01.2')
    """
    minutes, rest = divmod(round(seconds, 1), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{rest:04.1f}" if hours else f"{minutes}:{rest:04.1f}"


def _span(seconds: float) -> str:
    """How long something lasts.

    >>> _span(8.25), _span(61), _span(7325)
    ('8.2 s', '1 min 1 s', '2 h 2 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _base(name: str) -> str:
    """The last part of a recording's name, where it was named by a path.

    >>> _base("calls/2026/call-17.wav")
    'call-17.wav'
    """
    return name.rstrip("/").rpartition("/")[2] or name


def _many(count: int, what: str) -> str:
    """How many of something.

    >>> _many(1, "sample"), _many(1234, "sample")
    ('1 sample', '1,234 samples')
    """
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _day(when: datetime | str | None) -> str:
    """A day, as it is in the service's own time zone."""
    return "" if when is None else f"{_moment(when).astimezone():%Y-%m-%d}"


def _when(when: datetime | str | None) -> str:
    """A day and a time."""
    return "" if when is None else f"{_moment(when).astimezone():%Y-%m-%d %H:%M}"


def _moment(when: datetime | str) -> datetime:
    return datetime.fromisoformat(when) if isinstance(when, str) else when


def _signed(number: float | None, digits: int = 1) -> str:
    """An LLR, with a sign that is as wide as a figure; a dash for None.

    >>> _signed(2.0)
    '+2.0'
    """
    return "\u2013" if number is None else f"{number:+.{digits}f}".replace("-", "\u2212")


_TEMPLATES = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters.update(base=_base, clock=_clock, span=_span, day=_day, when=_when, signed=_signed, many=_many)
_TEMPLATES.globals.update(place=place)
