"""`spk unknowns`: strangers who await review."""

from __future__ import annotations

import shutil
import subprocess
import sys
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Annotated

import typer

from spk.cli.common import desk, print_json, print_table, say
from spk.cli.options import PLAIN, AsJson, GalleryName, Home, Quiet, Server, complete_speaker
from spk.cli.outcomes import Apply, DryRun, LearnAnyway, held_line, many, tell
from spk.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spk.client import Client
    from spk.desk import Desk
    from spk.messages.unknowns import Likeness, Queue, UnknownDetail

__all__ = ["app"]

app = typer.Typer(**PLAIN, help="Strangers who await review.")
PLAYERS = (("ffplay", "-nodisp", "-autoexit", "-loglevel", "error"), ("paplay",))


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
    *,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="The first N alone.", show_default=False)
    ] = None,
    gallery: GalleryName = None,
    home: Home = None,
    server: Server = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Whom to ask about first, and what helps.

    Ordered by what one answer would label: minutes of speech, then recordings, then who was heard last. Below are
    voices that a person gave to somebody whose profile did not learn from them.

    Example: spk unknowns list --limit 10
    """
    with desk(home=home, gallery=gallery, server=server) as ask:
        queue = ask.unknowns.list(limit=limit)
    if as_json:
        for one in (*queue.items, *queue.held):
            print_json(one.to_json())
        return
    _show_queue(queue, quiet=quiet)


def _show_queue(queue: Queue, *, quiet: bool) -> None:
    if not queue.items and not quiet:
        say(f"no stranger awaits review in the gallery {queue.gallery}")
    if queue.items:
        print_table(
            ("name", "speech", "recordings", "last heard", "nearest", "may also be", "note"),
            (
                (
                    one.name,
                    f"{one.net_speech:.1f} s",
                    one.recordings,
                    f"{one.last_heard.astimezone():%Y-%m-%d}",
                    _likeness(one.nearest[:1]),
                    ", ".join(other.name for other in one.merge),
                    "two voices?" if one.two_voices else "",
                )
                for one in queue.items
            ),
        )
    if queue.people > len(queue.items) and not quiet:
        say(f"... and {queue.people - len(queue.items)} more")
    if queue.items and queue.held:
        say()
    for held in queue.held:
        say(held_line(held))


def _likeness(some: Sequence[Likeness]) -> str:
    return ", ".join(f"{one.name} (LLR {one.llr:+.1f})" for one in some)


@app.command()
def show(
    which: Which,
    *,
    gallery: GalleryName = None,
    home: Home = None,
    server: Server = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """One stranger, and the recordings heard in.

    Example: spk unknowns show unknown-7f3a
    """
    with desk(home=home, gallery=gallery, server=server) as ask:
        one = ask.unknowns.show(which)
    if as_json:
        print_json(one.to_json())
        return
    if not quiet:
        _about(one)
    print_table(
        ("recording", "voice", "speech", "sample", "when"),
        (
            (
                heard.recording,
                heard.voice or "-",
                f"{heard.net_speech:.1f} s",
                "-" if heard.sample_id is None else heard.sample_id.hex[:8],
                _times(heard.turns),
            )
            for heard in one.heard
        ),
    )


def _about(one: UnknownDetail) -> None:
    where = many(one.recordings, "recording")
    say(f"{one.name}  {one.net_speech:.1f} s of speech in {where}, {many(len(one.clips), 'clip')} kept")
    say(f"id {one.speaker_id}, last heard {one.last_heard.astimezone():%Y-%m-%d %H:%M}")
    if one.nearest:
        say(f"nearest: {_likeness(one.nearest)}")
    if one.merge:
        say(f"may be the same person: {_likeness(one.merge)}")
    if one.two_voices is not None:
        first, second = one.two_voices.net_speech
        say(f"may be two people, of {first:.1f} s and {second:.1f} s (LLR {one.two_voices.llr:+.1f})")


def _times(turns: Sequence[Sequence[float]], most: int = 3) -> str:
    """When somebody speaks: the first times.

    >>> _times([[0.0, 2.5], [61.2, 65.0]])
    '0:00-0:02, 1:01-1:05'
    """
    shown = ", ".join("-".join(f"{int(time) // 60}:{int(time) % 60:02d}" for time in turn) for turn in turns[:most])
    return shown if len(turns) <= most else f"{shown} and {len(turns) - most} more"


@app.command()
def play(
    which: Which,
    *,
    gallery: GalleryName = None,
    home: Home = None,
    server: Server = None,
    as_json: AsJson = False,
    quiet: Quiet = False,  # noqa: ARG001 - every command takes it; this one prints nothing but results
) -> None:
    """Play the clips, or print where they lie.

    In a terminal they are played with ffplay or paplay, where there is one.

    Example: spk unknowns play unknown-7f3a
    """
    with desk(home=home, gallery=gallery, server=server) as ask:
        kept = ask.unknowns.clips(which)
        if not kept.clips:
            raise NotFoundError(
                f"{kept.name}: no audio is kept, or no longer (keep_audio, keep_audio_days): "
                "listen to the recordings of `spk unknowns show`"
            )
        if as_json:
            print_json(kept.to_json())
            return
        player = next((player for player in PLAYERS if shutil.which(player[0])), None) if sys.stdout.isatty() else None
        for clip in kept.clips:
            say(clip)
            if player is not None:
                _play(player, clip, ask, which)


def _play(player: Sequence[str], clip: str, ask: Desk | Client, which: str) -> None:
    """Play a clip; of a server, as a file that is gone afterwards."""
    from spk.client import Client

    with NamedTemporaryFile(suffix=".flac") as file:
        if isinstance(ask, Client):
            file.write(ask.unknowns.audio(which, clip.rpartition("/")[2]))
            file.flush()
            clip = file.name
        subprocess.run([*player, clip], check=False)  # noqa: S603 - a player, and a file of ours


@app.command()
def name(
    which: Which,
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="Who it is.", show_default=False, autocompletion=complete_speaker),
    ],
    *,
    force: LearnAnyway = False,
    dry_run: DryRun = False,
    gallery: GalleryName = None,
    home: Home = None,
    server: Server = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Say who a stranger is.

    The name of somebody who is enrolled already merges the two; what sounds unlike the rest of that person's speech is
    held for review. All recordings are judged again.

    Example: spk unknowns name unknown-7f3a bob
    """
    with desk(home=home, gallery=gallery, server=server) as ask:
        label = ask.unknowns.clips(which).name
        done = ask.unknowns.name(which, name, force=force, dry_run=dry_run)
    tell(done, f"{label} is {done.speakers[0].label}", dry_run=dry_run, as_json=as_json, quiet=quiet)


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
    force: LearnAnyway = False,
    dry_run: DryRun = False,
    gallery: GalleryName = None,
    home: Home = None,
    server: Server = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make a stranger and another entry one person.

    Example: spk unknowns merge unknown-7f3a unknown-02c1
    """
    with desk(home=home, gallery=gallery, server=server) as ask:
        label = ask.unknowns.clips(which).name
        done = ask.unknowns.merge(which, into, force=force, dry_run=dry_run)
    said = f"{label} is merged into {done.speakers[0].label}"
    tell(done, said, dry_run=dry_run, as_json=as_json, quiet=quiet)


@app.command()
def split(
    which: Which,
    *,
    samples: Annotated[
        list[str] | None,
        typer.Option(
            "--samples",
            metavar="ID,ID",
            help="Whose samples these are shall be another; those of the second voice that is heard, if none is given.",
            show_default=False,
        ),
    ] = None,
    yes: Apply = False,
    dry_run: DryRun = False,
    gallery: GalleryName = None,
    home: Home = None,
    server: Server = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make two strangers of one.

    Only what would change is shown, unless you add --yes.

    Example: spk unknowns split unknown-7f3a --samples 5e1f02ab,91c2 --yes
    """
    looking = dry_run or not yes
    apart = [one for some in samples or [] for one in some.split(",")]
    with desk(home=home, gallery=gallery, server=server) as ask:
        if not apart and (suspicion := ask.unknowns.show(which).two_voices) is not None:
            apart = [str(sample) for sample in suspicion.samples]
        done = ask.unknowns.split(which, apart, dry_run=looking)
    first, second = done.speakers
    parted = f"{many(len(apart), 'sample')} of {first.label}"
    said = f"{parted} would be somebody else's" if looking else f"{parted} moved to {second.label}"
    tell(done, said, dry_run=looking, as_json=as_json, quiet=quiet, preview=True)


@app.command()
def discard(
    which: Which,
    *,
    dry_run: DryRun = False,
    gallery: GalleryName = None,
    home: Home = None,
    server: Server = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Say that a stranger is nobody.

    Noise, a mixture, not worth keeping: the voices are nobody's for good. To erase a stranger who is somebody, use
    spk speakers erase.

    Example: spk unknowns discard unknown-7f3a
    """
    with desk(home=home, gallery=gallery, server=server) as ask:
        label = ask.unknowns.clips(which).name
        done = ask.unknowns.discard(which, dry_run=dry_run)
    tell(done, f"{label} is discarded", dry_run=dry_run, as_json=as_json, quiet=quiet)


@app.command()
def never(
    which: Which,
    *,
    dry_run: DryRun = False,
    gallery: GalleryName = None,
    home: Home = None,
    server: Server = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Say that a stranger is not to be enrolled.

    They are recognised wherever they are heard again, and not asked about any more.

    Example: spk unknowns never unknown-7f3a
    """
    with desk(home=home, gallery=gallery, server=server) as ask:
        label = ask.unknowns.clips(which).name
        done = ask.unknowns.never(which, dry_run=dry_run)
    tell(done, f"{label} is not asked about any more", dry_run=dry_run, as_json=as_json, quiet=quiet)
