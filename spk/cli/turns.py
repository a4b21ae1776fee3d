"""How commands write turns; `spk import`: a file of turns in another format."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spk.cli.common import check_output, json_line, say, write_output
from spk.cli.options import AsJson, Output, Quiet, Recording
from spk.errors import InputError

if TYPE_CHECKING:
    from spk.messages.diarization import Diarized
    from spk.messages.identification import Identified
    from spk.timeline import Timeline

__all__ = ["FORMATS", "Format", "check_format", "import_turns", "turns_of", "turns_text"]


class Format(StrEnum):
    """How turns are printed: `spk.formats.turns.TurnFormat`, which takes longer to load, and text for people."""

    TEXT = "text"
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


FORMATS = "text, rttm, json, csv, tsv, audacity, textgrid, eaf, labelstudio, vtt, srt"
_TABLES = {Format.CSV, Format.TSV}
_SEVERAL = {Format.TEXT, Format.RTTM, Format.JSON, *_TABLES}


def check_format(form: Format, recordings: Sequence[object], advice: str = "write each to its own file") -> None:
    """Find out before any work whether one result can hold so many recordings.

    Raises:
        InputError: it cannot.
    """
    if len(recordings) > 1 and form not in _SEVERAL:
        raise InputError(f"--format {form} holds one recording, not {len(recordings)}: {advice}")


def turns_of(found: Identified | Diarized) -> Timeline:
    """The turns of a recording, under the names of those who were recognised; the others keep their labels."""
    from spk.timeline import Segment, Timeline, Turn

    voices = getattr(found, "speakers", ())
    names = {voice.label: voice.name or voice.stranger or voice.label for voice in voices}
    return Timeline(
        Turn(Segment(turn.start, turn.end), names.get(turn.label, turn.label), turn.id) for turn in found.turns
    )


def turns_text(
    turns: Timeline, form: Format, recording: Path | str, *, duration: float | None = None, first: bool = True
) -> str:
    """The turns of one recording as text; what follows others in one table has no header.

    Args:
        turns: who speaks when.
        form: how to write it.
        recording: its file, or its name.
        duration: its length in seconds, if known.
        first: whether it is the first of the output.
    """
    from spk.formats.records import diarization
    from spk.formats.text import format_turns
    from spk.formats.turns import TurnFormat, write_turns

    if form is Format.TEXT:
        return format_turns(turns)
    if form is Format.JSON:
        return json_line(diarization(turns, recording=str(recording), duration=duration)) + "\n"
    if isinstance(recording, Path):  # ELAN and Label Studio look for the file itself
        recording = recording.name if form in (Format.EAF, Format.LABEL_STUDIO) else recording.stem
    text = write_turns(turns, TurnFormat(form.value), recording=recording, duration=duration)
    return text.partition("\n")[2] if form in _TABLES and not first else text


def import_turns(
    file: Annotated[Path, typer.Argument(metavar="FILE", readable=False, help="A file of turns.", show_default=False)],
    *,
    form: Annotated[
        Format,
        typer.Option("--format", metavar="FORMAT", help=f"How turns are written: {FORMATS}; rttm.", show_default=False),
    ] = Format.RTTM,
    output: Output = None,
    recording: Recording = None,
    duration: Annotated[
        float | None,
        typer.Option("--duration", metavar="SECONDS", min=0, help="How long the recording is.", show_default=False),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Check turns, and write them in another format.

    What it is written in is seen from its name and how it begins: RTTM, Audacity labels, TextGrid, EAF, Label Studio,
    CSV, TSV, WebVTT, SRT or JSON. Where it says of no recording, --recording names it.

    Example: spk import corrected.TextGrid --recording meeting -o meeting.rttm
    """
    from spk.formats.turns import read_recordings, read_turns
    from spk.timeline import Timeline, with_ids

    del quiet  # nothing but the result is printed
    if duration == float("inf"):
        raise InputError("--duration: no recording lasts for ever: write seconds, as in 41.5")
    form = Format.JSON if as_json else form
    check_output(output, [file])
    found = {recording: read_turns(file, recording=recording)} if recording else read_recordings(file)
    found = found or {file.stem: Timeline()}  # also nobody's turns are a file of the format
    check_format(form, list(found), "say which with --recording NAME")
    texts: list[str] = []
    for name, turns in found.items():
        if duration is not None and turns.end > duration + 0.1:
            raise InputError(f"{file}: the last turn ends at {turns.end:.2f} s, and --duration is {duration:g}")
        texts.append(turns_text(with_ids(turns), form, name, duration=duration, first=not texts))
    if output is None:
        say("".join(texts), nl=False)
    else:
        write_output(output, "".join(texts))
