"""`spk recordings`: what was heard in recordings, and whose the voices are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spk.cli.common import check_output, print_json, print_table, say, workbench, write_output
from spk.cli.options import PLAIN, AsJson, GalleryName, Home, Output, Quiet, complete_speaker
from spk.cli.outcomes import Apply, DryRun, LearnAnyway, tell
from spk.cli.turns import FORMATS, Format, turns_text
from spk.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from spk.config import Workbench
    from spk.store.heard import HeardTurn, HeardVoice, Hearing

__all__ = ["app"]

app = typer.Typer(**PLAIN, help="What was heard in recordings.")

Which = Annotated[
    str,
    typer.Argument(
        metavar="RECORDING",
        help="As it was named when it was identified, its file name alone, or digits of an id.",
        show_default=False,
    ),
]


@app.command("list")
def list_recordings(
    *, gallery: GalleryName = None, home: Home = None, as_json: AsJson = False, quiet: Quiet = False
) -> None:
    """Every recording that was identified.

    Example: spk recordings list
    """
    with workbench(home=home, gallery=gallery) as bench:
        found, people = bench.store.hearings(bench.gallery), _people(bench)
    if as_json:
        for hearing in found:
            print_json(_described(hearing, people))
    elif found:
        print_table(
            ("recording", "id", "heard", "length", "voices", "who"),
            (
                (
                    hearing.recording.source,
                    hearing.id.hex[:8],
                    f"{hearing.created.astimezone():%Y-%m-%d %H:%M}",
                    f"{hearing.recording.duration:.1f} s",
                    len(hearing.voices),
                    ", ".join(dict.fromkeys(_who(voice, people) for voice in hearing.voices)),
                )
                for hearing in found
            ),
        )
    elif not quiet:
        say(f"nothing is kept of any recording in the gallery {bench.gallery.name}")


@app.command()
def show(
    which: Which,
    *,
    form: Annotated[
        Format | None,
        typer.Option("--format", metavar="FORMAT", help=f"Write the turns alone: {FORMATS}.", show_default=False),
    ] = None,
    output: Output = None,
    gallery: GalleryName = None,
    home: Home = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """The voices of a recording, and the turns.

    With --format, the turns as they are labelled now: to be corrected in another program, and brought back with
    spk apply.

    Example: spk recordings show meeting.wav --format textgrid -o meeting.TextGrid
    """
    if output is not None and form is None:
        raise InputError("--output needs --format: add --format rttm, or another")
    check_output(output)
    with workbench(home=home, gallery=gallery) as bench:
        hearing = bench.store.hearing(bench.gallery, which)
        turns, people = bench.store.turns(hearing), _people(bench)
    if form is not None:
        text = _text(hearing, turns, people, form)
        if output is not None:
            write_output(output, text)
        else:
            say(text, nl=False)
        return
    names = {voice.label: _label(voice, people) for voice in hearing.voices}
    if as_json:
        rows = [
            {
                "id": turn.id,
                "start": turn.segment.start,
                "end": turn.segment.end,
                "label": turn.label,
                "who": names[turn.label] if names[turn.label] != turn.label else None,
                "touched": turn.touched,
            }
            for turn in turns
        ]
        print_json({**_described(hearing, people), "turns": rows})
        return
    if not quiet:
        about = f"{hearing.recording.duration:.1f} s, heard {hearing.created.astimezone():%Y-%m-%d %H:%M}"
        say(f"{hearing.recording.source}  {about}{', corrected' if hearing.corrected else ''}")
    print_table(
        ("voice", "speech", "verdict", "who", "llr", "said by"),
        (
            (
                voice.label,
                f"{voice.net_seconds:.1f} s",
                voice.said.verdict,
                _who(voice, people),
                "-" if voice.said.llr is None else f"{voice.said.llr:+.1f}",
                voice.said.said_by.value,
            )
            for voice in hearing.voices
        ),
    )
    say()
    print_table(
        ("turn", "from", "to", "who"),
        ((turn.id, f"{turn.segment.start:.2f}", f"{turn.segment.end:.2f}", names[turn.label]) for turn in turns),
    )


@app.command()
def label(
    which: Which,
    voice: Annotated[str, typer.Argument(metavar="VOICE", help="Its label, SPEAKER_01 say.", show_default=False)],
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="Whose it is, new or known; - for nobody's.",
            show_default=False,
            autocompletion=complete_speaker,
        ),
    ] = None,
    *,
    nobody: Annotated[bool, typer.Option("--nobody", help="It is nobody's who is to be known.")] = False,
    force: LearnAnyway = False,
    yes: Apply = False,
    dry_run: DryRun = False,
    gallery: GalleryName = None,
    home: Home = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Say whose a voice is.

    Only what would change is shown, unless you add --yes. All recordings are judged again.

    Example: spk recordings label meeting.wav SPEAKER_01 bob --yes
    """
    nobody = nobody or name == "-"
    if (name in (None, "-")) != nobody:
        raise InputError("say whose the voice is: give one NAME, or --nobody")
    looking = dry_run or not yes
    with workbench(home=home, gallery=gallery) as bench:
        hearing = bench.store.hearing(bench.gallery, which)
        done = bench.corrections(dry_run=looking).say(hearing, [voice], None if nobody else name, force=force)
    whose = "nobody's" if nobody else f"{done.speakers[0].label}'s"
    said = f"{voice} of {hearing.recording.source} is {whose}"
    tell(done, said, dry_run=looking, as_json=as_json, quiet=quiet, preview=True)


@app.command()
def relabel(
    *,
    yes: Apply = False,
    dry_run: DryRun = False,
    gallery: GalleryName = None,
    home: Home = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Judge all recordings again.

    By the gallery and the calibration as they are now; what people said stays. Only what would change is shown, unless
    you add --yes.

    Example: spk recordings relabel --yes
    """
    looking = dry_run or not yes
    with workbench(home=home, gallery=gallery) as bench:
        done = bench.corrections(dry_run=looking).again()
    count = f"{len(done.labels)} {'label' if len(done.labels) == 1 else 'labels'}"
    said = f"{done.recordings} recordings judged again: {count} {'would change' if looking else 'changed'}"
    tell(done, said, dry_run=looking, as_json=as_json, quiet=quiet, preview=True)


@app.command()
def forget(
    which: Which,
    *,
    dry_run: DryRun = False,
    gallery: GalleryName = None,
    home: Home = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Forget what was heard in a recording.

    Samples that people gave to somebody stay; strangers who were heard nowhere else are gone.

    Example: spk recordings forget meeting.wav
    """
    with workbench(home=home, gallery=gallery) as bench:
        hearing = bench.store.hearing(bench.gallery, which)
        done = bench.corrections(dry_run=dry_run).forget(hearing)
    tell(done, f"{hearing.recording.source} is forgotten", dry_run=dry_run, as_json=as_json, quiet=quiet)


def _people(bench: Workbench) -> dict[UUID, str]:
    return {person.id: person.label for person in bench.store.speakers(bench.gallery)}


def _label(voice: HeardVoice, people: Mapping[UUID, str]) -> str:
    """Who it is, or else the voice's own label."""
    return people.get(voice.said.speaker, voice.label) if voice.said.speaker else voice.label


def _who(voice: HeardVoice, people: Mapping[UUID, str]) -> str:
    return people.get(voice.said.speaker, "?") if voice.said.speaker else "?"


def _text(hearing: Hearing, turns: list[HeardTurn], people: Mapping[UUID, str], form: Format) -> str:
    from spk.timeline import Timeline, Turn

    names = {voice.label: _label(voice, people) for voice in hearing.voices}
    timeline = Timeline(Turn(turn.segment, names[turn.label], turn.id) for turn in turns)
    source = hearing.recording.source
    return turns_text(timeline, form, Path(source), duration=hearing.recording.duration)


def _described(hearing: Hearing, people: Mapping[UUID, str]) -> dict[str, Any]:
    return {
        "recording": hearing.recording.source,
        "hearing": str(hearing.id),
        "sha256": hearing.recording.sha256,
        "duration": round(hearing.recording.duration, 3),
        "heard": hearing.created.isoformat(),
        "corrected": hearing.corrected,
        "voices": [_voice(voice, people) for voice in hearing.voices],
    }


def _voice(voice: HeardVoice, people: Mapping[UUID, str]) -> dict[str, Any]:
    said = voice.said
    return {
        "label": voice.label,
        "net_speech": round(voice.net_seconds, 3),
        "verdict": said.verdict,
        "said_by": said.said_by.value,
        "who": people.get(said.speaker) if said.speaker else None,
        "speaker_id": str(said.speaker) if said.speaker else None,
        "candidate": people.get(said.candidate) if said.candidate else None,
        "score": said.score,
        "llr": said.llr,
        "margin": said.margin,
        "probability": said.probability,
        "false_alarm": said.false_alarm,
        "mixed": voice.mixed,
        "sample_id": None if voice.sample is None else str(voice.sample),
    }
