"""What is asked of recordings, by a request that is answered at once as by a job: the same fields, and what they do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from spk.desk import Desk
from spk.desk.enrolling import stored
from spk.errors import InputError
from spk.messages.diarization import Diarized
from spk.messages.enrollment import ConsentGiven, Enrolled, EnrolledTurns
from spk.messages.identification import Identified
from spk.messages.recordings import Applied

__all__ = ["ApplyingTurns", "Asked", "Diarizing", "EnrollingPerson", "EnrollingTurns", "Identifying", "Name", "Point"]

People = Annotated[int, Field(ge=1, le=1000)]
Stretch = Annotated[str, Field(pattern=r"^(\d{1,6}(\.\d{1,6})?-\d{1,6}(\.\d{1,6})?|-)$", examples=["14.7-17.92"])]
Name = Annotated[str, Field(min_length=1, max_length=200, examples=["anna"])]


class Asked(BaseModel):
    """What somebody asks; a field that does not exist is a mistake."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Point(Asked):
    """When a verdict is given, if not as the service is set."""

    fpir: Annotated[float, Field(gt=0, lt=1, examples=[0.01])] | None = None
    """The share of strangers who may get a name."""
    cost: Annotated[str, Field(max_length=200, examples=["miss=1,false=10,prior=0.3"])] | None = None
    """What mistakes cost, and how likely it is one of the gallery."""

    @property
    def settings(self) -> dict[str, Any]:
        """As settings."""
        return {name: value for name in _POINT if (value := getattr(self, name, None)) is not None}


_POINT = ("fpir", "cost", "prior_unknown")


class Diarizing(Asked):
    """Who speaks when?"""

    channels: Literal["mix", "split"] = "mix"
    """`split`: each channel holds one person."""
    speakers: People | None = None
    """How many people speak, if that is known."""
    min_speakers: People | None = None
    """At least so many."""
    max_speakers: People | None = None
    """At most so many."""

    @property
    def apart(self) -> bool:
        """Whether each channel is a recording of its own."""
        return self.channels == "split"

    def diarize(self, desk: Desk, path: Path, name: str) -> Diarized:
        """The answer."""
        return desk.diarize(path, name=name, **self.model_dump(include=set(Diarizing.model_fields)))


class Identifying(Diarizing, Point):
    """Who speaks?"""

    single: bool = False
    """It is one person's voice: it is not diarized (short clips)."""
    attendees: Annotated[list[Annotated[str, Field(max_length=4000)]], Field(max_length=1000)] = []
    """The only people who can be meant: names, labels or ids; several in one field with commas between."""
    enroll_unknown: bool = False
    """Keep strangers as unnamed speakers, to meet them again; takes the scope `enroll`, too."""
    prior_unknown: Annotated[float, Field(gt=0, lt=1, examples=[0.5])] | None = None
    """How likely a stranger is before anything is heard."""
    evidence: bool = False
    """Say why, too."""

    def identify(self, desk: Desk, path: Path, name: str, decision: UUID | None = None) -> Identified:
        """The answer."""
        asked = self.model_dump(include=set(Identifying.model_fields).difference(_POINT))
        return desk.identify(path, name=name, decision=decision, **asked)


class EnrollingPerson(Asked):
    """Recordings of one person."""

    name: Name
    """Whom to enroll: somebody new or known, or the label of somebody unknown."""
    segment: Annotated[list[Stretch], Field(max_length=1000)] = []
    """From when to when, in seconds, a recording is to be used, `-` for all of it: once for each, in their order."""
    force: bool = False
    """Store also what the quality gates refuse; this is recorded."""
    consent: Annotated[str, Field(max_length=4000, examples=['{"purpose": "recognition in calls"}'])] | None = None
    """What the person consents to: JSON with `purpose`, `given_by`, `given`, `until`, `reference`, as far as needed."""

    def enroll(self, desk: Desk, paths: Sequence[Path], names: Sequence[str], *, asked: datetime) -> Enrolled:
        """The answer, where something was stored.

        Args:
            desk: Whom to ask.
            paths: The recordings.
            names: What they are called.
            asked: When it was asked for, and the consent given, if nothing else is said of it.

        Raises:
            InputError: there are segments, and not as many as recordings; or one is none.
            NotFoundError: there is no such gallery: none is made by a slip of the pen.
            SpkError: nothing was stored, and why.
        """
        _ = desk.bench.gallery
        if self.segment and len(self.segment) != len(paths):
            raise InputError(
                f"segment: there are {len(self.segment)} for {len(paths)} files: give one for each, or none"
            )
        segments = [None if one == "-" else _times(one) for one in self.segment]
        consent = _consent(self.consent, asked)
        return stored(desk.enroll(self.name, paths, names=names, segments=segments, force=self.force, consent=consent))


class EnrollingTurns(Asked):
    """A recording of several people, and its corrected turns."""

    map: Annotated[
        list[Annotated[str, Field(max_length=500, examples=["SPEAKER_00=anna"])]], Field(max_length=1000)
    ] = []
    """Whom a label of the turns means: `LABEL=NAME`, once for each."""
    format: Annotated[str, Field(max_length=20, examples=["rttm"])] | None = None
    """What the turns are written in, if that cannot be seen."""
    force: bool = False
    """Store also what the quality gates refuse; this is recorded."""
    consent: Annotated[str, Field(max_length=4000)] | None = None
    """What each of the people consents to; see the enrollment of one person."""

    def enroll(
        self, desk: Desk, path: Path, name: str, turns: Path, turns_name: str, *, asked: datetime
    ) -> EnrolledTurns:
        """The answer; as of one person.

        Raises:
            InputError: an entry of ``map`` is none.
            NotFoundError: there is no such gallery: none is made by a slip of the pen.
        """
        _ = desk.bench.gallery
        pairs = [entry.partition("=") for entry in self.map]
        for entry, (label, equals, person) in zip(self.map, pairs, strict=True):
            if not (label and equals and person):
                raise InputError(f"map: {entry} is none: write it as LABEL=NAME")
        return desk.enroll_turns(
            path,
            turns,
            mapping={label: person for label, _, person in pairs},
            form=self.format,
            name=name,
            turns_name=turns_name,
            force=self.force,
            consent=_consent(self.consent, asked),
        )


class ApplyingTurns(Asked):
    """Corrected turns of a recording: to be stored, and learnt from."""

    format: Annotated[str, Field(max_length=20, examples=["rttm"])] | None = None
    """What the turns are written in, if that cannot be seen."""
    everything: bool = False
    """Every turn is right: learn from all, not only from those that were touched."""
    force: bool = False
    """Learn also from what the quality gates refuse; this is recorded."""
    dry_run: bool = False
    """Say what would change, and change nothing."""

    def apply(self, desk: Desk, path: Path, name: str, turns: Path, turns_name: str) -> Applied:
        """The answer."""
        return desk.recordings.apply(
            turns,
            path,
            form=self.format,
            name=name,
            turns_name=turns_name,
            everything=self.everything,
            force=self.force,
            dry_run=self.dry_run,
        )

    def correct(self, desk: Desk, recording: str, turns: Path, turns_name: str) -> Applied:
        """The answer without the recording, which was heard before."""
        return desk.recordings.correct(
            recording,
            turns,
            form=self.format,
            turns_name=turns_name,
            everything=self.everything,
            force=self.force,
            dry_run=self.dry_run,
        )


def _times(segment: str) -> tuple[float, float]:
    start, _, end = segment.partition("-")
    return float(start), float(end)


def _consent(text: str | None, asked: datetime) -> ConsentGiven | None:
    """What somebody consents to, of JSON; given when it was asked for, so that a later withdrawal ends it.

    Raises:
        InputError: it is none.
    """
    if text is None:
        return None
    try:
        consent = ConsentGiven.model_validate_json(text)
    except ValueError:  # pydantic's too
        raise InputError('consent is no such JSON: write it like {"purpose": "recognition in calls"}') from None
    return consent.model_copy(update={"given": consent.given or asked})
