"""JSON of whisper.cpp: what ``whisper-cli -oj`` writes, and ``-ojf`` with its tokens.

.. code-block:: text

    {"result": {"language": "en"}, "transcription": [
     {"timestamps": {"from": "00:00:00,500", "to": "00:00:02,100"}, "offsets": {"from": 500, "to": 2100},
      "text": " Good morning.",
      "tokens": [{"text": " Good", "offsets": {"from": 500, "to": 800}, "id": 4599, "p": 0.9, ...}, ...]}, ...]}

Offsets are milliseconds; the clock beside them says the same. Tokens are pieces of words, a word begins with the token
that begins with a space; such as ``[_BEG_]`` are no speech. A token may hold half a letter, and then the file is no
UTF-8: these bytes are kept as they are.

Who speaks is written as ``speaker`` of lines and tokens, all else stays as it was. The pieces of a line that was split
get times of their own.
"""

from __future__ import annotations

import json
from typing import Any

from spk.errors import FormatError
from spk.formats.fields import clock
from spk.formats.transcripts.transcript import Line, Span, Transcript, Word, aligned, split_words, time_of

__all__ = ["parse", "serialize"]

Record = dict[str, Any]


def parse(document: Record, source: str) -> Transcript:
    """Read what a JSON file with a ``transcription`` holds.

    Raises:
        FormatError: it is no such transcript.
    """
    entries = document["transcription"]
    if not isinstance(entries, list):
        raise FormatError(source, 'is no transcript of whisper.cpp: its "transcription" is no list')
    lines = (_line(entry, source, place) for place, entry in enumerate(entries, start=1))
    return Transcript("whisper.cpp", tuple(lines), document)


def serialize(transcript: Transcript) -> str:
    """The file's text, with the speakers in it."""
    document = {**transcript.kept, "transcription": [_entry(line) for line in transcript.lines]}
    return json.dumps(document, ensure_ascii=False) + "\n"


def _line(entry: object, source: str, place: int) -> Line:
    record = entry if isinstance(entry, dict) else {}
    text, span = record.get("text"), _span(record)
    if not isinstance(text, str) or span is None:
        raise FormatError(source, f"line {place} of the transcription has no text or no offsets")
    tokens = record.get("tokens") or []
    if not isinstance(tokens, list) or not all(
        isinstance(token, dict) and isinstance(token.get("text"), str) for token in tokens
    ):
        raise FormatError(source, f"line {place} of the transcription has tokens that are no objects with a text")
    groups: list[list[Record]] = []
    for token in tokens:
        if not groups or (token["text"][:1].isspace() and any(map(_spoken_token, groups[-1]))):
            groups.append([])
        groups[-1].append(token)
    if not any(_spoken_token(token) for token in tokens):
        return Line(span, split_words(text), kept=record)
    spoken = ["".join(token["text"] for token in group if _spoken_token(token)) for group in groups]
    pieces = aligned(text, [_mended(word) for word in spoken])
    words = (Word(piece, _whole(group), kept=group) for piece, group in zip(pieces, groups, strict=True))
    return Line(span, tuple(words), kept=record)


def _spoken_token(token: Record) -> bool:
    """Whether it is a piece of a word, and no mark of the model such as ``[_TT_50]`` or ``<|endoftext|>``."""
    return not token["text"].startswith(("[_", "<|"))


def _mended(text: str) -> str:
    """Text whose letters were cut in half between tokens."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _whole(group: list[Record]) -> Span | None:
    spans = [span for token in group if _spoken_token(token) and (span := _span(token))]
    return Span(spans[0].start, max(spans[0].start, spans[-1].end)) if spans else None


def _span(record: Record) -> Span | None:
    offsets = record.get("offsets")
    if not isinstance(offsets, dict):
        return None
    start, end = time_of(offsets.get("from")), time_of(offsets.get("to"))
    return None if start is None or end is None else Span(start / 1000, max(start, end) / 1000)


def _entry(line: Line) -> Record:
    entry = {name: value for name, value in line.kept.items() if name != "speaker"}
    if line.part is not None:
        entry |= _times(line.span) | {"text": f" {line.text.strip()}"}
    if any(word.kept is not None for word in line.words):
        entry["tokens"] = [_spoken(token, word.speaker) for word in line.words for token in word.kept]
    return _spoken(entry, line.speaker)


def _spoken(record: Record, speaker: str | None) -> Record:
    return record if speaker is None else {**record, "speaker": speaker}


def _times(span: Span) -> Record:
    start, end = max(span.start, 0), max(span.end, 0)
    return {
        "timestamps": {"from": clock(start, ","), "to": clock(end, ",")},
        "offsets": {"from": round(start * 1000), "to": round(end * 1000)},
    }
