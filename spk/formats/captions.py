"""Captions that say who speaks: WebVTT (of the W3C) and SubRip (SRT).

Blocks with empty lines between. A block has a line with two times, before it perhaps the cue's id or number, and after
it what is shown:

.. code-block:: text

    t1a2b3c4d
    00:00:00.500 --> 00:00:02.750
    <v Ann Lee>Good morning

    2
    00:00:03,000 --> 00:00:04,500
    Bo: Good morning

Who speaks stands in a voice tag, or before a colon at the start of a line, perhaps in square brackets; several people
in a cue are a turn each. Cues that name nobody, and in WebVTT comments and styles, are left out. What follows an empty
line belongs to the caption before, as in files of YouTube's. In WebVTT, cues' ids are the turns'; the numbers of SRT
are given anew by every program, so they are none. Times are written in milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import escape, unescape
from pathlib import Path

from spk.errors import FormatError
from spk.formats.fields import clock, escaped, make_turn, rounded, seconds, shown, unescaped
from spk.formats.lines import printable, read_lines
from spk.timeline import Timeline, Turn

__all__ = ["PRECISION", "Cue", "prefix", "read_cues", "read_srt", "read_vtt", "voice", "write_srt", "write_vtt"]

PRECISION = 0.001
_ARROW = "-->"
_LONGEST = 10_000  # lines of a caption
_SPECIAL = r"[:\[\]<>{}&]|^[->]"  # what would be read as something else than a name
_TIME = re.compile(r"-?([0-9]+:)?[0-9]{1,2}:[0-9]{1,2}[.,][0-9]")  # what no text begins with
_ASIDE = re.compile(r"(NOTE|STYLE|REGION)(\s|$)")  # comments and the like of WebVTT
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?[ \t]+([^>]*)>")
_TAG = re.compile(r"<[^>]*>|\{[^}]*\}")
_PREFIX = re.compile(r"[ \t]*(?:>>|-)?[ \t]*(?:\[([^\]:]+)\]|([^:\[]+)):(?=\s|$)")


@dataclass(frozen=True)
class Cue:
    """One caption.

    >>> Cue(0.5, 2.75, ("<v Ann Lee>Good morning",)).speakers
    ('Ann Lee',)
    >>> Cue(0.5, 2.75, ("- ANN: Good morning", "- [BO]: Hello")).speakers
    ('ANN', 'BO')

    Attributes:
        start: seconds.
        end: seconds.
        text: what is shown, line by line, with its tags.
        id: what stands in the line before the times, if any.
        line: the line of the times.
        settings: where it is shown, as it stands behind the times.
    """

    start: float
    end: float
    text: tuple[str, ...]
    id: str | None = None
    line: int | None = None
    settings: str = ""

    @property
    def speakers(self) -> tuple[str, ...]:
        """Who speaks, each once."""
        voices = [unescape(name) for line in self.text for name in _VOICE.findall(line)]
        if not voices:
            found = (_PREFIX.match(unescape(_TAG.sub("", line))) for line in self.text)
            voices = [one[1] or one[2] for one in found if one]
        return tuple(dict.fromkeys(unescaped(voice) for voice in voices))


def read_cues(path: str | Path) -> Iterator[Cue]:
    """The captions of a file of WebVTT or SRT, read as they are asked for.

    Raises:
        FormatError: the file cannot be read, or is no such file.
    """
    source, begun = printable(path), False
    waiting: Cue | None = None
    for block in _blocks(path):
        number, first = block[0]
        cue = _cue(block, source)
        if cue is None and not begun and not first.startswith("WEBVTT"):
            raise FormatError(source, "is no file of captions: one begins with two times and --> between", number)
        begun = True
        if cue is not None:
            if waiting is not None:
                yield waiting
            waiting = cue
        elif waiting is not None and not _ASIDE.match(first):
            waiting = _longer(waiting, block, source)
    if waiting is not None:
        yield waiting


def read_vtt(path: str | Path) -> dict[str, Timeline]:
    """The turns of a file of WebVTT, under the file's name.

    Raises:
        FormatError: the file cannot be read, or is no such file.
    """
    return {Path(path).stem: Timeline(_turns(path, ids=True))}


def read_srt(path: str | Path) -> dict[str, Timeline]:
    """The turns of a file of SubRip, under the file's name.

    Raises:
        FormatError: the file cannot be read, or is no such file.
    """
    return {Path(path).stem: Timeline(_turns(path, ids=False))}


def write_vtt(turns: Timeline, recording: str, duration: float | None = None) -> str:
    """A caption a turn, which shows the speaker's name, with the turn's id."""
    del recording, duration  # captions know of neither
    blocks = ["WEBVTT\n"]
    for turn in turns:
        name = escape(escaped(turn.label), quote=False)
        id_ = "" if turn.id is None else escaped(turn.id, r"[<>]|^(?:NOTE|STYLE|REGION)") + "\n"
        blocks.append(f"{id_}{_times(turn, '.')}\n{voice(turn.label)}{name}\n")
    return "\n".join(blocks)


def write_srt(turns: Timeline, recording: str, duration: float | None = None) -> str:
    """A numbered caption a turn, which shows the speaker's name."""
    del recording, duration  # as above
    return "\n".join(
        f"{number}\n{_times(turn, ',')}\n{prefix(turn.label)}\n" for number, turn in enumerate(turns, start=1)
    )


def voice(name: str) -> str:
    """The tag of WebVTT that says who speaks what follows.

    >>> voice("Ann & Bo")
    '<v Ann &amp; Bo>'
    """
    return f"<v {escape(escaped(name), quote=False)}>"


def prefix(name: str) -> str:
    """What says so in SubRip, before the text.

    >>> prefix("Dr: No")
    'Dr%3A No:'
    """
    return f"{escaped(name, _SPECIAL)}:"


def _turns(path: str | Path, *, ids: bool) -> Iterator[Turn]:
    source = printable(path)
    for cue in read_cues(path):
        id_ = unescaped(cue.id) if ids and cue.id else None
        for speaker in cue.speakers or ("",):  # times are checked also where nobody is named
            if turn := make_turn(cue.start, cue.end, speaker, id=id_, source=source, line=cue.line):
                yield turn


def _blocks(path: str | Path) -> Iterator[list[tuple[int, str]]]:
    """Lines with their numbers, as far as no empty line parts them."""
    block: list[tuple[int, str]] = []
    for number, text in enumerate(read_lines(path), start=1):
        if line := text.strip():
            block.append((number, line))
            if len(block) > _LONGEST:
                raise FormatError(printable(path), "is no file of captions: no empty lines part them", number)
        elif block:
            yield block
            block = []
    if block:
        yield block


def _longer(cue: Cue, block: list[tuple[int, str]], source: str) -> Cue:
    """The caption with what follows it after an empty line."""
    for number, line in block[:2]:
        if _TIME.match(line):
            raise FormatError(source, f"{shown(line)} is no caption's times: two are wanted, and --> between", number)
    text = (*cue.text, *(line for _, line in block))
    if len(text) > _LONGEST:
        raise FormatError(source, "is no file of captions: its lines have no times", block[-1][0])
    return replace(cue, text=text)


def _cue(block: list[tuple[int, str]], source: str) -> Cue | None:
    """The caption of a block; None for headers, comments, styles, and what else has no times."""
    at = next((at for at, (_, line) in enumerate(block) if _ARROW in line), None)
    if at is None or re.match(r"NOTE(\s|$)", block[0][1]):
        return None
    number, line = block[at]
    start, _, rest = line.partition(_ARROW)
    end, *settings = rest.split(maxsplit=1) or [""]
    try:
        times = seconds(start), seconds(end)
    except ValueError as error:
        raise FormatError(source, str(error), number) from None
    texts = [text for _, text in block[at + 1 :]]
    if any(_ARROW in text for text in texts):
        raise FormatError(source, "an empty line is missing between two captions", number)
    id_ = block[at - 1][1] if at and not block[0][1].startswith("WEBVTT") else None  # a header is no id
    return Cue(*times, tuple(texts), id_, number, *settings)


def _times(turn: Turn, point: str) -> str:
    start, end = rounded(turn.segment)
    return f"{clock(start, point)} {_ARROW} {clock(end, point)}"
