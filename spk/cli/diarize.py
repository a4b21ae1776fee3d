"""`spk diarize`: who speaks when."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spk.cli.common import Batch, check_output, say, workbench, write_output
from spk.cli.options import AsJson, Files, GalleryName, Home, Output, Quiet, Threads
from spk.cli.turns import FORMATS, Format, check_format, turns_text
from spk.errors import InputError

if TYPE_CHECKING:
    from spk.config import Workbench
    from spk.diarize import Diarization, SpeakerCount

__all__ = ["ChannelMode", "diarize", "speaker_count"]


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


def speaker_count(
    speakers: int | None, least: int | None, most: int | None, channels: ChannelMode = ChannelMode.MIX
) -> SpeakerCount:
    """What the options say together.

    Raises:
        InputError: they contradict each other.
    """
    from spk.diarize import SpeakerCount

    given = [number for number in (speakers, least, most) if number is not None]
    if given and channels is ChannelMode.SPLIT:
        raise InputError("--channels split says how many people there are, one a channel: give no other number")
    if any(number < 1 for number in given):
        raise InputError(f"there cannot be {min(given)} speakers: give at least 1")
    if speakers is None:
        return SpeakerCount(least or 1, most)
    if least is not None or most is not None:
        raise InputError("--speakers says it all: leave out --min-speakers and --max-speakers")
    return SpeakerCount.exactly(speakers)


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
    threads: Threads = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Find who speaks when.

    Nobody needs to be enrolled: people are SPEAKER_00, SPEAKER_01 and so on. Two people at once are two turns.

    Example: spk diarize meeting.wav -o meeting.rttm
    """
    count = speaker_count(speakers, min_speakers, max_speakers, channels)
    form = Format.JSON if as_json else form
    check_format(form, files)
    check_output(output, files)
    from spk.timeline import with_ids

    batch, written = Batch(), list[str]()
    with workbench(home=home, gallery=gallery, threads=threads, quiet=quiet) as bench:

        def one(path: Path) -> None:
            found, duration = _diarized(bench, path, channels, count)
            turns = with_ids(found.turns)
            written.append(turns_text(turns, form, path, duration=duration, first=not written))
            if output is None:
                say(written[-1], nl=False)

        batch.each(files, one, bench.progress)
    if output is not None and written:
        write_output(output, "".join(written))
    batch.finish()


def _diarized(bench: Workbench, path: Path, channels: ChannelMode, count: SpeakerCount) -> tuple[Diarization, float]:
    from spk.audio import load, load_channels
    from spk.diarize import diarize_channels
    from spk.errors import AudioError

    if channels is ChannelMode.SPLIT:
        several = load_channels(path)
        found, duration = diarize_channels(several, bench.vad), several[0].duration
    else:
        audio = load(path)
        found, duration = bench.diarizer(audio, count=count, progress=bench.progress), audio.duration
    if not found.turns:
        raise AudioError(path, "holds no speech: check the recording and its level")
    return found, duration
