"""ELAN's annotation documents (EAF), of format 2.7 to 3.0.

A document lists time slots, in milliseconds, and tiers of annotations between two slots each:

.. code-block:: text

    <TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="500"/>
    <TIER LINGUISTIC_TYPE_REF="turns" TIER_ID="ann">
        <ANNOTATION>
            <ALIGNABLE_ANNOTATION ANNOTATION_ID="t1a2b3c4d" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts2">
                <ANNOTATION_VALUE>id=t1a2b3c4d</ANNOTATION_VALUE>

A tier that hangs from no other is a speaker: its participant, or where it has none, its name. Tiers that hang from
others, and annotations that refer to others (words, glosses), say more of the same speech and are left out. A slot
without a time lies evenly between its neighbours. Annotations' ids are the turns'; an id in the text (see
`spk.formats.tiers`) goes before it, because it stays when ELAN copies an annotation to another tier.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path, PurePath
from typing import NoReturn
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from spk.errors import FormatError
from spk.formats.fields import escaped
from spk.formats.lines import opened, printable
from spk.formats.tiers import Mark, Tier, lay_out, mark, turns_of
from spk.timeline import Timeline

__all__ = ["PRECISION", "read_eaf", "write_eaf"]

PRECISION = 0.001
_CHUNK = 1 << 16  # bytes
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9._-]*")  # what XML allows as an id, in ASCII
_REFERENCES = ("TIME_SLOT_REF1", "TIME_SLOT_REF2", "ANNOTATION_ID")
_MIME = {  # by ending; WAV is what ELAN likes best
    ".flac": "audio/x-flac",
    ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".mp4": "video/mp4",
    ".mov": "video/quicktime",
}
_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="spk" DATE="2000-01-01T00:00:00+00:00" FORMAT="3.0" VERSION="3.0" \
xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" \
xsi:noNamespaceSchemaLocation="http://www.mpi.nl/tools/elan/EAFv3.0.xsd">
    <HEADER MEDIA_FILE="" TIME_UNITS="milliseconds">
"""  # the date is fixed, so that the same turns are the same file
_TAIL = """    <LINGUISTIC_TYPE GRAPHIC_REFERENCES="false" LINGUISTIC_TYPE_ID="turns" TIME_ALIGNABLE="true"/>
</ANNOTATION_DOCUMENT>
"""


def read_eaf(path: str | Path) -> dict[str, Timeline]:
    """The turns of a document, under the file's name.

    Raises:
        FormatError: the file cannot be read, is no such document, or defines entities.
    """
    source = printable(path)
    document = _Document(source)
    with opened(path) as file:
        while chunk := file.read(_CHUNK):
            document.feed(chunk)
        document.feed(b"", last=True)
    tiers = [Tier(tier.name, list(document.marks(tier))) for tier in document.tiers]
    return {Path(path).stem: Timeline(turns_of(tiers, source, named=True))}


def write_eaf(turns: Timeline, recording: str, duration: float | None = None) -> str:
    """A document with a tier for each speaker, and another one where somebody overlaps himself.

    ``recording`` is what ELAN looks for in the document's folder.
    """
    del duration  # ELAN asks the recording itself
    kind = _MIME.get(PurePath(recording).suffix.lower(), "audio/x-wav")
    media = quoteattr("./" + escaped(re.split(r"[/\\\\]", recording)[-1]))
    rows = lay_out(turns, 3)
    times = [round(time * 1000) for _, row in rows for turn in row for time in (turn.start, turn.end)]
    order = sorted(range(len(times)), key=times.__getitem__)  # ELAN wants the slots by time
    numbers = {at: number for number, at in enumerate(order, start=1)}
    slots = [
        f'        <TIME_SLOT TIME_SLOT_ID="ts{number}" TIME_VALUE="{times[at]}"/>\n'
        for number, at in enumerate(order, start=1)
    ]
    tiers: list[str] = []
    ids: set[str] = set()
    names: set[str] = set()
    edges = count()
    for label, row in rows:
        name = _unused(escaped(label), "{} ({})", names)
        participant = "" if name == escaped(label) else f" PARTICIPANT={quoteattr(escaped(label))}"
        tiers.append(f'    <TIER LINGUISTIC_TYPE_REF="turns"{participant} TIER_ID={quoteattr(name)}>\n')
        for turn in row:
            start, end = numbers[next(edges)], numbers[next(edges)]
            known = turn.id if turn.id and _NAME.fullmatch(turn.id) else f"a{start}"
            tiers.append(
                "        <ANNOTATION>\n            <ALIGNABLE_ANNOTATION "
                f'ANNOTATION_ID="{_unused(known, "{}_{}", ids)}" '
                f'TIME_SLOT_REF1="ts{start}" TIME_SLOT_REF2="ts{end}">\n'
                f"                <ANNOTATION_VALUE>{escape(mark(turn))}</ANNOTATION_VALUE>\n"
                "            </ALIGNABLE_ANNOTATION>\n        </ANNOTATION>\n"
            )
        tiers.append("    </TIER>\n")
    header = (
        f'        <MEDIA_DESCRIPTOR MEDIA_URL={media} MIME_TYPE="{kind}" RELATIVE_MEDIA_URL={media}/>\n'
        f'        <PROPERTY NAME="lastUsedAnnotationId">{len(slots)}</PROPERTY>\n'
        "    </HEADER>\n"
    )
    return "".join((_HEAD, header, "    <TIME_ORDER>\n", *slots, "    </TIME_ORDER>\n", *tiers, _TAIL))


def _unused(name: str, pattern: str, taken: set[str]) -> str:
    """The name, or with a number as the pattern says, so that no two are alike."""
    number, new = 1, name
    while new in taken:
        number += 1
        new = pattern.format(name, number)
    taken.add(new)
    return new


@dataclass(frozen=True, slots=True)
class _Annotation:
    """An annotation before its slots are looked up."""

    start: str
    end: str
    id: str
    text: str
    line: int


@dataclass(frozen=True)
class _Tier:
    """A tier while it is read."""

    name: str
    annotations: list[_Annotation] = field(default_factory=list)


class _Document:
    """What matters of a document, gathered while the parser goes through it."""

    def __init__(self, source: str) -> None:
        self.tiers: list[_Tier] = []
        self._source, self._slots = source, dict[str, float | None]()
        self._tier: _Tier | None = None
        self._annotation: dict[str, str] | None = None
        self._text: list[str] | None = None
        self._line = 0
        self._root = False
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.EntityDeclHandler = self._entity

    def feed(self, data: bytes, *, last: bool = False) -> None:
        """Read on."""
        try:
            self._parser.Parse(data, last)
        except expat.ExpatError as error:
            reason = f"is no XML ({expat.ErrorString(error.code)}): was it saved whole?"
            raise FormatError(self._source, reason, error.lineno) from None
        except (ValueError, LookupError) as error:  # an encoding that Python does not know
            raise FormatError(self._source, f"cannot be read ({error}): save it as UTF-8", 1) from None

    def marks(self, tier: _Tier) -> Iterator[Mark]:
        """The intervals of a tier, in its order."""
        times = self._times(tier.annotations)
        for one, (start, end) in zip(tier.annotations, times, strict=True):
            yield Mark(start, end, one.text, one.id, one.line)

    def _times(self, annotations: list[_Annotation]) -> Iterator[tuple[float, float]]:
        """Start and end of each; slots without a time lie evenly between those around them."""
        waiting: list[_Annotation] = []
        for one in annotations:
            if waiting and waiting[-1].end != one.start:
                self._wrong(f"time slot {waiting[-1].end} has no time, and none follows it", waiting[-1].line)
            waiting.append(one)
            if self._time(one.end, one.line) is not None:
                yield from self._spread(waiting)
                waiting = []
        if waiting:
            self._wrong(f"time slot {waiting[-1].end} has no time, and none follows it", waiting[-1].line)

    def _spread(self, chain: list[_Annotation]) -> Iterator[tuple[float, float]]:
        first, last = self._time(chain[0].start, chain[0].line), self._time(chain[-1].end, chain[-1].line)
        if first is None or last is None:
            self._wrong(f"time slot {chain[0].start} has no time, and none comes before it", chain[0].line)
        step = (last - first) / len(chain)
        for number in range(len(chain)):
            end = last if number + 1 == len(chain) else first + step * (number + 1)
            yield first + step * number, end

    def _time(self, slot: str, line: int) -> float | None:
        if slot not in self._slots:
            self._wrong(f'there is no time slot "{printable(slot)}": a slot is listed before the tiers', line)
        return self._slots[slot]

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        line = self._parser.CurrentLineNumber
        if not self._root:
            if name != "ANNOTATION_DOCUMENT":
                self._wrong(f"is no document of ELAN: it begins with <{printable(name)}>", line)
            self._root = True
        elif name == "TIME_SLOT":
            self._slots[attributes.get("TIME_SLOT_ID", "")] = self._milliseconds(attributes.get("TIME_VALUE"), line)
        elif name == "TIER" and "PARENT_REF" not in attributes:
            self._tier = _Tier(attributes.get("PARTICIPANT", "").strip() or attributes.get("TIER_ID", ""))
            self.tiers.append(self._tier)
        elif name == "ALIGNABLE_ANNOTATION" and self._tier:
            self._annotation, self._line, self._text = attributes, line, []
        elif name == "ANNOTATION_VALUE" and self._annotation is not None:
            self._text = []

    def _end(self, name: str) -> None:
        if name == "TIER":
            self._tier = None
        elif name == "ALIGNABLE_ANNOTATION" and self._annotation is not None and self._tier:
            start, end, id_ = (self._annotation.get(key, "") for key in _REFERENCES)
            self._tier.annotations.append(_Annotation(start, end, id_, "".join(self._text or ()), self._line))
            self._annotation = self._text = None

    def _characters(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)

    def _entity(self, name: str, *_: object) -> None:
        reason = f'defines the entity "{printable(name)}", which no file of turns needs: remove the DOCTYPE'
        self._wrong(reason, self._parser.CurrentLineNumber)

    def _milliseconds(self, value: str | None, line: int) -> float | None:
        if value is None:
            return None
        if not re.fullmatch(r"-?[0-9]{1,15}", value.strip()):
            self._wrong(f'"{printable(value)}" is no time: a slot is in whole milliseconds', line)
        return int(value) / 1000

    def _wrong(self, reason: str, line: int) -> NoReturn:
        raise FormatError(self._source, reason, line)
