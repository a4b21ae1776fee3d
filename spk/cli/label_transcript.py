"""`spk label-transcript`: who said which word of a transcript."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spk.cli.common import check_output, print_json, say, write_output
from spk.cli.options import AsJson, Output, Quiet, Recording
from spk.errors import InputError

if TYPE_CHECKING:
    from spk.formats.transcripts.transcript import Transcript

__all__ = ["label_transcript"]


class Written(StrEnum):
    """How a transcript is written."""

    JSON = "json"
    VTT = "vtt"
    SRT = "srt"
    TEXT = "text"
    CTM = "ctm"


def label_transcript(
    transcript: Annotated[
        Path,
        typer.Argument(
            metavar="TRANSCRIPT",
            readable=False,
            help="JSON of Whisper, WhisperX or whisper.cpp, WebVTT, SRT or CTM.",
            show_default=False,
        ),
    ],
    turns: Annotated[
        Path,
        typer.Argument(
            metavar="TURNS",
            readable=False,
            help="Who speaks when, as spk identify writes it.",
            show_default=False,
        ),
    ],
    *,
    output: Output = None,
    form: Annotated[
        Written | None,
        typer.Option(
            "--format",
            metavar="json|vtt|srt|text|ctm",
            help="How it is written, if not as it came.",
            show_default=False,
        ),
    ] = None,
    recording: Recording = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Put names on the words of a transcript.

    Lines are split where the speaker changes. JSON gets a "speaker" for words and segments.

    Example: spk label-transcript meeting.json meeting.rttm -o named.json
    """
    from spk.formats.transcripts.files import TranscriptFormat, read_transcript, write_transcript
    from spk.formats.transcripts.labelling import label
    from spk.formats.turns import read_turns

    if as_json and form not in (None, Written.JSON):
        raise InputError(f"--json and --format {form} contradict each other: leave out one of them")
    check_output(output, [transcript, turns])
    spoken = read_turns(turns, recording=recording)
    said = read_transcript(transcript, spoken.labels)
    named = label(said, spoken)
    words = [word for line in named.lines for word in line.words]
    if words and not any(word.speaker for word in words):
        raise InputError(f"{transcript}: nobody of {turns} speaks where it has words: are both of one recording?")
    wanted = TranscriptFormat.JSON if as_json else TranscriptFormat(form) if form else None
    text = write_transcript(named, wanted, recording=recording or transcript.stem)
    if output is None:
        _print(text)
        return
    write_output(output, text)
    if not quiet:
        say(f"{output}: {_summary(said, named)}")


def _print(text: str) -> None:
    """On standard output, JSON with only as many escapes as it needs."""
    try:
        text.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        if text.startswith(("{", "[")):
            print_json(json.loads(text))
            return
    say(text, nl=False)


def _summary(said: Transcript, named: Transcript) -> str:
    words = [word.speaker for line in named.lines for word in line.words]
    people = {speaker for speaker in words if speaker}
    known, lines = sum(speaker is not None for speaker in words), f"{len(said.lines)}, now {len(named.lines)}"
    return f"{known} of {len(words)} words have a speaker; speakers: {len(people)}; lines: {lines}"
