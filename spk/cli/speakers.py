"""`spk speakers`: the people of a gallery."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Sequence
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spk.cli.common import check_output, desk, exists, json_line, print_json, print_table, say, workbench, write_output
from spk.cli.options import PLAIN, AsJson, GalleryName, Home, Output, Quiet, Server, complete_speaker
from spk.cli.outcomes import Apply, DryRun, LearnAnyway, held_line, tell
from spk.cli.receipts import told, unproved
from spk.errors import InputError, StoreError

if TYPE_CHECKING:
    from spk.messages.outcomes import PersonRef

__all__ = ["app"]

app = typer.Typer(**PLAIN, help="The people of a gallery.")

Whom = Annotated[
    list[str],
    typer.Argument(
        metavar="WHO",
        help="Names, unknown-xxxx labels, or ids.",
        show_default=False,
        autocompletion=complete_speaker,
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Who = Annotated[
    str,
    typer.Argument(
        metavar="WHO",
        help="A name, an unknown-xxxx label, or an id.",
        show_default=False,
        autocompletion=complete_speaker,
    ),
]
NewName = Annotated[str, typer.Argument(metavar="NAME", help="The new name.", show_default=False)]
Samples = Annotated[
    list[str],
    typer.Argument(
        metavar="SAMPLE", help="Ids of samples, or their first digits: see spk speakers show.", show_default=False
    ),
]


@app.command("list")
def list_speakers(
    *,
    gallery: GalleryName = None,
    home: Home = None,
    server: Server = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Everybody, with how much of each is known.

    Example: spk speakers list
    """
    with desk(home=home, gallery=gallery, server=server) as ask:
        people = list(ask.speakers.everybody())
        where = ask.gallery
    if as_json:
        for person in people:
            print_json(person.to_json())
        return
    if not people:
        if not quiet:
            say(f"nobody in the gallery {where}")
        return
    print_table(
        ("name", "state", "samples", "recordings", "speech", "profile"),
        (
            (
                person.name,
                person.state,
                person.samples,
                person.recordings,
                f"{person.net_speech:.1f} s",
                "provisional" if person.provisional else "settled",
            )
            for person in people
        ),
    )


@app.command()
def show(
    who: Who,
    *,
    gallery: GalleryName = None,
    home: Home = None,
    server: Server = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """One person and the samples behind the profile.

    And the voices that a person gave to them, from which the profile did not learn.

    Example: spk speakers show alice
    """
    with desk(home=home, gallery=gallery, server=server) as ask:
        found = ask.speakers.show(who)
    if as_json:
        print_json(found.to_json())
        return
    if not quiet:
        state = "provisional" if found.provisional else "settled"
        say(f"{found.name}  {found.state}, {found.net_speech:.1f} s of speech, {state}")
        say(f"id {found.speaker_id}, since {found.created:%Y-%m-%d %H:%M}")
    print_table(
        ("sample", "recording", "from", "to", "speech", "snr", "origin", "forced"),
        (
            (
                sample.sample_id.hex[:8],
                sample.recording,
                f"{sample.start:.1f}",
                f"{sample.end:.1f}",
                f"{sample.net_speech:.1f} s",
                f"{_measured(sample.quality.get('snr_db')):.0f} dB",
                sample.origin,
                ", ".join(sample.forced),
            )
            for sample in found.samples
        ),
    )
    for one in found.held:
        say(held_line(one))


@app.command()
def rename(
    who: Who,
    name: NewName,
    *,
    dry_run: DryRun = False,
    gallery: GalleryName = None,
    home: Home = None,
    server: Server = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Give a person another name.

    Example: spk speakers rename alise alice
    """
    with desk(home=home, gallery=gallery, server=server) as ask:
        done = ask.speakers.rename(who, name, dry_run=dry_run)
    tell(done, f"{who} is now {done.speakers[0].label}", dry_run=dry_run, as_json=as_json, quiet=quiet)


@app.command()
def merge(
    source: Who,
    into: Annotated[
        str,
        typer.Argument(
            metavar="INTO",
            help="Who takes over the samples.",
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
    """Make two entries one person.

    Everything of the first moves to the second, which keeps its name. All recordings are judged again.

    Example: spk speakers merge alice-phone alice
    """
    with desk(home=home, gallery=gallery, server=server) as ask:
        done = ask.speakers.merge(source, into, force=force, dry_run=dry_run)
    said = f"{source} is merged into {done.speakers[0].label}"
    tell(done, said, dry_run=dry_run, as_json=as_json, quiet=quiet)


@app.command()
def unmerge(
    who: Who,
    *,
    yes: Apply = False,
    dry_run: DryRun = False,
    gallery: GalleryName = None,
    home: Home = None,
    server: Server = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Take the last merger into somebody back.

    Whoever was merged, or named so, is somebody by themselves again, with what they had. Only what would change is
    shown, unless you add --yes.

    Example: spk speakers unmerge alice --yes
    """
    looking = dry_run or not yes
    with desk(home=home, gallery=gallery, server=server) as ask:
        done = ask.speakers.unmerge(who, dry_run=looking)
    person, apart = done.speakers
    said = f"{apart.label} is not {person.label}"
    tell(done, said, dry_run=looking, as_json=as_json, quiet=quiet, preview=True)


@app.command()
def withdraw(
    samples: Samples,
    *,
    yes: Apply = False,
    dry_run: DryRun = False,
    gallery: GalleryName = None,
    home: Home = None,
    server: Server = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Take samples out of profiles.

    All recordings are judged again, as if the profiles had never held them; somebody without any other sample is gone.
    Only what would change is shown, unless you add --yes.

    Example: spk speakers withdraw 5e1f02ab --yes
    """
    looking = dry_run or not yes
    with desk(home=home, gallery=gallery, server=server) as ask:
        done = ask.speakers.withdraw(samples, dry_run=looking)
    said = f"{_samples(samples)} withdrawn"
    tell(done, said, dry_run=looking, as_json=as_json, quiet=quiet, preview=True)


@app.command()
def move(
    samples: Samples,
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="Who gets them, new or known.", show_default=False, autocompletion=complete_speaker
        ),
    ],
    *,
    yes: Apply = False,
    dry_run: DryRun = False,
    gallery: GalleryName = None,
    home: Home = None,
    server: Server = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Give samples to somebody else.

    All recordings are judged again. Only what would change is shown, unless you add --yes.

    Example: spk speakers move 5e1f02ab 91c2 bob --yes
    """
    looking = dry_run or not yes
    with desk(home=home, gallery=gallery, server=server) as ask:
        done = ask.speakers.move(samples, name, dry_run=looking)
    said = f"{_samples(samples)} moved to {done.speakers[-1].label}"
    tell(done, said, dry_run=looking, as_json=as_json, quiet=quiet, preview=True)


@app.command()
def delete(
    who: Who,
    *,
    yes: Yes = False,
    gallery: GalleryName = None,
    home: Home = None,
    server: Server = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Erase a person, without proof.

    Samples, voiceprints, clips and the name go, from the database and from every file, for good: see erase.

    Example: spk speakers delete alice --yes
    """
    with desk(home=home, gallery=gallery, server=server) as ask:
        [person] = ask.speakers.named([who])
        _confirm(yes, person)
        gone = ask.speakers.delete(person.speaker_id)
    _say(f"{gone.deleted} is erased, which cannot be undone", gone.to_json(), as_json, quiet)


@app.command()
def erase(
    who: Whom,
    *,
    yes: Yes = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", readable=False, help="Write the receipt here.", show_default=False
        ),
    ] = None,
    gallery: GalleryName = None,
    home: Home = None,
    server: Server = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Erase people, and prove it.

    Everything of theirs goes: samples, voiceprints, clips, names, decisions, from the database, the vector engine,
    exports and every file. Then all of it is looked for. The signed receipt says what went and what was looked for.

    Example: spk speakers erase alice -o receipt.json
    """
    from spk.store.erasure.receipts import ErasureReceipt

    check_output(output)
    with desk(home=home, gallery=gallery, server=server) as ask:  # without a bar, while somebody is asked
        people = ask.speakers.named(who)
        _confirm(yes, *people)
    with desk(home=home, gallery=gallery, server=server, quiet=quiet) as ask:
        receipt = ask.speakers.erase([person.speaker_id for person in people])
    names = _joined(dict.fromkeys(person.label for person in people))
    signed = ErasureReceipt.parse(json.dumps(receipt.to_json()))
    try:
        if output is not None:
            write_output(output, signed.serialize())
    except InputError as error:  # it is made once
        print_json(receipt.to_json())
        raise InputError(f"{error}; {names} {_was(people)} erased, and the receipt was printed instead") from error
    if as_json:
        print_json(receipt.to_json())
    elif not quiet:
        for line in told(signed, names):
            say(line)
    if not signed.proved:
        raise StoreError(f"{names}: erased, but not proved: {'; '.join(unproved(signed))}")


@app.command()
def export(
    who: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="WHO",
            help="Whom; everybody if nobody is named.",
            show_default=False,
            autocompletion=complete_speaker,
        ),
    ] = None,
    *,
    output: Output = None,
    gallery: GalleryName = None,
    home: Home = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Everything that is kept about people.

    One JSON object a person, voiceprints included, with --json or without.

    Example: spk speakers export alice -o alice.jsonl
    """
    from spk.desk.people import exported

    check_output(output)
    with workbench(home=home, gallery=gallery) as bench:
        store, as_of = bench.store, bench.store.last_change
        people = [store.speaker(bench.gallery, name) for name in who or []] or store.speakers(bench.gallery)
        lines = [json_line(exported(store, person).to_json()) + "\n" for person in people]
        text = "".join(lines)
        if output is None:
            say(text, nl=False)
            return
        if output.is_file() or not exists(output):  # no pipe or terminal
            sha256 = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
            with store.exporting(bench.gallery, output, sha256, as_of=as_of, speakers=len(people)):
                write_output(output, text)
        else:
            write_output(output, text)
    _say(
        f"{len(lines)} people written to {output}; voiceprints are biometric data, keep them safe",
        {"people": len(lines), "output": str(output)},
        as_json,
        quiet,
    )


def _samples(samples: Sequence[str]) -> str:
    return "1 sample" if len(samples) == 1 else f"{len(samples)} samples"


def _measured(number: float | None) -> float:
    return nan if number is None else number


def _confirm(yes: bool, *speakers: PersonRef) -> None:
    """Ask the person at the terminal; nobody there says no."""
    if yes:
        return
    names = _joined(dict.fromkeys(speaker.label for speaker in speakers))
    answer = ""
    if sys.stdin.isatty():
        say(f"Erase {names} with all samples and voiceprints? [y/N]: ", nl=False, err=True)
        answer = sys.stdin.readline().strip().lower()
    if answer not in ("y", "yes"):
        raise InputError(f"{names} {_was(speakers)} not erased: say yes, or add --yes")


def _was(speakers: Sequence[PersonRef]) -> str:
    return "was" if len(speakers) == 1 else "were"


def _joined(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def _say(text: str, record: dict[str, Any], as_json: bool, quiet: bool) -> None:
    if as_json:
        print_json(record)
    elif not quiet:
        say(text)
