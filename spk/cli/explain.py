"""`spk explain` and `spk replay`: why a voice was found to be somebody's, and whether it comes out so again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from spk.cli.common import exists, print_json, print_table, say, workbench
from spk.cli.options import AsJson, GalleryName, Home, Quiet
from spk.errors import FormatError, InputError, NotFoundError, SpkError

if TYPE_CHECKING:
    from spk.config import Workbench
    from spk.identify import Calibration
    from spk.identify.evidence import Evidence, VoiceEvidence
    from spk.identify.replaying import Replay, Today
    from spk.store import DecisionRecord, Gallery, Store

__all__ = ["explain", "replay"]

EXIT_DIFFERENT = 1
LISTED = 20  # the latest decisions

Which = Annotated[
    str,
    typer.Argument(metavar="DECISION", help="The first digits of a decision's id.", show_default=False),
]


def explain(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="DECISION[:LABEL]|FILE",
            help="The first digits of a decision's id, or a file of --evidence.",
            show_default=False,
        ),
    ] = None,
    *,
    gallery: GalleryName = None,
    home: Home = None,
    as_json: AsJson = False,
    quiet: Quiet = False,  # noqa: ARG001 - every command takes it; this one prints nothing but results
) -> None:
    """Why was it decided so?

    Without an argument, the latest decisions are listed.

    Example: spk explain 3f2a9c1e:SPEAKER_00
    """
    if what and exists(Path(what)):
        _told(_in_file(Path(what)), None, as_json=as_json)
        return
    with workbench(home=home, gallery=gallery) as bench:
        if what is None:
            _list(bench, as_json=as_json)
            return
        which, _, label = what.partition(":")
        if which.endswith((".json", ".jsonl")):
            raise InputError(f"{which}: there is no such file: write one with `spk identify --evidence`")
        record = bench.store.decision(which)
        _told([_kept(bench.store, record)], label or None, as_json=as_json)


def replay(
    which: Which,
    *,
    gallery: GalleryName = None,
    home: Home = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Does a decision come out the same again?

    Leaves with status 0 if so, 1 if not, 2 for an error. What today's gallery would decide is said, too.

    Example: spk replay 3f2a9c1e
    """
    from spk.identify.replaying import replay as again

    with workbench(home=home, gallery=gallery) as bench:
        store, record = bench.store, bench.store.decision(which)
        evidence = _kept(store, record)
        where = _gallery(store, record, evidence)
        found = again(store, record, evidence, _calibration(store, where, evidence))
        now: Sequence[Today] = ()
        calibration, problem = None, None
        try:
            calibration, now = _today(store, where, record, evidence)
        except SpkError as error:
            problem = str(error)
    if as_json:
        print_json(_replay_json(record, found, calibration, now, problem))
    else:
        _print_replay(record, found, quiet=quiet)
        if not quiet:
            _print_today(calibration, now, problem)
    raise typer.Exit(0 if found.same and found.compared else EXIT_DIFFERENT)


def _in_file(path: Path) -> list[Evidence]:
    """The evidence in a file: one object after the other, in lines or over several."""
    from spk.identify.evidence import Evidence

    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise FormatError(path, f"cannot be read ({reason})") from error
    decoder, found, place = json.JSONDecoder(), [], 0
    while place < len(text):
        try:
            record, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError) as error:
            raise FormatError(path, f"not evidence ({error}): write it anew") from error
        found.append(Evidence.from_json(record, source=str(path)))
        while place < len(text) and text[place].isspace():
            place += 1
    if not found:
        raise FormatError(path, "holds no evidence: write some with `spk identify --evidence`")
    return found


def _kept(store: Store, record: DecisionRecord) -> Evidence:
    """The evidence of a kept decision, with what people and recordings are called today."""
    from spk.identify.evidence import Evidence

    evidence = Evidence.parse(record.record, source=f"decision {record.id}")
    owners = {voice.label: voice.speaker for voice in record.voices}
    told = [UUID(one) for one in evidence.people_told]
    people = store.people([*told, *filter(None, owners.values())])
    names = {str(speaker.id): speaker.label for speaker in people}
    for voice in evidence.voices:
        owner = owners.get(voice.label)
        one = voice.candidate
        if (
            one is not None
            and owner is not None
            and one.speaker not in names
            and voice.outcome in ("known", "same", "unsure")
        ):
            names[one.speaker] = names.get(str(owner), "")  # merged into somebody since
    ids = [UUID(one.sample) for voice in evidence.voices for one in voice.samples]
    prints = store.sample_prints(evidence.model.fingerprint, ids).values()
    sources = {str(one.sample.recording.id): one.sample.recording.source for one in prints}
    return replace(evidence, decision_id=str(record.id), recording=record.source, names=names, sources=sources)


def _gallery(store: Store, record: DecisionRecord, evidence: Evidence) -> Gallery:
    from spk.store import Gallery

    found = [gallery for gallery in store.galleries() if gallery.id == record.gallery]
    return found[0] if found else Gallery(record.gallery, evidence.gallery.name)


def _calibration(store: Store, gallery: Gallery, evidence: Evidence) -> Calibration | None:
    """The calibration that a decision was made by; None if it is gone."""
    from spk.identify import Calibration

    try:
        kept = store.find_calibration(gallery, evidence.calibration.id)
    except NotFoundError:
        return None
    return Calibration.parse(kept.record, source=f"calibration {kept.id}")


def _today(
    store: Store, gallery: Gallery, record: DecisionRecord, evidence: Evidence
) -> tuple[Calibration, Sequence[Today]]:
    """What today's gallery and calibration would decide."""
    from spk.embed import ModelId
    from spk.identify import Calibration, GalleryScorer, default_calibration
    from spk.identify.replaying import today

    model = ModelId(evidence.model.name, evidence.model.fingerprint)
    kept = store.calibration(gallery)
    if kept is not None and kept.model == model.name:
        calibration = Calibration.parse(kept.record, source=f"calibration {kept.id}").check(model)
    else:
        calibration = default_calibration(model)
    attendees = None
    if evidence.attendees is not None:
        attendees = store.people(UUID(one) for one in evidence.attendees)
        if not attendees:
            raise NotFoundError("none of the attendees is there any more")
    scorer = GalleryScorer(store, gallery, model, calibration, attendees)
    scorer.check()
    return calibration, today(scorer, record, evidence)


def _list(bench: Workbench, *, as_json: bool) -> None:
    rows = []
    for record in bench.store.decisions(bench.gallery, LISTED):
        evidence = _kept(bench.store, record)
        said = [(voice.label, voice.verdict, _who(evidence, voice)) for voice in evidence.voices]
        if as_json:
            print_json(
                {
                    "decision_id": str(record.id),
                    "created": record.created.isoformat(),
                    "kind": record.kind.value,
                    "recording": record.source,
                    "voices": [{"label": label, "verdict": verdict, "name": who} for label, verdict, who in said],
                }
            )
        voices = ", ".join(f"{verdict} {who}" if who else verdict for _, verdict, who in said)
        rows.append([record.id.hex[:8], _moment(record), record.kind.value, record.source, voices])
    if as_json:
        return
    if not rows:
        say(f"no decisions are kept of the gallery {bench.gallery.name}")
        return
    print_table(["decision", "when", "kind", "recording", "voices"], rows)


def _moment(record: DecisionRecord) -> str:
    return f"{record.created.astimezone():%Y-%m-%d %H:%M}"


def _who(evidence: Evidence, voice: VoiceEvidence) -> str | None:
    """The name that was given, if one was."""
    named = voice.verdict in ("known", "same") and voice.candidate is not None
    return _name(evidence.names, voice.candidate.speaker) if named and voice.candidate else None


def _name(names: Mapping[str, str], speaker: str | None) -> str:
    if speaker is None:
        return "nobody"
    return names.get(speaker) or f"({speaker[:8]}, erased)"


def _told(found: Sequence[Evidence], label: str | None, *, as_json: bool) -> None:
    from spk.cli.evidence import lines

    for number, evidence in enumerate(found):
        chosen = [voice for voice in evidence.voices if label in (None, voice.label)]
        if label and not chosen:
            labels = ", ".join(voice.label for voice in evidence.voices)
            raise NotFoundError(f"the decision has no voice {label}; it has: {labels}")
        part = replace(evidence, voices=tuple(chosen))
        if as_json:
            print_json(part.to_json())
            continue
        if number:
            say()
        for line in lines(part):
            say(line)


def _print_replay(record: DecisionRecord, found: Replay, *, quiet: bool) -> None:
    from spk.identify.replaying import TOLERANCE

    said = f"decision {record.id.hex[:8]}: {found.compared} numbers and verdicts computed again"
    if not found.compared:
        say(f"decision {record.id.hex[:8]}: nothing could be computed again")
    elif found.same:
        say(f"{said}: the same to {TOLERANCE:g}")
    else:
        say(f"{said}, {len(found.differences)} of them differ:")
        for one in found.differences:
            say(f"  {one.label + ': ' if one.label else ''}{one.what}: recorded {one.recorded}, now {one.now}")
    for line in () if quiet else found.lost:
        say(f"not computed again: {line}")


def _print_today(calibration: Calibration | None, now: Sequence[Today], problem: str | None) -> None:
    if problem is not None or calibration is None:
        say(f"today: {problem}")
        return
    say(f"today, by calibration {calibration.id}:")
    for line in _voices(now):
        say(f"  {line}")


def _voices(now: Sequence[Today]) -> Iterator[str]:
    if not now:
        yield "nothing: whom it is about is not there any more"
    for one in now:
        numbers = "" if one.llr is None else f"LLR {one.llr:+.1f}, probability {one.probability:.6f}"
        who = one.speaker.label if one.speaker else "nobody"
        if one.verdict in ("unknown", "unsure"):
            who = f"nearest {who}"
        yield f"{one.label}  {one.verdict:<9}  {who}  {numbers}".rstrip()


def _replay_json(
    record: DecisionRecord,
    found: Replay,
    calibration: Calibration | None,
    now: Sequence[Today],
    problem: str | None,
) -> dict[str, Any]:
    return {
        "decision_id": str(record.id),
        "same": found.same and found.compared > 0,
        "compared": found.compared,
        "differences": [
            {"label": one.label or None, "what": one.what, "recorded": one.recorded, "now": one.now}
            for one in found.differences
        ],
        "lost": list(found.lost),
        "today": {
            "problem": problem,
            "calibration": calibration.id if calibration else None,
            "voices": [
                {
                    "label": one.label,
                    "verdict": one.verdict,
                    "speaker_id": str(one.speaker.id) if one.speaker else None,
                    "name": one.speaker.label if one.speaker else None,
                    "llr": one.llr,
                    "probability": one.probability,
                }
                for one in now
            ],
        },
    }
