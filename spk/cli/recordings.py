"""`spk recordings`: what was heard in recordings, and whose the voices are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spk.cli.common import check_output, desk, print_json, print_table, say, write_output
from spk.cli.options import PLAIN, AsJson, GalleryName, Home, Output, Quiet, Server, complete_speaker
from spk.cli.outcomes import Apply, DryRun, LearnAnyway, tell
from spk.cli.turns import FORMATS, Format, turns_text
from spk.errors import InputError

if TYPE_CHECKING:
    from spk.messages.recordings import RecordingDetail

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
    *,
    gallery: GalleryName = None,
    home: Home = None,
    server: Server = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Every recording that was identified.

    Example: spk recordings list
    """
    with desk(home=home, gallery=gallery, server=server) as ask:
        found = ask.recordings.list().items
    if as_json:
        for one in found:
            print_json(one.to_json())
    elif found:
        print_table(
            ("recording", "id", "heard", "length", "voices", "who"),
            (
                (
                    one.recording,
                    one.hearing.hex[:8],
                    f"{one.heard.astimezone():%Y-%m-%d %H:%M}",
                    f"{one.duration:.1f} s",
                    len(one.voices),
                    ", ".join(dict.fromkeys(voice.who or "?" for voice in one.voices)),
                )
                for one in found
            ),
        )
    elif not quiet:
        from spk.config import Settings

        name = Settings.read(home=home, gallery=gallery, server=server).gallery
        say(f"nothing is kept of any recording in the gallery {name}")


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
    server: Server = None,
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
    with desk(home=home, gallery=gallery, server=server) as ask:
        one = ask.recordings.show(which)
    if form is not None:
        text = _text(one, form)
        if output is not None:
            write_output(output, text)
        else:
            say(text, nl=False)
        return
    if as_json:
        print_json(one.to_json())
        return
    if not quiet:
        about = f"{one.duration:.1f} s, heard {one.heard.astimezone():%Y-%m-%d %H:%M}"
        say(f"{one.recording}  {about}{', corrected' if one.corrected else ''}")
    print_table(
        ("voice", "speech", "verdict", "who", "llr", "said by"),
        (
            (
                voice.label,
                f"{voice.net_speech:.1f} s",
                voice.verdict,
                voice.who or "?",
                "-" if voice.llr is None else f"{voice.llr:+.1f}",
                voice.said_by,
            )
            for voice in one.voices
        ),
    )
    say()
    print_table(
        ("turn", "from", "to", "who"),
        ((turn.id, f"{turn.start:.2f}", f"{turn.end:.2f}", turn.who or turn.label) for turn in one.turns),
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
    server: Server = None,
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
    with desk(home=home, gallery=gallery, server=server) as ask:
        recording = ask.recordings.show(which).recording
        done = ask.recordings.label(which, [voice], None if nobody else name, force=force, dry_run=looking)
    whose = "nobody's" if nobody else f"{done.speakers[0].label}'s"
    said = f"{voice} of {recording} is {whose}"
    tell(done, said, dry_run=looking, as_json=as_json, quiet=quiet, preview=True)


@app.command()
def relabel(
    *,
    yes: Apply = False,
    dry_run: DryRun = False,
    gallery: GalleryName = None,
    home: Home = None,
    server: Server = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Judge all recordings again.

    By the gallery and the calibration as they are now; what people said stays. Only what would change is shown, unless
    you add --yes.

    Example: spk recordings relabel --yes
    """
    looking = dry_run or not yes
    with desk(home=home, gallery=gallery, server=server) as ask:
        done = ask.recordings.relabel(dry_run=looking)
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
    server: Server = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Forget what was heard in a recording.

    Samples that people gave to somebody stay; strangers who were heard nowhere else are gone.

    Example: spk recordings forget meeting.wav
    """
    with desk(home=home, gallery=gallery, server=server) as ask:
        recording = ask.recordings.show(which).recording
        done = ask.recordings.forget(which, dry_run=dry_run)
    tell(done, f"{recording} is forgotten", dry_run=dry_run, as_json=as_json, quiet=quiet)


def _text(one: RecordingDetail, form: Format) -> str:
    from spk.timeline import Segment, Timeline, Turn

    turns = Timeline(Turn(Segment(turn.start, turn.end), turn.who or turn.label, turn.id) for turn in one.turns)
    return turns_text(turns, form, Path(one.recording), duration=one.duration)
