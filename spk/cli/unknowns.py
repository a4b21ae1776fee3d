"""`spk unknowns`: strangers who await review."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spk.cli.common import print_json, print_table, say, workbench
from spk.cli.options import PLAIN, AsJson, GalleryName, Home, Quiet, complete_speaker
from spk.cli.outcomes import Apply, DryRun, LearnAnyway, many, tell
from spk.errors import InputError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from spk.config import Workbench
    from spk.review.queue import Held, Likeness, Queue, Suspicion, Unknown
    from spk.store import Speaker

__all__ = ["app", "held_line"]

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
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Whom to ask about first, and what helps.

    Ordered by what one answer would label: minutes of speech, then recordings, then who was heard last. Below are
    voices that a person gave to somebody whose profile did not learn from them.

    Example: spk unknowns list --limit 10
    """
    from spk.review.queue import Queue

    with workbench(home=home, gallery=gallery) as bench:
        queue = Queue.of(bench.store, bench.gallery, bench.judge_of, limit=limit)
        clips = [bench.store.clips(one.speaker) for one in queue.unknowns] if as_json else []
    if as_json:
        for one, paths in zip(queue.unknowns, clips, strict=True):
            print_json({**one.to_json(), "clips": [str(path) for path in paths]})
        for held in queue.held:
            print_json(held.to_json())
        return
    _show_queue(queue, gallery=bench.gallery.name, quiet=quiet)


def _show_queue(queue: Queue, *, gallery: str, quiet: bool) -> None:
    if not queue.unknowns and not quiet:
        say(f"no stranger awaits review in the gallery {gallery}")
    if queue.unknowns:
        print_table(
            ("name", "speech", "recordings", "last heard", "nearest", "may also be", "note"),
            (
                (
                    one.speaker.label,
                    f"{one.seconds:.1f} s",
                    one.recordings,
                    f"{one.last_heard.astimezone():%Y-%m-%d}",
                    _likeness(one.nearest[:1]),
                    ", ".join(other.speaker.label for other in one.alike),
                    "two voices?" if one.suspicion else "",
                )
                for one in queue.unknowns
            ),
        )
    if queue.people > len(queue.unknowns) and not quiet:
        say(f"... and {queue.people - len(queue.unknowns)} more")
    if queue.unknowns and queue.held:
        say()
    for held in queue.held:
        say(held_line(held))


def held_line(held: Held) -> str:
    """A voice that a profile did not learn from, for people."""
    why = "seems to be two people's" if held.llr is None else f"is unlike the profile (LLR {held.llr:+.1f})"
    return f"{held.recording}  {held.voice}  ({held.seconds:.1f} s) is {held.speaker.label}'s, but {why}: not learnt"


def _likeness(some: Sequence[Likeness]) -> str:
    return ", ".join(f"{one.speaker.label} (LLR {one.llr:+.1f})" for one in some)


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
    from spk.review.queue import Queue

    with workbench(home=home, gallery=gallery) as bench:
        speaker = _unknown(bench, which)
        [one] = Queue.of(bench.store, bench.gallery, bench.judge_of, only=speaker).unknowns
        heard = _heard(bench, speaker)
        clips = bench.store.clips(speaker)
    if as_json:
        print_json({**one.to_json(), "heard": heard, "clips": [str(path) for path in clips]})
        return
    if not quiet:
        _about(one, clips)
    print_table(
        ("recording", "voice", "speech", "sample", "when"),
        (
            (
                row["recording"],
                row["voice"] or "-",
                f"{row['net_speech']:.1f} s",
                (row["sample_id"] or "-")[:8],
                _times(row["turns"]),
            )
            for row in heard
        ),
    )


def _about(one: Unknown, clips: Sequence[Path]) -> None:
    where = many(one.recordings, "recording")
    say(f"{one.speaker.label}  {one.seconds:.1f} s of speech in {where}, {many(len(clips), 'clip')} kept")
    say(f"id {one.speaker.id}, last heard {one.last_heard.astimezone():%Y-%m-%d %H:%M}")
    if one.nearest:
        say(f"nearest: {_likeness(one.nearest)}")
    if one.alike:
        say(f"may be the same person: {_likeness(one.alike)}")
    if one.suspicion is not None:
        first, second = one.suspicion.seconds
        say(f"may be two people, of {first:.1f} s and {second:.1f} s (LLR {one.suspicion.llr:+.1f})")


def _heard(bench: Workbench, speaker: Speaker) -> list[dict[str, Any]]:
    """Where somebody is heard: voices of recordings, and samples of which nothing else is kept."""
    rows, known = [], set()
    for hearing in bench.store.hearings(bench.gallery):
        voices = [voice for voice in hearing.voices if voice.said.speaker == speaker.id]
        turns = bench.store.turns(hearing) if voices else []
        for voice in voices:
            known.add(voice.sample)
            rows.append(
                {
                    "recording": hearing.recording.source,
                    "voice": voice.label,
                    "net_speech": round(voice.net_seconds, 3),
                    "sample_id": None if voice.sample is None else str(voice.sample),
                    "turns": [[turn.segment.start, turn.segment.end] for turn in turns if turn.label == voice.label],
                }
            )
    rows += [
        {
            "recording": sample.recording.source,
            "voice": None,
            "net_speech": round(sample.net_seconds, 3),
            "sample_id": str(sample.id),
            "turns": [[part.start, part.end] for part in sample.parts],
        }
        for sample in bench.store.samples(speaker)
        if sample.id not in known
    ]
    return rows


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
    as_json: AsJson = False,
    quiet: Quiet = False,  # noqa: ARG001 - every command takes it; this one prints nothing but results
) -> None:
    """Play the clips, or print where they lie.

    In a terminal they are played with ffplay or paplay, where there is one.

    Example: spk unknowns play unknown-7f3a
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
    player = next((player for player in PLAYERS if shutil.which(player[0])), None) if sys.stdout.isatty() else None
    for clip in clips:
        say(str(clip))
        if player is not None:
            subprocess.run([*player, str(clip)], check=False)  # noqa: S603 - a player, and a file of ours


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
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Say who a stranger is.

    The name of somebody who is enrolled already merges the two; what sounds unlike the rest of that person's speech is
    held for review. All recordings are judged again.

    Example: spk unknowns name unknown-7f3a bob
    """
    with workbench(home=home, gallery=gallery) as bench:
        stranger = _unknown(bench, which)
        done = bench.corrections(dry_run=dry_run).name(stranger, name, force=force)
    [speaker] = done.speakers
    tell(done, f"{stranger.label} is {speaker.label}", dry_run=dry_run, as_json=as_json, quiet=quiet)


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
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make a stranger and another entry one person.

    Example: spk unknowns merge unknown-7f3a unknown-02c1
    """
    with workbench(home=home, gallery=gallery) as bench:
        stranger, other = _unknown(bench, which), bench.store.speaker(bench.gallery, into)
        done = bench.corrections(dry_run=dry_run).merge(stranger, other, force=force)
    tell(
        done,
        f"{stranger.label} is merged into {done.speakers[0].label}",
        dry_run=dry_run,
        as_json=as_json,
        quiet=quiet,
    )


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
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make two strangers of one.

    Only what would change is shown, unless you add --yes.

    Example: spk unknowns split unknown-7f3a --samples 5e1f02ab,91c2 --yes
    """
    looking = dry_run or not yes
    with workbench(home=home, gallery=gallery) as bench:
        stranger = _unknown(bench, which)
        apart = _named(bench, stranger, samples) if samples else _suspected(bench, stranger)
        done = bench.corrections(dry_run=looking).split(stranger, apart)
    first, second = done.speakers
    parted = f"{many(len(apart), 'sample')} of {first.label}"
    said = f"{parted} would be somebody else's" if looking else f"{parted} moved to {second.label}"
    tell(done, said, dry_run=looking, as_json=as_json, quiet=quiet, preview=True)


def _named(bench: Workbench, stranger: Speaker, samples: Sequence[str]) -> list[UUID]:
    theirs = [sample.id for sample in bench.store.samples(stranger)]
    found = []
    for text in (text.strip() for some in samples for text in some.split(",")):
        these = [id_ for id_ in theirs if text and id_.hex.startswith(text.replace("-", "").lower())]
        if len(these) != 1:
            many = f"{len(these)} samples begin" if these else "no sample begins"
            raise NotFoundError(f'{stranger.label}: {many} with "{text}": see `spk unknowns show {stranger.label}`')
        found += these
    return found


def _suspected(bench: Workbench, stranger: Speaker) -> tuple[UUID, ...]:
    from spk.review.queue import Queue

    [one] = Queue.of(bench.store, bench.gallery, bench.judge_of, only=stranger).unknowns
    suspicion: Suspicion | None = one.suspicion
    if suspicion is None:
        raise InputError(f"{stranger.label} does not seem to be two people: say which --samples are another's")
    if not suspicion.samples:
        raise InputError(
            f"{stranger.label}: the two voices are in the same samples: correct the turns of the recording "
            "(`spk apply`), or discard the stranger"
        )
    return suspicion.samples


@app.command()
def discard(
    which: Which,
    *,
    dry_run: DryRun = False,
    gallery: GalleryName = None,
    home: Home = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Say that a stranger is nobody.

    Noise, a mixture, not worth keeping: the voices are nobody's for good. To erase a stranger who is somebody, use
    spk speakers erase.

    Example: spk unknowns discard unknown-7f3a
    """
    with workbench(home=home, gallery=gallery) as bench:
        stranger = _unknown(bench, which)
        done = bench.corrections(dry_run=dry_run).discard(stranger)
    tell(done, f"{stranger.label} is discarded", dry_run=dry_run, as_json=as_json, quiet=quiet)


@app.command()
def never(
    which: Which,
    *,
    dry_run: DryRun = False,
    gallery: GalleryName = None,
    home: Home = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Say that a stranger is not to be enrolled.

    They are recognised wherever they are heard again, and not asked about any more.

    Example: spk unknowns never unknown-7f3a
    """
    with workbench(home=home, gallery=gallery) as bench:
        stranger = _unknown(bench, which)
        done = bench.corrections(dry_run=dry_run).never(stranger)
    tell(done, f"{stranger.label} is not asked about any more", dry_run=dry_run, as_json=as_json, quiet=quiet)


def _unknown(bench: Workbench, which: str) -> Speaker:
    speaker = bench.store.speaker(bench.gallery, which)
    if speaker.name is not None:
        raise InputError(f"{speaker.name} is no stranger: use `spk speakers`")
    return speaker
