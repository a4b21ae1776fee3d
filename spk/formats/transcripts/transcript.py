"""A transcript: lines of words, when they were said, and by whom."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from spk.formats import documents
from spk.formats.fields import LONGEST

__all__ = ["Line", "Span", "Transcript", "Word", "aligned", "split_words", "time_of"]

_TAG = re.compile(r"<[^<>]*>")


@dataclass(frozen=True, slots=True)
class Span:
    """From ``start`` to ``end``, in seconds; a word may take no time at all, and a recognizer may be wrong."""

    start: float
    end: float

    @property
    def middle(self) -> float:
        """The time half-way."""
        return (self.start + self.end) / 2


@dataclass(frozen=True, slots=True)
class Word:
    """A piece of a line.

    Attributes:
        text: As the line has it, with the white space around it: the words of a line, joined, are its text.
        span: When it was said; None where the transcript does not tell.
        speaker: Who said it, if that is known.
        kept: What its format says of it besides, to be written again.
    """

    text: str
    span: Span | None = None
    speaker: str | None = None
    kept: Any = field(default=None, repr=False)

    @property
    def letters(self) -> int:
        """How long it is to say: its characters without white space and markup, at least 1."""
        return max(len("".join(_TAG.sub("", self.text).split())), 1)


@dataclass(frozen=True, slots=True)
class Line:
    """What is shown or listed as one: a segment, a cue.

    >>> Line(Span(0.0, 3.0), split_words("ab cdef")).times
    (Span(start=0.0, end=1.0), Span(start=1.0, end=3.0))

    Attributes:
        span: When it was said.
        words: In the order of the text.
        speaker: Who said it, if that is known.
        part: Which piece it is of a line that was split, from 0 on; None for a whole line.
        kept: What its format says of it besides, to be written again.
    """

    span: Span
    words: tuple[Word, ...]
    speaker: str | None = None
    part: int | None = None
    kept: Any = field(default=None, repr=False)

    @property
    def text(self) -> str:
        """All that was said, with the white space that the format had around it."""
        return "".join(word.text for word in self.words)

    @property
    def timed(self) -> bool:
        """Whether the transcript tells when any single word was said."""
        return any(word.span for word in self.words)

    @property
    def times(self) -> tuple[Span, ...]:
        """When each word was said; words without times share the time between their neighbours by their letters."""
        times: list[Span] = []
        for known, group in groupby(self.words, key=lambda word: word.span is not None):
            words = list(group)
            if known:
                times += [word.span for word in words if word.span]
                continue
            start, after = times[-1].end if times else self.span.start, len(times) + len(words)
            following = self.words[after].span if after < len(self.words) else None
            share = max((following.start if following else self.span.end) - start, 0) / sum(w.letters for w in words)
            for word in words:
                times.append(Span(start, start + share * word.letters))
                start = times[-1].end
        return tuple(times)


@dataclass(frozen=True)
class Transcript:
    """What was said in a recording.

    Attributes:
        origin: What kind of file it was: ``whisper``, ``whisper.cpp``, ``vtt``, ``srt`` or ``ctm``.
        lines: In the order of the file.
        kept: What the file says besides, to be written again.
    """

    origin: str
    lines: tuple[Line, ...]
    kept: Any = field(default=None, repr=False)


def split_words(text: str) -> tuple[Word, ...]:
    """The words of a text, cut before each after white space.

    >>> [word.text for word in split_words(" so it\\n is ")]
    [' so ', 'it\\n ', 'is ']
    """
    return tuple(Word(piece) for piece in re.findall(r"\s*\S+\s*", text)) if text.strip() else ()


def aligned(text: str, words: Sequence[str]) -> Iterator[str]:
    """The pieces of a line's text that its words stand for; the words with spaces, where they are not in the text.

    >>> list(aligned(" It is 5, yes.", ["It", "is", "5", "yes."]))
    [' It ', 'is ', '5, ', 'yes.']
    """
    starts, at = [], 0
    for word in words:
        found = text.find(word.strip(), at)
        if found < 0:
            spaced = any(word[:1].isspace() for word in words)
            yield from words if spaced else (f"{word} " for word in words)
            return
        starts.append(found)
        at = found + len(word.strip())
    for place, end in enumerate([*starts[1:], len(text)] if starts else []):
        yield text[starts[place] if place else 0 : end]


def time_of(value: object) -> float | None:
    """A time of a JSON file; None where it is missing, or none."""
    time = documents.number(value)
    return time if time is not None and abs(time) < LONGEST else None
