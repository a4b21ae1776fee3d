"""What can be asked about people's voices: to know them from now on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from spk.desk.turns import turns_in
from spk.errors import AudioError, FormatError, InputError, NotFoundError, RefusedError, SpkError, retold
from spk.messages.enrollment import ConsentGiven, Enrolled, EnrolledTurns, Refusal
from spk.timeline import Segment

if TYPE_CHECKING:
    from spk.audio import Audio
    from spk.enroll import Excerpt
    from spk.workbench import Workbench

    Load = Callable[[], Excerpt]

__all__ = ["Enrolling", "stored"]

SLACK = 0.1  # seconds that a turn may reach past the end: tools round


class Enrolling:
    """Operations that make people known; a part of `spk.desk.Desk`."""

    bench: Workbench
    _last: tuple[tuple[Path, str | None], Audio] | None = None

    def enroll(
        self,
        who: str,
        paths: Sequence[Path],
        *,
        segments: Sequence[tuple[float, float] | None] = (),
        names: Sequence[str] = (),
        force: bool = False,
        consent: ConsentGiven | None = None,
    ) -> Enrolled:
        """Enroll a person from recordings of that person alone; whoever is known already is known better then.

        What cannot be read, or would poison the profile, is refused, and the rest is stored in one transaction.

        Args:
            who: A name, the label of somebody unknown, or an id.
            paths: The recordings.
            segments: From when to when, in seconds, each of them is to be used; none, or None, for all of it.
            names: What they are called, if not as the files.
            force: Store also what the quality gates refuse; this is recorded.
            consent: What the person consents to by it.

        Raises:
            InputError: an impossible name, or segment.
            NotFoundError: no speaker of that label or id, or no such gallery.
        """
        self.check_name(who)
        offered: list[tuple[str, Load]] = []
        for number, path in enumerate(paths):
            name = names[number] if names else None
            segment = Segment(*times) if segments and (times := segments[number]) else None
            offered.append((name or str(path), partial(self._excerpt, path, name, segment)))
        return self._enroll(who, offered, force=force, consent=consent)

    def enroll_turns(
        self,
        path: Path,
        turns: Path,
        *,
        mapping: Mapping[str, str] | None = None,
        form: str | None = None,
        name: str | None = None,
        turns_name: str | None = None,
        force: bool = False,
        consent: ConsentGiven | None = None,
    ) -> EnrolledTurns:
        """Enroll everybody in a recording by its corrected turns.

        Args:
            path: The recording.
            turns: Who speaks when in it.
            mapping: The names of those whose label is another.
            form: What the turns are written in, a value of `spk.formats.turns.TurnFormat`; guessed if None.
            name: What the recording is called, if not as the file.
            turns_name: What the turns are called.
            force: As for `enroll`.
            consent: What each of the people consents to by it.

        Raises:
            FormatError: the turns cannot be read, or are of another recording, or name somebody impossible.
            AudioError: the recording cannot be read.
            InputError: the mapping has a label that the turns have not; or there are too many turns, or labels.
        """
        from spk.enroll import excerpts_of_turns
        from spk.formats.rttm import NAMELESS

        source, names = turns_name or str(turns), mapping or {}
        timeline = turns_in(turns, form, source, name or path.name)
        if not timeline:
            raise FormatError(source, "holds no turns: check that it is the file you mean")
        if unknown := sorted(set(names) - set(timeline.labels)):
            labels = ", ".join(timeline.labels)
            raise InputError(f"--map {unknown[0]}: {source} has no such label, only {labels}")
        audio = self._audio(path, name)
        if timeline.end > audio.duration + SLACK:
            late = f"has a turn up to {timeline.end:.2f} s, but {audio.source} ends at {audio.duration:.2f} s"
            raise FormatError(source, f"{late}: check which recording it is of")
        people: dict[str, list[tuple[str, Load]]] = {}
        refused = []
        for label, excerpts in excerpts_of_turns(audio, timeline.crop(Segment(0.0, audio.duration))):
            if label not in names and NAMELESS.fullmatch(label):
                reason = f"{label} has no name: add --map {label}=NAME, or rename it in {source}"
                refused.append(_refusal(label, InputError(reason)))
            elif not excerpts:
                error = FormatError(source, f"{label} never speaks alone for long enough to be enrolled")
                refused.append(_refusal(label, error))
            else:
                of_person = people.setdefault(names.get(label, label), [])
                of_person += [(label, partial(_given, excerpt)) for excerpt in excerpts]
        for person in people:
            try:
                self.check_name(person)
            except (InputError, NotFoundError) as error:
                raise FormatError(source, str(error)) from error
        done = [self._enroll(one, some, force=force, corrected=True, consent=consent) for one, some in people.items()]
        refused += [refusal for one in done for refusal in one.refused]
        return EnrolledTurns(people=[one for one in done if one.speaker_id is not None], refused=refused)

    def check_name(self, who: str) -> None:
        """Refuse an impossible name before hours of work.

        Raises:
            InputError: nobody can be called so.
            NotFoundError: it is a label or an id, and nobody's, or there is no such gallery.
        """
        from spk.store.names import clean_name, stands_for_somebody

        if stands_for_somebody(who):
            self.bench.store.speaker(self.bench.gallery, who)
        else:
            clean_name(who)

    def _enroll(
        self,
        who: str,
        offered: Sequence[tuple[str, Load]],
        *,
        force: bool,
        corrected: bool = False,
        consent: ConsentGiven | None = None,
    ) -> Enrolled:
        """Enroll one person from recordings, each with what it is called, and loaded in its turn."""
        from spk.store.records import NewConsent, Origin

        refused: list[Refusal] = []
        excerpts = self._readable(offered, refused)
        if (first := next(excerpts, None)) is None:
            return _nobody(who, refused)
        self.bench.make_gallery()
        origin = Origin.CORRECTED if corrected else Origin.ENROLLED
        agreed = None if consent is None else NewConsent(**consent.model_dump())
        report = self.bench.enroller()(who, chain([first], excerpts), origin=origin, force=force, consent=agreed)
        refused += [_refusal(getattr(error, "source", who), error) for error in report.refused]
        if report.enrollment is None:
            return _nobody(who, refused)
        return Enrolled(
            name=report.name,
            speaker_id=report.enrollment.speaker.id,
            added=len(report.enrollment.added),
            already=len(report.enrollment.already),
            net_speech=round(report.net_seconds, 3),
            provisional=report.provisional,
            refused=refused,
        )

    def _readable(self, offered: Sequence[tuple[str, Load]], refused: list[Refusal]) -> Iterator[Excerpt]:
        """Every recording that can be read, each when it is asked for; the others are refused."""
        progress = self.bench.progress
        for done, (name, load) in enumerate(offered, start=1):
            try:
                yield load()
            except SpkError as error:
                refused.append(_refusal(name, error))
            if progress is not None and len(offered) > 1:
                progress(done, len(offered), "enrolling")

    def _excerpt(self, path: Path, name: str | None, segment: Segment | None) -> Excerpt:
        from spk.enroll import Excerpt

        audio = self._audio(path, name)
        if segment is not None and segment.end > audio.duration + SLACK:
            raise AudioError(audio.source, f"ends at {audio.duration:.2f} s, before {segment.end:g} s: check the times")
        return Excerpt(audio, segment)

    def _audio(self, path: Path, name: str | None) -> Audio:
        """A recording; the last one is kept, because the rows of a table often name it again."""
        from spk.audio import load

        if self._last is None or self._last[0] != (path, name):
            self._last = ((path, name), load(path, name=name))
        return self._last[1]


def stored(done: Enrolled) -> Enrolled:
    """The same, where something was stored of the person.

    Raises:
        SpkError: why nothing was.
    """
    if done.speaker_id is not None:
        return done
    match done.refused:
        case [one]:
            raise retold(one.error, one.detail, one.reasons)
        case several:
            raise RefusedError(done.name, tuple(one.detail for one in several))


def _nobody(who: str, refused: list[Refusal]) -> Enrolled:
    return Enrolled(name=who, speaker_id=None, added=0, already=0, net_speech=0.0, provisional=True, refused=refused)


def _refusal(source: str, error: SpkError) -> Refusal:
    reasons: Iterable[str] = getattr(error, "reasons", ())
    return Refusal(source=source, error=type(error).__name__, detail=str(error), reasons=list(reasons))


def _given(excerpt: Excerpt) -> Excerpt:
    return excerpt
