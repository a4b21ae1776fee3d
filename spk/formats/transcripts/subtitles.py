"""Transcripts in WebVTT and SubRip (SRT); how they are built, `spk.formats.captions` says.

Who speaks is written into a voice tag in WebVTT, and before a colon in SRT:

.. code-block:: text

    00:00:00.500 --> 00:00:02.750 align:start
    <v Ann Lee>Good morning.

    1
    00:00:00,500 --> 00:00:02,750
    Ann Lee: Good morning.

Voice tags that are there are left out, and so are names before a colon, if they are of the turns, or labels of a
diarization. Times within a WebVTT cue (``<00:00:01.200>``) are times of words. A cue's settings and other tags stay as
they were, and so does what stands before the first cue of a WebVTT file; comments between cues are lost, and SRT is
numbered anew.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from html import escape, unescape
from itertools import groupby, takewhile
from pathlib import Path

from spk.formats.captions import prefix, read_cues, voice
from spk.formats.fields import clock, seconds, unescaped
from spk.formats.lines import read_lines
from spk.formats.rttm import NAMELESS
from spk.formats.transcripts.transcript import Line, Span, Transcript, Word

__all__ = ["read_srt", "read_vtt", "serialize_srt", "serialize_vtt"]

_ARROW = "-->"
_VOICE = re.compile(r"</?v\b[^<>]*>")
_TAG = re.compile(r"<[^<>]*>|\{\\[^}]*\}")
_WORD = re.compile(r"\s*(?:<[^<>]*>|\S)+\s*")
_TIME = re.compile(r"<((?:\d+:)?\d\d:\d\d\.\d{3})>")
_LEAD = re.compile(r"^(?:<[^<>]*>|\s)*")
_NAME = re.compile(r"((?:>>|-)?[ \t]*)(?:\[([^\]:]+)\]|([^:\[]+)):(?:[ \t]+|$)")
_DASH = re.compile(r"^[-\u2013\u2014]\s*")


@dataclass(frozen=True, slots=True)
class _Frame:
    """What a cue has beside its text."""

    id: str | None
    settings: str


_NO_FRAME = _Frame(None, "")


def read_vtt(path: str | Path, names: Collection[str] = ()) -> Transcript:
    """Read a file of WebVTT; ``names`` are those that may stand before a colon.

    Raises:
        FormatError: the file cannot be read, or is no such file.
    """
    head = "\n".join(text.strip() for text in takewhile(lambda text: _ARROW not in text, read_lines(path)))
    above, _, _ = f"{head}\n".rpartition("\n\n")  # what follows is the first cue's id, if anything
    return Transcript("vtt", tuple(_lines(path, names)), above.strip() or head.strip())


def read_srt(path: str | Path, names: Collection[str] = ()) -> Transcript:
    """Read a file of SubRip; ``names`` are those that may stand before a colon.

    Raises:
        FormatError: the file cannot be read, or is no such file.
    """
    return Transcript("srt", tuple(_lines(path, names)))


def serialize_vtt(transcript: Transcript) -> str:
    """The file's text, with a voice tag where it is known who speaks."""
    ours = transcript.origin == "vtt"
    blocks = [(transcript.kept if ours else "") or "WEBVTT"]
    for line in transcript.lines:
        frame = line.kept if ours else _NO_FRAME
        times = f"{_times(line.span, '.')} {frame.settings}".rstrip()
        id_ = f"{frame.id}\n" if frame.id and not line.part else ""
        text = _raw(line) if ours else escape(_joined(line), quote=False)
        blocks.append(f"{id_}{times}\n{voice(line.speaker) if line.speaker else ''}{text}")
    return "\n\n".join(blocks) + "\n"


def serialize_srt(transcript: Transcript) -> str:
    """The file's text, with a name before the text where it is known who speaks."""
    blocks = []
    for number, line in enumerate(transcript.lines, start=1):
        text = (_raw(line) if transcript.origin == "srt" else _joined(line)).replace(_ARROW, "->")
        blocks.append(
            f"{number}\n{_times(line.span, ',')}\n{prefix(line.speaker) + ' ' if line.speaker else ''}{text}\n"
        )
    return "\n".join(blocks)


def _lines(path: str | Path, names: Collection[str]) -> Iterator[Line]:
    for cue in read_cues(path):
        rows = (_unnamed(_VOICE.sub("", row), names) for row in cue.text)
        words = tuple(Word(_plain(raw), kept=raw) for raw in _WORD.findall("\n".join(rows)))
        line = Line(Span(cue.start, max(cue.start, cue.end)), words, kept=_Frame(cue.id, cue.settings))
        yield replace(line, words=tuple(_timed(line))) if any(_TIME.search(word.kept) for word in words) else line


def _unnamed(row: str, names: Collection[str]) -> str:
    """A row without the name before it, where it is one for sure."""
    found = _NAME.match(row)
    name = unescaped(unescape(found[2] or found[3])) if found else ""
    return found[1] + row[found.end() :] if found and (name in names or NAMELESS.fullmatch(name)) else row


def _plain(raw: str) -> str:
    return unescape(_TAG.sub("", raw))


def _timed(line: Line) -> Iterator[Word]:
    """The words with the times that stand between them; those without one share the time up to the next."""
    starts, now = [], line.span.start
    for word in line.words:
        letters = len(word.kept) - len(_LEAD.sub("", word.kept, count=1))
        stamps = [(found.start(), seconds(found[1])) for found in _TIME.finditer(word.kept)]
        now = next((time for at, time in reversed(stamps) if at < letters), now)
        starts.append(now)
        now = stamps[-1][1] if stamps else now
    pairs = groupby(zip(starts, line.words, strict=True), key=lambda pair: pair[0])
    groups = [(start, tuple(word for _, word in group)) for start, group in pairs]
    for (start, words), end in zip(groups, [*(start for start, _ in groups[1:]), line.span.end], strict=True):
        times = Line(Span(start, max(start, end)), words).times
        yield from (replace(word, span=span) for word, span in zip(words, times, strict=True))


def _raw(line: Line) -> str:
    text = "".join(word.kept for word in line.words).strip()
    return _DASH.sub("", text) if line.part is not None else text


def _joined(line: Line) -> str:
    text = " ".join(line.text.split())
    return _DASH.sub("", text) if line.part is not None else text


def _times(span: Span, point: str) -> str:
    start = max(span.start, 0.0)
    return f"{clock(start, point)} {_ARROW} {clock(max(span.end, start + 0.001), point)}"
