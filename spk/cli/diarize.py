"""`spk diarize`: who speaks when."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from spk.cli.common import Batch, check_output, desk, say, write_output
from spk.cli.options import AsJson, Files, GalleryName, Home, Output, Quiet, Server, Threads
from spk.cli.turns import FORMATS, Format, check_format, turns_of, turns_text

__all__ = ["ChannelMode", "Channels", "MaxSpeakers", "MinSpeakers", "Speakers", "diarize"]


class ChannelMode(StrEnum):
    """What the channels of a recording mean."""

    MIX = "mix"
    SPLIT = "split"


Speakers = Annotated[
    int | None,
    typer.Option("--speakers", metavar="NUMBER", help="How many people speak, if known.", show_default=False),
]
MinSpeakers = Annotated[
    int | None, typer.Option("--min-speakers", metavar="NUMBER", help="At least so many.", show_default=False)
]
MaxSpeakers = Annotated[
    int | None, typer.Option("--max-speakers", metavar="NUMBER", help="At most so many.", show_default=False)
]
Channels = Annotated[
    ChannelMode,
    typer.Option("--channels", metavar="mix|split", help="split: each channel holds one person.", show_default=False),
]


def diarize(
    files: Files,
    *,
    output: Output = None,
    form: Annotated[
        Format,
        typer.Option("--format", metavar="FORMAT", help=f"How turns are written: {FORMATS}; rttm.", show_default=False),
    ] = Format.RTTM,
    speakers: Speakers = None,
    min_speakers: MinSpeakers = None,
    max_speakers: MaxSpeakers = None,
    channels: Channels = ChannelMode.MIX,
    gallery: GalleryName = None,
    home: Home = None,
    server: Server = None,
    threads: Threads = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Find who speaks when.

    Nobody needs to be enrolled: people are SPEAKER_00, SPEAKER_01 and so on. Two people at once are two turns.

    Example: spk diarize meeting.wav -o meeting.rttm
    """
    from spk.desk.listening import check_voices

    voices: dict[str, Any] = {"channels": channels.value, "speakers": speakers}
    voices |= {"min_speakers": min_speakers, "max_speakers": max_speakers}
    check_voices(**voices)
    form = Format.JSON if as_json else form
    check_format(form, files)
    check_output(output, files)
    batch, written = Batch(), list[str]()
    with desk(home=home, gallery=gallery, server=server, threads=threads, quiet=quiet) as ask:

        def one(path: Path) -> None:
            found = ask.diarize(path, **voices)
            written.append(turns_text(turns_of(found), form, path, duration=found.duration, first=not written))
            if output is None:
                say(written[-1], nl=False)

        batch.each(files, one, ask.progress)
    if output is not None and written:
        write_output(output, "".join(written))
    batch.finish()
