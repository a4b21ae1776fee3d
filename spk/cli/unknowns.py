"""`spk unknowns`: strangers who await review."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from spk.cli import speakers
from spk.cli.common import print_json, say, workbench
from spk.cli.options import PLAIN, AsJson, GalleryName, Home, Quiet, complete_speaker
from spk.cli.speakers import list_people
from spk.errors import InputError, NotFoundError

if TYPE_CHECKING:
    from spk.config import Workbench
    from spk.store import Speaker

__all__ = ["app"]

app = typer.Typer(**PLAIN, help="Strangers who await review.")


def _complete(context: typer.Context, incomplete: str) -> list[str]:
    return [label for label in complete_speaker(context, incomplete) if label.startswith("unknown-")]


Which = Annotated[
    str,
    typer.Argument(
        metavar="WHICH", help="An unknown-xxxx label, or an id.", show_default=False, autocompletion=_complete
    ),
]


@app.command("list")
def list_unknowns(
    *, gallery: GalleryName = None, home: Home = None, as_json: AsJson = False, quiet: Quiet = False
) -> None:
    """Every stranger, with how much was heard.

    Example: spk unknowns list
    """
    from spk.store import SpeakerState

    with workbench(home=home, gallery=gallery) as bench:
        list_people(bench.store, bench.gallery, SpeakerState.UNKNOWN, as_json=as_json, quiet=quiet)


@app.command()
def show(
    which: Which,
    *,
    gallery: GalleryName = None,
    home: Home = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """One stranger, and the recordings heard in.

    Example: spk unknowns show unknown-7f3a
    """
    with workbench(home=home, gallery=gallery) as bench:
        label = _unknown(bench, which).label
    speakers.show(label, gallery=gallery, home=home, as_json=as_json, quiet=quiet)


@app.command("play-clip")
def play_clip(
    which: Which,
    *,
    gallery: GalleryName = None,
    home: Home = None,
    as_json: AsJson = False,
    quiet: Quiet = False,  # noqa: ARG001 - every command takes it; this one prints nothing but results
) -> None:
    """Print the paths of the clips to listen to.

    Example: spk unknowns play-clip unknown-7f3a
    """
    with workbench(home=home, gallery=gallery) as bench:
        speaker = _unknown(bench, which)
        clips = bench.store.clips(speaker)
    if not clips:
        raise NotFoundError(
            f"{speaker.label}: no audio is kept, or no longer (keep_audio, keep_audio_days): "
            "listen to the recordings of `spk unknowns show`"
        )
    if as_json:
        print_json({"name": speaker.label, "clips": [str(clip) for clip in clips]})
        return
    for clip in clips:
        say(str(clip))


@app.command()
def name(
    which: Which,
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="Who it is.", show_default=False, autocompletion=complete_speaker),
    ],
    *,
    gallery: GalleryName = None,
    home: Home = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Say who a stranger is.

    The name of somebody who is enrolled already merges the two.

    Example: spk unknowns name unknown-7f3a bob
    """
    with workbench(home=home, gallery=gallery) as bench:
        stranger = _unknown(bench, which)
        try:
            known = bench.store.speaker(bench.gallery, name)
        except NotFoundError:
            speaker = bench.store.rename(stranger, name)
        else:
            speaker = bench.store.merge(stranger, known)
    if as_json:
        print_json({"name": speaker.label, "speaker_id": str(speaker.id)})
    elif not quiet:
        say(f"{stranger.label} is {speaker.label}")


@app.command()
def merge(
    which: Which,
    into: Annotated[
        str,
        typer.Argument(
            metavar="INTO",
            help="Who takes over: another stranger, or a name.",
            show_default=False,
            autocompletion=complete_speaker,
        ),
    ],
    *,
    gallery: GalleryName = None,
    home: Home = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make a stranger and another entry one person.

    Example: spk unknowns merge unknown-7f3a unknown-02c1
    """
    with workbench(home=home, gallery=gallery) as bench:
        label = _unknown(bench, which).label
    speakers.merge(label, into, gallery=gallery, home=home, as_json=as_json, quiet=quiet)


@app.command()
def discard(
    which: Which,
    *,
    gallery: GalleryName = None,
    home: Home = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Forget a stranger.

    Voiceprints and clips are erased.

    Example: spk unknowns discard unknown-7f3a
    """
    with workbench(home=home, gallery=gallery) as bench:
        label = _unknown(bench, which).label
    speakers.delete(label, yes=True, gallery=gallery, home=home, as_json=as_json, quiet=quiet)


def _unknown(bench: Workbench, which: str) -> Speaker:
    speaker = bench.store.speaker(bench.gallery, which)
    if speaker.name is not None:
        raise InputError(f"{speaker.name} is no stranger: use `spk speakers`")
    return speaker
