"""Files of turns of every kind, by one name for each kind: what a person corrects in another program comes back."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from spk.errors import FormatError
from spk.formats import audacity, captions, eaf, label_studio, records, rttm, tables, textgrid
from spk.formats.documents import read_records
from spk.formats.lines import printable, read_head
from spk.timeline import Timeline, Turn

__all__ = [
    "PRECISION",
    "TurnFormat",
    "by_ending",
    "guess",
    "read_recordings",
    "read_turns",
    "recording_name",
    "write_turns",
]


class TurnFormat(StrEnum):
    """What a file of turns is written in."""

    RTTM = "rttm"
    AUDACITY = "audacity"
    TEXTGRID = "textgrid"
    EAF = "eaf"
    LABEL_STUDIO = "labelstudio"
    CSV = "csv"
    TSV = "tsv"
    VTT = "vtt"
    SRT = "srt"
    JSON = "json"


@dataclass(frozen=True)
class _Kind:
    """How a format is read and written."""

    read: Callable[[Path], dict[str, Timeline]]
    write: Callable[[Timeline, str, float | None], str]
    precision: float


def _write_rttm(turns: Timeline, recording: str, duration: float | None) -> str:
    del duration  # RTTM holds turns alone
    return rttm.write_rttm(turns, recording)


_KINDS = {
    TurnFormat.RTTM: _Kind(rttm.read_rttm, _write_rttm, 0.001),
    TurnFormat.AUDACITY: _Kind(audacity.read_audacity, audacity.write_audacity, audacity.PRECISION),
    TurnFormat.TEXTGRID: _Kind(textgrid.read_textgrid, textgrid.write_textgrid, textgrid.PRECISION),
    TurnFormat.EAF: _Kind(eaf.read_eaf, eaf.write_eaf, eaf.PRECISION),
    TurnFormat.LABEL_STUDIO: _Kind(
        label_studio.read_label_studio, label_studio.write_label_studio, label_studio.PRECISION
    ),
    TurnFormat.CSV: _Kind(tables.read_table, tables.write_csv, tables.PRECISION),
    TurnFormat.TSV: _Kind(tables.read_table, tables.write_tsv, tables.PRECISION),
    TurnFormat.VTT: _Kind(captions.read_vtt, captions.write_vtt, captions.PRECISION),
    TurnFormat.SRT: _Kind(captions.read_srt, captions.write_srt, captions.PRECISION),
    TurnFormat.JSON: _Kind(records.read_json, records.write_json, records.PRECISION),
}
PRECISION = MappingProxyType({form: kind.precision for form, kind in _KINDS.items()})
"""To how many seconds each format writes times: up to half of it is lost, or all of it by a turn that is shorter."""


def read_recordings(path: str | Path, form: TurnFormat | None = None) -> dict[str, Timeline]:
    """The turns of every recording in a file, by its name without folder and ending.

    Formats that name no recording hold the turns of one, which gets the file's name. An id that several turns have,
    because one of them was copied, stays with the first.

    Args:
        path: the file.
        form: what it is written in; guessed if None.

    Raises:
        FormatError: the file cannot be read, or breaks its format.
    """
    path = Path(path)
    found: defaultdict[str, list[Turn]] = defaultdict(list)
    for name, turns in _KINDS[form or guess(path)].read(path).items():
        found[recording_name(name)] += turns
    return {name: _once(Timeline(turns)) for name, turns in found.items()}


def read_turns(path: str | Path, form: TurnFormat | None = None, *, recording: str | None = None) -> Timeline:
    """The turns of one recording in a file.

    Args:
        path: the file.
        form: what it is written in; guessed if None.
        recording: which one, by name or file; not needed where the file is about one only, under whatever name.

    Raises:
        FormatError: the file cannot be read, breaks its format, or is about several recordings of other names.
    """
    found = read_recordings(path, form)
    for name in [recording_name(recording), Path(recording).stem] if recording else []:
        if name in found:
            return found[name]
    if len(found) > 1:
        names = ", ".join(map(printable, list(found)[:5])) + (", ..." if len(found) > 5 else "")
        wanted = "say which one" if recording is None else f"{printable(recording)} is none of them"
        raise FormatError(printable(path), f"holds turns of {len(found)} recordings ({names}): {wanted}")
    return next(iter(found.values()), Timeline())


def write_turns(turns: Timeline, form: TurnFormat, *, recording: str, duration: float | None = None) -> str:
    """A file of turns, as text.

    Args:
        turns: who speaks when.
        form: what to write it in; ids of turns are written where it can hold them.
        recording: its file, or its name. EAF, JSON and Label Studio hold it as it is, RTTM and tables its name alone.
        duration: the recording's length in seconds, if known.

    Raises:
        FormatError: a name is empty.
    """
    if not recording or not all(turn.label for turn in turns):
        raise FormatError(form.value, "a turn needs a recording and a speaker, and one of the names is empty")
    name = recording if form in _FILES else recording_name(recording)
    return _KINDS[form].write(turns, name, duration)


def recording_name(name: str) -> str:
    r"""A recording's name without folders, and without the ending of a file of sound or video.

    >>> recording_name("/calls/monday.wav"), recording_name("C:\\calls\\a.b"), recording_name("monday")
    ('monday', 'a.b', 'monday')
    """
    last = re.split(r"[/\\]", name.rstrip("/\\"))[-1]
    return re.sub(rf"(?<=.)(\.({_SOUND}))+$", "", last, flags=re.IGNORECASE)


_FILES = {TurnFormat.EAF, TurnFormat.JSON, TurnFormat.LABEL_STUDIO}  # they hold a path, the others a name
_ENDINGS = {"rttm", "textgrid", "eaf", "csv", "tsv", "vtt", "srt"}  # .json and .txt may be several things
_BEGINNINGS = {
    TurnFormat.RTTM: r"(speaker|spkr-info) |;;",
    TurnFormat.TEXTGRID: r'[^\n]*"ooTextFile',
    TurnFormat.EAF: r"<(\?xml|annotation_document)\b",
    TurnFormat.VTT: r"webvtt\b",
    TurnFormat.SRT: r"([^\n]*\n)?[^\n]*-->",
    TurnFormat.AUDACITY: r"-?[0-9]+([.,][0-9]+)?\t-?[0-9]+([.,][0-9]+)?(\t|\s*$|\s*\n)",
    TurnFormat.TSV: r"[^\n]*\bstart[^\n]*\t|[^\n]*\t[^\n]*\bstart",
    TurnFormat.CSV: r"[^\n]*\bstart[^\n]*[,;]|[^\n]*[,;][^\n]*\bstart",
}
_SOUND = "wav|wave|flac|mp[234]|ogg|oga|opus|m4a|aac|webm|mk[av]|mov|avi|aiff?|au|sph|amr|wma|ac3|3gp|w64|caf"


def by_ending(name: str) -> TurnFormat | None:
    """What a file of turns is written in, by the ending of its name; None where that may be several things.

    >>> by_ending("talk.TextGrid").value, by_ending("talk.json")
    ('textgrid', None)
    """
    ending = Path(name).suffix.lower().removeprefix(".")
    return TurnFormat(ending) if ending in _ENDINGS else None


def guess(path: str | Path) -> TurnFormat:
    """What a file of turns is written in, by its ending, or else by how it begins.

    Raises:
        FormatError: the file cannot be read, or looks like none.
    """
    path = Path(path)
    if form := by_ending(path.name):
        return form
    head = read_head(path).lstrip()
    if head.startswith(("{", "[")):
        with closing(read_records(path)) as documents:
            first = next(documents, None)
        if first is not None and "turns" not in first.fields and _is_transcript(first.fields):
            raise FormatError(printable(path), "is a transcript, not turns: spk label-transcript takes it")
        return TurnFormat.JSON if first is None or "turns" in first.fields else TurnFormat.LABEL_STUDIO
    for form, pattern in _BEGINNINGS.items():
        if re.match(pattern, head, re.IGNORECASE):
            return form
    known = ", ".join(sorted(_ENDINGS))
    reason = f"looks like no file of turns that spk knows: give it the ending of its kind ({known})"
    raise FormatError(printable(path), reason)


def _is_transcript(fields: Mapping[str, object]) -> bool:
    """Whether an object is a transcript's, as Whisper's family writes it, or a line of one."""
    entries = fields.get("segments", fields.get("transcription"))
    if isinstance(entries, list) and entries:  # of Label Studio's JSON-MIN it may be a list of texts
        return all(isinstance(entry, dict) and "text" in entry for entry in entries)
    return {"start", "end", "text"} <= fields.keys()


def _once(turns: Timeline) -> Timeline:
    seen: set[str | None] = set()
    kept = []
    for turn in turns:
        kept.append(replace(turn, id=None) if turn.id in seen else turn)
        seen.add(turn.id)
    return Timeline(kept)
