"""JSON of openai-whisper, faster-whisper, WhisperX, and what writes like them.

An object with a list of ``segments``, or the list alone. Each has ``start`` and ``end`` in seconds, ``text``, and
perhaps ``words``: objects with ``word``, ``start`` and ``end``, or lists of start, end, word and probability, as older
versions of faster-whisper give them. A word may lack its times; WhisperX knows none for numbers, for example.

.. code-block:: text

    {"language": "en", "segments": [{"start": 0.5, "end": 2.1, "text": " Good morning.",
     "words": [{"word": "Good", "start": 0.5, "end": 0.8, "score": 0.99}, ...]}]}

Who speaks is written as WhisperX writes it: as ``speaker`` of words and of segments. All other fields stay as they
were. The pieces of a segment that was split keep them too, but ``tokens`` and ``chars``, which spell all of it; where
segments are numbered, they are numbered anew.
"""

from __future__ import annotations

import json
from typing import Any

from spk.errors import FormatError
from spk.formats.transcripts.transcript import Line, Span, Transcript, Word, aligned, split_words, time_of

__all__ = ["parse", "serialize"]

_OF_WHOLE = ("tokens", "chars")


def parse(document: Any, source: str) -> Transcript:  # noqa: ANN401 - JSON may be anything
    """Read what a JSON file holds.

    Raises:
        FormatError: it is no such transcript.
    """
    segments = document.get("segments") if isinstance(document, dict) else document
    if not isinstance(segments, list) or not all(isinstance(segment, dict) for segment in segments):
        reason = 'is no transcript: it holds no list of "segments", as Whisper writes it, and no "transcription"'
        raise FormatError(source, reason)
    lines = (_line(segment, source, place) for place, segment in enumerate(segments, start=1))
    return Transcript("whisper", tuple(lines), document)


def serialize(transcript: Transcript) -> str:
    """The file's text: what was read with the speakers in it; a new object where it came in another format."""
    ours = transcript.origin == "whisper"
    segments = [_segment(line) if ours else _new(line) for line in transcript.lines]
    if any(line.part for line in transcript.lines):
        first = next((segment["id"] for segment in segments if isinstance(segment.get("id"), int)), 0)
        for place, segment in enumerate(segments, start=first):
            segment.update({"id": place} if "id" in segment else {})
    if not ours or not isinstance(transcript.kept, dict):
        return _text(segments if ours else {"segments": segments})
    document = {**transcript.kept, "segments": segments}
    words = [word for line in transcript.lines for word in line.words if word.kept is not None]
    flat = document.get("word_segments")  # WhisperX lists all words a second time
    if isinstance(flat, list) and len(flat) == len(words) and all(isinstance(entry, dict) for entry in flat):
        document["word_segments"] = [_spoken(entry, word.speaker) for entry, word in zip(flat, words, strict=True)]
    return _text(document)


def _text(document: object) -> str:
    return json.dumps(document, ensure_ascii=False) + "\n"


def _line(segment: dict[str, Any], source: str, place: int) -> Line:
    text, entries = segment.get("text", ""), segment.get("words") or []
    if not isinstance(text, str) or not isinstance(entries, list):
        raise FormatError(source, f"segment {place} has no text, or words that are no list")
    records = [_record(entry, source, place) for entry in entries]
    pieces = list(aligned(text, [record["word"] if "word" in record else record["text"] for record in records]))
    words = tuple(Word(piece, _span(record), kept=record) for piece, record in zip(pieces, records, strict=True))
    spans = [word.span for word in words if word.span]
    start, end = time_of(segment.get("start")), time_of(segment.get("end"))
    if (start is None or end is None) and not spans:
        raise FormatError(source, f"segment {place} has no start and end: spk needs a transcript with times")
    start = min(span.start for span in spans) if start is None else start
    end = max(span.end for span in spans) if end is None else end
    return Line(Span(start, max(start, end)), words or split_words(text), kept=segment)


def _record(entry: object, source: str, place: int) -> dict[str, Any]:
    """A word of whatever shape as an object."""
    if isinstance(entry, list) and len(entry) == 4:
        entry = dict(zip(("start", "end", "word", "probability"), entry, strict=True))
    if isinstance(entry, dict) and isinstance(entry.get("word", entry.get("text")), str):
        return entry
    raise FormatError(source, f'segment {place} has a word that is no object with "word", "start" and "end"')


def _span(record: dict[str, Any]) -> Span | None:
    start, end = time_of(record.get("start")), time_of(record.get("end"))
    return None if start is None or end is None else Span(start, max(start, end))


def _segment(line: Line) -> dict[str, Any]:
    segment = _spoken(line.kept, line.speaker)
    if any(word.kept is not None for word in line.words):
        segment["words"] = [_spoken(word.kept, word.speaker) for word in line.words]
    if line.part is not None:
        text = line.text.strip()
        segment |= {"start": _rounded(line.span.start), "end": _rounded(line.span.end)}
        segment["text"] = f" {text}" if line.kept.get("text", "").startswith(" ") else text
        segment = {name: value for name, value in segment.items() if name not in _OF_WHOLE}
    return segment


def _spoken(record: dict[str, Any], speaker: str | None) -> dict[str, Any]:
    """The same with who said it, last as WhisperX has it, and not who was said to before."""
    rest = {name: value for name, value in record.items() if name != "speaker"}
    return rest if speaker is None else {**rest, "speaker": speaker}


def _new(line: Line) -> dict[str, Any]:
    segment: dict[str, Any] = _times(line.span) | {"text": " ".join(line.text.split())}
    if line.timed:
        segment["words"] = [
            _spoken({"word": word.text.strip()} | (_times(word.span) if word.span else {}), word.speaker)
            for word in line.words
        ]
    return _spoken(segment, line.speaker)


def _times(span: Span) -> dict[str, float]:
    return {"start": _rounded(span.start), "end": _rounded(span.end)}


def _rounded(time: float) -> float:
    return round(time, 3)
