"""`spk speakers`: the people of a gallery."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spk.cli.common import check_output, exists, json_line, print_json, print_table, say, workbench, write_output
from spk.cli.options import PLAIN, AsJson, GalleryName, Home, Output, Quiet, complete_speaker
from spk.cli.outcomes import Apply, DryRun, LearnAnyway, tell
from spk.cli.receipts import told, unproved
from spk.cli.unknowns import held_line
from spk.errors import InputError, StoreError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from spk.store import Gallery, Sample, Speaker, SpeakerState, Store

__all__ = ["app", "describe", "list_people"]

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
    *, gallery: GalleryName = None, home: Home = None, as_json: AsJson = False, quiet: Quiet = False
) -> None:
    """Everybody, with how much of each is known.

    Example: spk speakers list
    """
    with workbench(home=home, gallery=gallery) as bench:
        list_people(bench.store, bench.gallery, None, as_json=as_json, quiet=quiet)


@app.command()
def show(
    who: Who, *, gallery: GalleryName = None, home: Home = None, as_json: AsJson = False, quiet: Quiet = False
) -> None:
    """One person and the samples behind the profile.

    And the voices that a person gave to them, from which the profile did not learn.

    Example: spk speakers show alice
    """
    from spk.review.queue import held_back

    with workbench(home=home, gallery=gallery) as bench:
        speaker = bench.store.speaker(bench.gallery, who)
        samples = bench.store.samples(speaker)
        held = [one for one in held_back(bench.store, bench.gallery, bench.judge_of) if one.speaker.id == speaker.id]
    if as_json:
        print_json(
            {
                **describe(speaker, samples),
                "samples": [_sample(sample) for sample in samples],
                "held": [one.to_json() for one in held],
            }
        )
        return
    if not quiet:
        about = describe(speaker, samples)
        state = "provisional" if about["provisional"] else "settled"
        say(f"{speaker.label}  {speaker.state.value}, {about['net_speech']:.1f} s of speech, {state}")
        say(f"id {speaker.id}, since {speaker.created:%Y-%m-%d %H:%M}")
    print_table(
        ("sample", "recording", "from", "to", "speech", "snr", "origin", "forced"),
        (
            (
                sample.id.hex[:8],
                sample.recording.source,
                f"{sample.segment.start:.1f}",
                f"{sample.segment.end:.1f}",
                f"{sample.net_seconds:.1f} s",
                f"{sample.quality.get('snr_db', float('nan')):.0f} dB",
                sample.origin.value,
                ", ".join(sample.forced),
            )
            for sample in samples
        ),
    )
    for one in held:
        say(held_line(one))


@app.command()
def rename(
    who: Who,
    name: NewName,
    *,
    dry_run: DryRun = False,
    gallery: GalleryName = None,
    home: Home = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Give a person another name.

    Example: spk speakers rename alise alice
    """
    with workbench(home=home, gallery=gallery) as bench:
        speaker = bench.store.speaker(bench.gallery, who)
        done = bench.corrections(dry_run=dry_run).rename(speaker, name)
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
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make two entries one person.

    Everything of the first moves to the second, which keeps its name. All recordings are judged again.

    Example: spk speakers merge alice-phone alice
    """
    with workbench(home=home, gallery=gallery) as bench:
        one, other = (bench.store.speaker(bench.gallery, who) for who in (source, into))
        done = bench.corrections(dry_run=dry_run).merge(one, other, force=force)
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
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Take the last merger into somebody back.

    Whoever was merged, or named so, is somebody by themselves again, with what they had. Only what would change is
    shown, unless you add --yes.

    Example: spk speakers unmerge alice --yes
    """
    looking = dry_run or not yes
    with workbench(home=home, gallery=gallery) as bench:
        done = bench.corrections(dry_run=looking).unmerge(bench.store.speaker(bench.gallery, who))
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
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Take samples out of profiles.

    All recordings are judged again, as if the profiles had never held them; somebody without any other sample is gone.
    Only what would change is shown, unless you add --yes.

    Example: spk speakers withdraw 5e1f02ab --yes
    """
    looking = dry_run or not yes
    with workbench(home=home, gallery=gallery) as bench:
        done = bench.corrections(dry_run=looking).withdraw(samples)
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
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Give samples to somebody else.

    All recordings are judged again. Only what would change is shown, unless you add --yes.

    Example: spk speakers move 5e1f02ab 91c2 bob --yes
    """
    looking = dry_run or not yes
    with workbench(home=home, gallery=gallery) as bench:
        done = bench.corrections(dry_run=looking).move(samples, name)
    said = f"{_samples(samples)} moved to {done.speakers[-1].label}"
    tell(done, said, dry_run=looking, as_json=as_json, quiet=quiet, preview=True)


@app.command()
def delete(
    who: Who,
    *,
    yes: Yes = False,
    gallery: GalleryName = None,
    home: Home = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Erase a person, without proof.

    Samples, voiceprints, clips and the name go, from the database and from every file, for good: see erase.

    Example: spk speakers delete alice --yes
    """
    with workbench(home=home, gallery=gallery) as bench:
        speaker = bench.store.speaker(bench.gallery, who)
        _confirm(yes, speaker)
        bench.store.delete(speaker)
    _say(
        f"{speaker.label} is erased, which cannot be undone",
        {"deleted": speaker.label, "speaker_id": str(speaker.id)},
        as_json,
        quiet,
    )


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
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Erase people, and prove it.

    Everything of theirs goes: samples, voiceprints, clips, names, decisions, from the database, the vector engine,
    exports and every file. Then all of it is looked for. The signed receipt says what went and what was looked for.

    Example: spk speakers erase alice -o receipt.json
    """
    check_output(output)
    with workbench(home=home, gallery=gallery) as bench:  # without a bar, while somebody is asked
        people = [bench.store.speaker(bench.gallery, name) for name in who]
        _confirm(yes, *people)
    with workbench(home=home, gallery=gallery, quiet=quiet) as bench:
        receipt = bench.store.erase(people, progress=bench.progress)
    names = _joined(dict.fromkeys(person.label for person in people))
    try:
        if output is not None:
            write_output(output, receipt.serialize())
    except InputError as error:  # it is made once
        print_json(receipt.to_json())
        raise InputError(f"{error}; {names} {_was(people)} erased, and the receipt was printed instead") from error
    if as_json:
        print_json(receipt.to_json())
    elif not quiet:
        for line in told(receipt, names):
            say(line)
    if not receipt.proved:
        raise StoreError(f"{names}: erased, but not proved: {'; '.join(unproved(receipt))}")


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
    check_output(output)
    with workbench(home=home, gallery=gallery) as bench:
        store, as_of = bench.store, bench.store.last_change
        people = [store.speaker(bench.gallery, name) for name in who or []] or store.speakers(bench.gallery)
        lines = [json_line(_exported(store, person)) + "\n" for person in people]
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


def list_people(store: Store, gallery: Gallery, state: SpeakerState | None, *, as_json: bool, quiet: bool) -> None:
    """The speakers of a gallery, or those of one state."""
    by_speaker: dict[object, list[Sample]] = {}
    for sample in store.samples(gallery):
        by_speaker.setdefault(sample.speaker, []).append(sample)
    people = [describe(speaker, by_speaker.get(speaker.id, [])) for speaker in store.speakers(gallery, state)]
    if as_json:
        for person in people:
            print_json(person)
        return
    if not people:
        if not quiet:
            say(f"nobody in the gallery {gallery.name}")
        return
    print_table(
        ("name", "state", "samples", "recordings", "speech", "profile"),
        (
            (
                person["name"],
                person["state"],
                person["samples"],
                person["recordings"],
                f"{person['net_speech']:.1f} s",
                "provisional" if person["provisional"] else "settled",
            )
            for person in people
        ),
    )


def describe(speaker: Speaker, samples: list[Sample]) -> dict[str, Any]:
    """A speaker as JSON, with what the samples sum up to."""
    from spk.store.records import PROVISIONAL_SECONDS

    seconds = sum(sample.net_seconds for sample in samples)
    return {
        "name": speaker.label,
        "speaker_id": str(speaker.id),
        "state": speaker.state.value,
        "created": speaker.created.isoformat(),
        "samples": len(samples),
        "recordings": len({sample.recording.id for sample in samples}),
        "net_speech": round(seconds, 3),
        "provisional": seconds < PROVISIONAL_SECONDS,
    }


def _sample(sample: Sample) -> dict[str, Any]:
    return {
        "sample_id": str(sample.id),
        "recording": sample.recording.source,
        "start": sample.segment.start,
        "end": sample.segment.end,
        "net_speech": round(sample.net_seconds, 3),
        "sha256": sample.sha256,
        "quality": dict(sample.quality),
        "origin": sample.origin.value,
        "forced": list(sample.forced),
        "created": sample.created.isoformat(),
    }


def _exported(store: Store, speaker: Speaker) -> dict[str, Any]:
    samples = store.samples(speaker)
    return {
        **describe(speaker, samples),
        "samples": [_sample(sample) for sample in samples],
        "voiceprints": [
            {
                "sample_id": str(one.sample),
                "model": one.model,
                "vector": _numbers(one.vector),
            }
            for one in store.voiceprints(speaker)
        ],
        "decisions": [
            {
                "decision_id": str(record.id),
                "created": record.created.isoformat(),
                "kind": record.kind.value,
                "recording": record.source,
                "label": voice.label,
                "vector": _numbers(voice.vector),
            }
            for record in store.decisions_about(speaker)
            for voice in record.voices
            if voice.speaker == speaker.id
        ],
    }


def _numbers(vector: NDArray[np.float32]) -> list[float]:
    return [round(float(x), 7) for x in vector]


def _confirm(yes: bool, *speakers: Speaker) -> None:
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


def _was(speakers: Sequence[Speaker]) -> str:
    return "was" if len(speakers) == 1 else "were"


def _joined(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def _say(text: str, record: dict[str, Any], as_json: bool, quiet: bool) -> None:
    if as_json:
        print_json(record)
    elif not quiet:
        say(text)
