"""From a path to a stream: checks the file, then decodes it by libsndfile or, failing that, by ffmpeg."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from spk.audio import ffmpeg, sndfile
from spk.audio.headers import fault
from spk.audio.stream import Stream
from spk.errors import AudioError

__all__ = ["open_stream"]

_RATES = range(1_000, 1_000_001)  # Hz; a header that says otherwise is no header


@contextmanager
def open_stream(
    path: str | Path, first: int = 0, last: int | None = None, *, name: str | None = None
) -> Iterator[Stream]:
    """Open a recording to decode it from second ``first`` up to second ``last``, or its end.

    What it is called in messages is the ``name``, or else the path.

    Raises:
        AudioError: it is no regular file, cannot be read, is cut off, or is no recording.
    """
    path = Path(path)
    # A line break or an escape sequence in a name must not reach a terminal or a log.
    source = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name or str(path))
    _check_kind(path, source)
    with _open(path, source) as file:
        if wrong := fault(file):
            raise AudioError(source, f"is cut off or damaged ({wrong}): copy or record it again")
        # libsndfile first: it is here everywhere, and seeks.
        opened = sndfile.decoded(file, source, first, last) or ffmpeg.decoded(path, source, first, last)
        with opened as stream:
            if stream.rate not in _RATES:
                reason = f"its header says {stream.rate:,} samples a second, which cannot be: export it again"
                raise AudioError(source, reason)
            yield stream


def _check_kind(path: Path, source: str) -> None:
    try:
        status = path.stat()  # before opening: opening a named pipe waits for its writer
    except (OSError, ValueError) as error:
        raise _unusable(source, error) from None
    if stat.S_ISDIR(status.st_mode):
        raise AudioError(source, "is a directory, not a recording: name the files in it")
    if not stat.S_ISREG(status.st_mode):
        raise AudioError(source, "is not a regular file: copy the audio into a file first")
    if not status.st_size:
        raise AudioError(source, "is empty (0 bytes): record or copy it again")


def _open(path: Path, source: str) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise _unusable(source, error) from None


def _unusable(source: str, error: OSError | ValueError) -> AudioError:
    if isinstance(error, FileNotFoundError):
        return AudioError(source, "no such file: check the path")
    if isinstance(error, PermissionError):
        return AudioError(source, "may not be read: give yourself permission (chmod +r)")
    # A ValueError is about a NUL in the name.
    reason = error.strerror if isinstance(error, OSError) else error
    return AudioError(source, f"cannot be opened ({reason}): check the path")
