"""Who said which word of a transcript, by the turns of its recording.

A word is said by whoever speaks for most of it; where two do so alike, by who says the words beside it. A word outside
all turns goes to the nearest one, if that is at most a second away, and else to nobody.

Recognizers and diarization disagree by a syllable about when somebody stops. So a lone word that differs from its
neighbours in the sentence goes to whoever says most of the sentence, if he speaks within a quarter of a second of it.

Lines without times of words are cut into sentences, at a full stop, and where a dash begins a new row of a subtitle;
their times follow from their lengths. This is rough, so a sentence goes to who speaks most in the whole line, unless
somebody else speaks at least twice as long in it.

Lines are split where the speaker changes. Words that are nobody's stay with those before them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from spk.formats.transcripts.transcript import Line, Span, Transcript
from spk.timeline import Timeline, Turn

__all__ = ["label"]

REACH = 1.0  # seconds to the nearest turn
SLACK = 0.25  # seconds between a word's middle and where its sentence's speaker is heard
ALIKE = 0.01  # seconds; who overlaps a word by as much more does not speak longer
_LEAST = 0.02  # seconds that a word lasts at least
_STOP = re.compile(r"""[.?!\u2026\u3002\uff01\uff1f](?:["'\u201d\u2019\u00bb)\]]|<[^<>]*>|\s)*$""")
_DASH = re.compile(r"\s*[-\u2013\u2014]")


@dataclass
class _Piece:
    """A word, or a sentence without times of words, while it is found out who says it."""

    line: int
    words: range
    span: Span
    last: bool  # of its sentence
    speaks: dict[str, float] = field(default_factory=lambda: defaultdict(float))  # seconds by label
    away: dict[str, float] = field(default_factory=dict)  # seconds from the piece to the label's nearest turn
    off: dict[str, float] = field(default_factory=dict)  # the same from its middle
    speaker: str | None = None

    def meet(self, turn: Turn) -> None:
        """Note how much of the piece lies in a turn, or how far from it."""
        start, end = self.span.start, max(self.span.end, self.span.start + _LEAST)
        self.speaks[turn.label] += max(min(end, turn.end) - max(start, turn.start), 0)
        away = max(turn.start - end, start - turn.end, 0)
        off = max(turn.start - self.span.middle, self.span.middle - turn.end, 0)
        self.away[turn.label] = min(away, self.away.get(turn.label, away))
        self.off[turn.label] = min(off, self.off.get(turn.label, off))

    @property
    def candidates(self) -> list[str]:
        """Who may have said it, as far as its own times tell."""
        if most := max(self.speaks.values(), default=0.0):
            return sorted(label for label, seconds in self.speaks.items() if seconds >= most - ALIKE)
        near = min(self.away.values(), default=REACH)
        return sorted(label for label, away in self.away.items() if away <= min(near, REACH))


def label(transcript: Transcript, turns: Timeline) -> Transcript:
    """Put names on words and lines, and split lines where the speaker changes.

    >>> from spk.formats.transcripts.transcript import Word
    >>> from spk.timeline import Segment
    >>> said = Line(Span(0, 2), (Word("Here? ", Span(0, 0.8)), Word("No.", Span(1.2, 1.6))))
    >>> turns = Timeline([Turn(Segment(0, 1), "ann"), Turn(Segment(1, 3), "bob")])
    >>> [(line.speaker, line.text) for line in label(Transcript("ctm", (said,)), turns).lines]
    [('ann', 'Here? '), ('bob', 'No.')]
    """
    lines = [list(_pieces(number, line)) for number, line in enumerate(transcript.lines)]
    pieces = [piece for of_line in lines for piece in of_line]
    _listen(pieces, turns)
    _decide(pieces)
    for line, of_line in zip(transcript.lines, lines, strict=True):
        (_smooth if line.timed else _gather)(of_line)
    split = (part for line, of_line in zip(transcript.lines, lines, strict=True) for part in _split(line, of_line))
    return replace(transcript, lines=tuple(split))


def _pieces(number: int, line: Line) -> Iterator[_Piece]:
    """What is one person's: a word where its time is known, else a sentence."""
    times, timed, start = line.times, line.timed, 0
    for place, word in enumerate(line.words):
        following = line.words[place + 1 : place + 2]
        row = "\n" in word.text and any(_DASH.match(other.text) for other in following)
        last = row or not following or bool(_STOP.search(word.text))
        if timed or last:
            span = Span(times[start].start, max(times[place].end, times[start].start))
            yield _Piece(number, range(start, place + 1), span, last)
            start = place + 1


def _listen(pieces: Sequence[_Piece], turns: Timeline) -> None:
    """Let every piece meet the turns that overlap it or lie within reach, by one walk in order of time."""
    following = 0
    near: list[Turn] = []
    for piece in sorted(pieces, key=lambda piece: piece.span.start):
        while following < len(turns) and turns[following].start <= max(piece.span.end, piece.span.start) + REACH:
            near.append(turns[following])
            following += 1
        near = [turn for turn in near if turn.end >= piece.span.start - REACH]
        for turn in near:
            if turn.start <= piece.span.end + REACH:
                piece.meet(turn)


def _decide(pieces: Sequence[_Piece]) -> None:
    """Give each piece to whom its times point; where they point to several, to who is beside it."""
    for place, piece in enumerate(pieces):
        candidates = piece.candidates
        if len(candidates) > 1:
            beside = _beside(pieces, place)
            piece.speaker = next((other for other in beside if other in candidates), candidates[0])
        elif candidates:
            piece.speaker = candidates[0]


def _beside(pieces: Sequence[_Piece], place: int) -> Iterator[str]:
    """Who says what is next to a piece, first in its own line."""
    before = pieces[place - 1] if place else None
    if before and before.speaker and before.line == pieces[place].line:
        yield before.speaker
    for other in pieces[place + 1 :]:
        if other.line != pieces[place].line:
            break
        if len(others := other.candidates) == 1:
            yield others[0]
            break
    if before and before.speaker:
        yield before.speaker


def _smooth(pieces: Sequence[_Piece]) -> None:
    """Let lone words follow their sentence."""
    start = 0
    for end in [place + 1 for place, piece in enumerate(pieces) if piece.last]:
        sentence, start = pieces[start:end], end
        main = _main(sentence)
        speakers = [piece.speaker for piece in sentence]
        for place, piece in enumerate(sentence):
            beside = {*speakers[max(place - 1, 0) : place], *speakers[place + 1 : place + 2]}
            lone = bool(beside) and piece.speaker not in {main, None, *beside}
            if main is not None and lone and piece.off.get(main, REACH) <= SLACK:
                piece.speaker = main


def _main(pieces: Sequence[_Piece]) -> str | None:
    """Who speaks most in all of them; None where nobody does."""
    said: dict[str, float] = defaultdict(float)
    for piece in pieces:
        for name, seconds in piece.speaks.items():
            said[name] += seconds
    return max((name for name in sorted(said) if said[name]), key=said.__getitem__, default=None)


def _gather(pieces: Sequence[_Piece]) -> None:
    """Let sentences whose times are guesses follow their line, unless it is clear that they are somebody else's."""
    main = _main(pieces)
    for piece in pieces:
        if main is not None and piece.speaker is not None:
            clear = piece.speaks[piece.speaker] >= 2 * piece.speaks[main] and piece.speaks[piece.speaker] > 0
            piece.speaker = piece.speaker if clear else main


def _split(line: Line, pieces: Sequence[_Piece]) -> Iterator[Line]:
    """The line with its speakers, in as many parts as they take turns."""
    speakers = [piece.speaker for piece in pieces for _ in piece.words]
    words = [replace(word, speaker=speaker) for word, speaker in zip(line.words, speakers, strict=True)]
    named = [place for place, speaker in enumerate(speakers) if speaker]
    cuts = [now for now, before in zip(named[1:], named, strict=False) if speakers[now] != speakers[before]]
    if not cuts:
        yield replace(line, words=tuple(words), speaker=speakers[named[0]] if named else None)
        return
    times, edges = line.times, [0, *cuts, len(words)]
    for part, (first, end) in enumerate(pairwise(edges)):
        start = times[first].start if part else line.span.start
        stop = times[end - 1].end if end < len(words) else line.span.end
        speaker = next(speaker for speaker in speakers[first:end] if speaker)
        yield Line(Span(start, max(start, stop)), tuple(words[first:end]), speaker, part, line.kept)
