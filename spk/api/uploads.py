"""Uploads: streamed to files in the home, bounded, and removed when they were worked on."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

from anyio import CancelScope, CapacityLimiter, to_thread
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers
from starlette.routing import Match
from starlette.types import Scope

from spk.api.bodies import UPLOAD, announced, media_type
from spk.api.problems import ProblemError
from spk.api.receiving import ReceivedFile, Receiver
from spk.api.sessions import CSRF_FIELD
from spk.store.files import sync_folder
from spk.store.home import UPLOADS
from spk.store.problems import explained

__all__ = ["FormRoute", "ReceivedFile", "Upload", "Uploads", "form_body"]

SPARE_BYTES = 200_000_000
"""What uploads leave of the disk: the store must be able to write."""

_BATCH = 256 << 10  # bytes that go to a thread together
_THREADS = 8
_OURS = re.compile(r"[0-9a-f]{32}")
_FILES = {"audio", "other", "turns"}
_MANY = (list, tuple, set, frozenset)

M = TypeVar("M", bound=BaseModel)


class Upload:
    """A form that was received. Its files are there until the request is answered, unless they are handed over.

    Attributes:
        fields: The values of each field, in their order.
        files: The files, in their order.
    """

    def __init__(self, receiver: Receiver) -> None:
        # The token of a page is the gate's, no field of what is asked.
        self.fields: Mapping[str, tuple[str, ...]] = {
            name: tuple(many) for name, many in receiver.fields.items() if name != CSRF_FIELD
        }
        self.files = tuple(receiver.files)
        self.kept: frozenset[Path] = frozenset()
        self._receiver = receiver

    def named(self, field: str) -> tuple[ReceivedFile, ...]:
        """The files of a part."""
        return tuple(file for file in self.files if file.field == field)

    def one(self, field: str) -> ReceivedFile:
        """The only file of a part.

        Raises:
            RequestValidationError: there is none, or there are several.
        """
        match self.named(field):
            case (file,):
                return file
            case found:
                message = "send several requests, with one file each" if found else "a file is missing here"
                raise RequestValidationError([{"loc": ("body", field), "msg": message, "type": "file"}])

    def form(self, model: type[M]) -> M:
        """The fields as a model has them; what is empty was not filled in.

        Raises:
            RequestValidationError: a field is missing or wrong, or there is none of that name.
        """
        unknown = self.fields.keys() - {field.alias or name for name, field in model.model_fields.items()}
        if unknown:
            there = f"there is no such field; there are: {', '.join(model.model_fields)}"
            text = "is a file, and came as a text: send it like curl -F audio=@FILE"
            errors = [
                {"loc": ("body", name[:80]), "msg": text if name in _FILES else there, "type": "extra"}
                for name in sorted(unknown)
            ]
            raise RequestValidationError(errors)
        given = {name: [value for value in values if value] for name, values in self.fields.items()}
        many = {field.alias or name for name, field in model.model_fields.items() if _is_many(field.annotation)}
        try:
            return model.model_validate(
                {name: values if name in many else values[-1] for name, values in given.items() if values}
            )
        except ValidationError as error:
            raise RequestValidationError(
                [{**one, "loc": ("body", *one["loc"])} for one in error.errors(include_input=False, include_url=False)]
            ) from error

    @contextmanager
    def handing_over(self, *files: ReceivedFile) -> Iterator[None]:
        """Leave files to a job that is submitted within; where that fails they go with the request.

        Before, they are brought down to the disk, so that a job never misses its file.
        """
        for file in files:
            self._receiver.sync(file.path)
        for folder in {file.path.parent for file in files}:
            sync_folder(folder)
        yield
        self.kept |= {file.path for file in files}


class FormRoute(APIRoute):
    """A route for forms alone, at an address where another takes JSON; it is to be added before that one."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether it answers a request, as Starlette asks."""
        is_form = scope["type"] == "http" and media_type(Headers(scope=scope)) == UPLOAD
        return super().matches(scope) if is_form else (Match.NONE, {})


class Uploads:
    """The uploads of a home.

    Args:
        home: Of the store.
        most_bytes: Of one request.
    """

    def __init__(self, home: Path, most_bytes: int = 2_000_000_000) -> None:
        self.folder = home / UPLOADS
        self._most = most_bytes
        self._threads = CapacityLimiter(_THREADS)

    @asynccontextmanager
    async def receive(self, request: Request) -> AsyncIterator[Upload]:
        """The form of a request, which is read while it arrives.

        Raises:
            InputError: it is damaged.
            ProblemError: it is no multipart form, it is too large, or the disk is full.
            StoreError: the disk cannot be written.
        """
        kind, options = parse_options_header(request.headers.get("Content-Type"))
        if kind != b"multipart/form-data" or not options.get(b"boundary"):
            raise ProblemError("wrong-type", "send a form: multipart/form-data with a file in it (curl -F audio=@FILE)")
        if announced(request.headers) > self._most:
            raise self._too_large()
        with explained(self.folder):
            self.folder.mkdir(mode=0o700, exist_ok=True)
            if shutil.disk_usage(self.folder).free < announced(request.headers) + SPARE_BYTES:
                raise ProblemError("full", "there is no space left for uploads: try again later")
        receiver = Receiver(self.folder, options[b"boundary"])
        request.state.is_upload = True  # which is counted here, see `spk.api.bodies`
        upload = None
        try:
            await self._read(request, receiver)
            upload = Upload(receiver)
            if (once := getattr(request.state, "once", None)) is not None:  # see `spk.api.idempotency`
                await once.received(upload)
            yield upload
        finally:
            kept = upload.kept if upload else frozenset()
            with CancelScope(shield=True):  # nothing is left of whom nobody waits for, either
                await to_thread.run_sync(receiver.close, kept, limiter=self._threads)

    async def _read(self, request: Request, receiver: Receiver) -> None:
        total, pending = 0, bytearray()
        async for chunk in request.stream():
            total += len(chunk)
            if total > self._most:
                raise self._too_large()
            pending += chunk
            if len(pending) >= _BATCH:
                # Parsing, hashing and writing: others are served meanwhile, and no more is read.
                await to_thread.run_sync(receiver.feed, bytes(pending), limiter=self._threads)
                pending.clear()
        await to_thread.run_sync(receiver.finish, bytes(pending), limiter=self._threads)

    def sweep(self, wanted: Callable[[], Collection[str]]) -> int:
        """Remove what killed processes have left, whether it is one file or a folder of several.

        Workers do the same by their age, see `spk.store.home.Home.sweep_uploads`.

        Args:
            wanted: Asked for the names of the uploads that jobs need. First, as they may be more than can be open at
                once; and again after those were left out that a request is still at: what a request leaves to a job
                is locked until the job is stored.

        Returns:
            How many they were.

        Raises:
            StoreError: the disk does not let us.
        """
        with explained(self.folder), ExitStack() as locks:
            needed = set(wanted())
            ours = [path for path in self.folder.glob("*") if _OURS.fullmatch(path.name) and path.name not in needed]
            idle = [path for path in ours if _lock(path, locks)]
            needed = set(wanted())
            swept = [path for path in idle if path.name not in needed]
            for path in swept:
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)
        return len(swept)

    def _too_large(self) -> ProblemError:
        return ProblemError("too-large", f"an upload has at most {self._most / 1e6:g} MB here: send it in parts")


def form_body(model: type[BaseModel], *, one: Collection[str] = (), many: Collection[str] = ()) -> dict[str, Any]:
    """What OpenAPI says of a route that takes a form: its ``openapi_extra``.

    Args:
        model: Of the fields.
        one: The names of parts that are a file each.
        many: The names of parts of which there may be several files.
    """
    schema = model.model_json_schema()
    named = schema.pop("$defs", {})

    def inlined(value: Any) -> Any:  # noqa: ANN401 - any JSON
        if isinstance(value, dict):
            if "$ref" in value:
                return inlined(named[value["$ref"].rpartition("/")[2]])
            return {name: inlined(inner) for name, inner in value.items()}
        return [inlined(inner) for inner in value] if isinstance(value, list) else value

    # A file is said in the way of OpenAPI 3.1, as FastAPI says it.
    file = {"type": "string", "contentMediaType": "application/octet-stream"}
    files = dict.fromkeys(one, file) | {part: {"type": "array", "items": file, "minItems": 1} for part in many}
    schema = inlined(schema)
    schema["properties"] = files | schema.get("properties", {})
    schema["required"] = [*files, *schema.get("required", [])]
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


def _is_many(annotation: object) -> bool:
    """Whether a field takes several values: ``list[str]``, or ``list[str] | None``."""
    if get_origin(annotation) in {Union, UnionType}:
        return any(map(_is_many, get_args(annotation)))
    return annotation in _MANY or get_origin(annotation) in _MANY


def _lock(path: Path, locks: ExitStack) -> bool:
    """Lock an upload, which fails where a request is at it, or where it is a folder that is just being filled."""
    try:
        files = [*path.iterdir()] if path.is_dir() else [path]
        for file in files:
            descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
            locks.callback(os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (FileNotFoundError, BlockingIOError):
        return False
    return bool(files)
