"""Decoding through the ffmpeg program, for what libsndfile does not read: M4A, WebM, MP4, AMR, WMA, …"""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from spk.audio.stream import BLOCK, Stream
from spk.errors import AudioError

__all__ = ["decoded"]

_INSTALL = "install ffmpeg (apt install ffmpeg, brew install ffmpeg), or convert it to WAV"

# Only formats that hold their own audio: a playlist could name any other file of this machine.
_FORMATS = (
    "aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,dsf,dts,eac3,flac,flv,gsm,loas,matroska,mov,mp3,mpc,mpc8,"
    "mpeg,mpegts,mxf,nut,ogg,rm,tta,voc,w64,wav,wv"
)

# What readers of containers complain about without making ffmpeg fail.
_DAMAGE = ("partial file", "[matroska,webm @")


@contextmanager
def decoded(path: Path, source: str, first: int, last: int | None) -> Iterator[Stream]:
    """The first audio stream of a file.

    All of it is decoded, up to ``last``: many of these formats cannot be entered at an exact time.

    Args:
        path: the file.
        source: what to call it in messages.
        first: second to start at.
        last: second to stop at; None for the end.

    Raises:
        AudioError: there is no ffmpeg, it cannot read the file, or the file is cut off or damaged.
    """
    program = shutil.which("ffmpeg")
    if program is None:
        reason = "is damaged, no recording, or of a kind that takes the ffmpeg program to read (M4A, WebM, …)"
        raise AudioError(source, f"{reason}: {_INSTALL}")
    # -xerror stops at the first error; "file:" keeps a name that starts with "-" or holds ":" a name.
    read = f"-nostdin -v error -xerror -threads 1 -protocol_whitelist file,pipe -format_whitelist {_FORMATS}"
    write = "-map 0:a:0 -f au -c:a pcm_f32be pipe:1"
    command = [program, *read.split(), "-i", f"file:{path}", *write.split()]
    with tempfile.TemporaryFile() as messages, _started(command, messages, source) as process:
        output = cast("IO[bytes]", process.stdout)
        try:
            judge = partial(_judge, process, messages, path, source)
            header = output.read(24)
            if len(header) < 24:
                judge()
                raise AudioError(source, "holds no audio (0 samples): record or export it again")
            # Sun AU: magic, offset of the samples, their size, encoding, rate, channels
            _, offset, _, _, rate, channels = struct.unpack(">6I", header)
            output.read(offset - 24)
            end = None if last is None else last * rate
            yield Stream(source, rate, channels, None, _blocks(output, channels, first * rate, end, judge))
        finally:
            process.kill()


def _started(command: list[str], messages: IO[bytes], source: str) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603 - a list of arguments, and no shell
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=messages
        )
    except OSError as error:
        reason = f"{command[0]} does not start ({error.strerror}): {_INSTALL}"
        raise AudioError(source, reason) from None


def _blocks(
    output: IO[bytes], channels: int, start: int, end: int | None, judge: Callable[[], None]
) -> Iterator[NDArray[np.float32]]:
    """The frames from ``start`` to ``end`` as (frames, channels); ``judge`` is called at the file's end."""
    frame = 4 * channels  # bytes
    at = 0
    while data := output.read(frame * max(1, BLOCK // channels)):
        whole = data[: len(data) // frame * frame]
        block = np.frombuffer(whole, ">f4").astype(np.float32).reshape(-1, channels)
        part = block[max(0, start - at) : None if end is None else max(0, end - at)]
        if len(part):
            yield part
        at += len(block)
        if end is not None and at >= end:
            return
    judge()


def _judge(process: subprocess.Popen[bytes], messages: IO[bytes], path: Path, source: str) -> None:
    """Raise what ffmpeg complained about, if it did."""
    status = process.wait()
    messages.seek(0)
    text = messages.read(1 << 16).decode(errors="replace").replace(f"file:{path}: ", "")
    if not status and not any(phrase in text for phrase in _DAMAGE):
        return
    if "matches no streams" in text:
        raise AudioError(source, "holds no sound, only other streams: give the file with the sound")
    lines = [re.sub(r"^\[[^\]]* @ 0x[0-9a-f]+\] *", "", line) for line in text.splitlines() if line.strip()]
    said = "".join(filter(str.isprintable, lines[-1])) if lines else f"exit status {status}"
    reason = f"is no recording, or is cut off or damaged (ffmpeg: {said}): check it, copy or export it again"
    raise AudioError(source, reason)
