"""Files of transcripts of every kind, read and written."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from enum import StrEnum
from pathlib import Path

from spk.errors import FormatError
from spk.formats.lines import open_text, printable, read_head
from spk.formats.text import format_turns
from spk.formats.transcripts import ctm, subtitles, whisper, whisper_cpp
from spk.formats.transcripts.transcript import Transcript
from spk.timeline import Segment, Timeline, Turn

__all__ = ["TranscriptFormat", "read_transcript", "write_transcript"]

_NO_UTF8 = "is not UTF-8 text: save it as UTF-8"


class TranscriptFormat(StrEnum):
    """What a transcript is written in."""

    JSON = "json"
    VTT = "vtt"
    SRT = "srt"
    TEXT = "text"
    CTM = "ctm"


def read_transcript(path: str | Path, names: Collection[str] = ()) -> Transcript:
    """Read a transcript; its format is seen from how it begins.

    Args:
        path: the file.
        names: those that may stand before a colon in subtitles, and are no part of what was said.

    Raises:
        FormatError: it cannot be read, breaks its format, or has none that spk knows.
    """
    head, of_ctm = read_head(path).lstrip(), Path(path).suffix.lower() == ".ctm"
    if head.startswith(("{", "[")):
        return _read_json(path)
    if head.startswith("WEBVTT"):
        return subtitles.read_vtt(path, names)
    if "-->" in head and not of_ctm:
        return subtitles.read_srt(path, names)
    if of_ctm or _looks_like_ctm(head):
        return ctm.read(path)
    reason = "is no transcript that spk knows: JSON of Whisper, WhisperX or whisper.cpp, WebVTT, SRT or CTM"
    raise FormatError(printable(path), reason)


def write_transcript(transcript: Transcript, form: TranscriptFormat | None = None, *, recording: str) -> str:
    """A transcript as the text of a file.

    Args:
        transcript: what was said, and by whom.
        form: what to write it in; what it came in if None. A JSON file keeps its kind.
        recording: the recording's name, which CTM needs.
    """
    form = form or TranscriptFormat("json" if transcript.origin.startswith("whisper") else transcript.origin)
    if form is TranscriptFormat.JSON:
        serialize = whisper_cpp.serialize if transcript.origin == "whisper.cpp" else whisper.serialize
        text = serialize(transcript)
    elif form is TranscriptFormat.CTM:
        text = ctm.serialize(transcript, recording)
    elif form is TranscriptFormat.TEXT:
        text = _readable(transcript)
    else:
        text = (subtitles.serialize_vtt if form is TranscriptFormat.VTT else subtitles.serialize_srt)(transcript)
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # JSON may hold half a letter
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _read_json(path: str | Path) -> Transcript:
    source = printable(path)
    try:
        with open_text(path, errors="surrogateescape") as file:
            text = file.read()
        document = json.loads(text)
    except UnicodeError:
        raise FormatError(source, _NO_UTF8) from None
    except json.JSONDecodeError as error:
        raise FormatError(source, f"is no JSON ({error.msg}): was it saved whole?", error.lineno) from None
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, brackets without end
        raise FormatError(source, f"is no JSON that can be read ({error})") from None
    if isinstance(document, dict) and "transcription" in document:
        return whisper_cpp.parse(document, source)
    if re.search("[\udc80-\udcff]", text):
        raise FormatError(source, _NO_UTF8)
    return whisper.parse(document, source)


def _looks_like_ctm(head: str) -> bool:
    line = next((line for line in head.splitlines() if line.strip() and not line.startswith(";;")), "")
    try:
        ctm.CtmLine.parse(line)
    except FormatError:
        return False
    return True


def _readable(transcript: Transcript) -> str:
    """One line of text for each of the transcript."""
    written = []
    for line in transcript.lines:
        start = max(line.span.start, 0.0)
        turn = Turn(Segment(start, max(line.span.end, start + 0.001)), line.speaker or "?")
        written.append(f"{format_turns(Timeline([turn])).rstrip()}  {' '.join(line.text.split())}\n")
    return "".join(written)
