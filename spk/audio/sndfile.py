"""Decoding by libsndfile: WAV of all kinds, FLAC, Ogg Vorbis, Opus, MP3, AIFF, …"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from spk.audio.headers import is_mpeg, mpeg_frames, unclosed_wav
from spk.audio.stream import BLOCK, Stream
from spk.errors import AudioError

__all__ = ["decoded"]

_UNKNOWN_LENGTH = 1 << 62  # frames; a streamed FLAC does not say, and soundfile cannot read it to its end
_MPEG_SLACK = 2 * 1152  # frames; the estimate for an MP3 that does not say counts tags and half frames
_STDERR = threading.Lock()

_Hush = Callable[[], AbstractContextManager[None]]


def decoded(file: BinaryIO, source: str, first: int, last: int | None) -> AbstractContextManager[Stream] | None:
    """The file as a stream; None where libsndfile does not know its format or its length.

    Args:
        file: open for reading, and kept open while the stream is read.
        source: what to call it in messages.
        first: second to start at.
        last: second to stop at; None for the end.

    Raises:
        AudioError: while the blocks are taken: the file is cut off or damaged.
    """
    mpeg = is_mpeg(file)
    hush: _Hush = _hushed if mpeg else nullcontext
    counted = mpeg_frames(file) if mpeg else None
    # Not by its name, from whose ending libsndfile would guess formats that have no header.
    target = _Unclosed(file) if unclosed_wav(file) else file.fileno()
    os.lseek(file.fileno(), 0, os.SEEK_SET)
    try:
        with hush():
            sound = soundfile.SoundFile(target, closefd=False)
    except soundfile.LibsndfileError:
        return None
    misjudged = counted is not None and abs(sound.frames - counted) > _MPEG_SLACK
    if sound.frames >= _UNKNOWN_LENGTH or misjudged:
        sound.close()
        return None
    return _stream(sound, source, first, last, hush)


@contextmanager
def _stream(sound: soundfile.SoundFile, source: str, first: int, last: int | None, hush: _Hush) -> Iterator[Stream]:
    with sound:
        blocks = _blocks(sound, source, first, last, hush)
        yield Stream(source, sound.samplerate, sound.channels, sound.frames, blocks)


def _blocks(
    sound: soundfile.SoundFile, source: str, first: int, last: int | None, hush: _Hush
) -> Iterator[NDArray[np.float32]]:
    rate, at = sound.samplerate, first * sound.samplerate
    end = sound.frames if last is None else min(sound.frames, last * rate)
    frames = max(1, BLOCK // sound.channels)
    try:
        if 0 < at < end:
            with hush():
                sound.seek(at)
        while at < end:
            wanted = min(frames, end - at)
            with hush():
                block = sound.read(wanted, dtype="float32", always_2d=True)
            at += len(block)
            if len(block):
                yield block
            if len(block) < wanted:  # a hole: reading on would close it up in silence
                break
    except soundfile.LibsndfileError as error:
        said = error.error_string.removeprefix("Error : ").rstrip(".")
        raise AudioError(source, f"is damaged or cut off ({said}): copy or export it again") from None
    if at < end - (_MPEG_SLACK if sound.format == "MP3" else 0):
        seconds = f"{at / rate:.1f} of its {sound.frames / rate:.1f} s"
        reason = f"gives only {seconds}, so it is damaged or cut off: copy or export it again"
        raise AudioError(source, reason)


class _Unclosed:
    """A WAV whose sizes nobody filled in, as libsndfile wants it to read on to the end: of RIFF size 8."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int) -> bytes:
        at = self._file.tell()
        data = bytearray(self._file.read(size))
        for place, byte in zip(range(4, 8), (8, 0, 0, 0), strict=True):
            if at <= place < at + len(data):
                data[place - at] = byte
        return bytes(data)


@contextmanager
def _hushed() -> Iterator[None]:
    """Silence standard error: the MP3 decoder writes to it, about good files too, and has no setting."""
    with _STDERR:
        try:
            kept = os.dup(2)
        except OSError:  # closed: there is nothing to keep clean
            kept = None
        if kept is None:
            yield
            return
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            os.close(nowhere)
