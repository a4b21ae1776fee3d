"""Evidence as lines of text, for people to read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from spk.formats.lines import printable
from spk.identify.gallery import CLEAR_SECONDS, LEAST_SECONDS

if TYPE_CHECKING:
    from spk.identify.evidence import Evidence, Person, Standing, VoiceEvidence
    from spk.timeline import Segment

__all__ = ["lines"]

LEFT = 13  # columns before the text of a line
STRETCHES = 4  # so many are written out
RAREST = 1e-4  # the rate at which the fitted curve ends
KINDS = {"gallery": "others of the gallery", "synthetic": "made-up voices"}


def lines(evidence: Evidence) -> Iterator[str]:
    """One recording: what was used, then each voice."""
    gallery, point, calibration = evidence.gallery, evidence.operating_point, evidence.calibration
    kept = f"  (decision {evidence.decision_id})" if evidence.decision_id else ""
    yield f"{evidence.kind} {printable(evidence.recording)}, {evidence.duration:.1f} s{kept}"
    yield _line("model", f"{evidence.model.name} ({evidence.model.fingerprint[:12]})")
    generic = "the generic one that ships" if calibration.generic else "fitted on own recordings"
    yield _line("calibration", f"{calibration.id}, {generic}; scores by {calibration.recipe}")
    yield _line(
        "gallery",
        f"{gallery.name}: {_count(gallery.people, 'person', 'people')}, {_count(gallery.samples, 'sample')} "
        f"({gallery.samples_sha256[:12]}), row {gallery.audit_sequence} of the audit log",
    )
    if evidence.attendees is not None:
        yield _line("attendees", ", ".join(_name(evidence, one) for one in evidence.attendees))
    verify = evidence.kind == "verify"
    others, neither = ("false claims", "different") if verify else ("strangers", "unknown")
    wanted = f"probability {point.yes:g}" if point.fpir is None else f"at most {_percent(point.fpir)} of {others}"
    yield _line("a name needs", f"{wanted}: log odds {evidence.needed:+.2f}; {neither} from probability {point.no:g}")
    yield _line("beforehand", f"{'a false claim' if verify else 'a stranger'} with probability {point.prior_unknown:g}")
    for voice in evidence.voices:
        yield ""
        yield from _voice(evidence, voice)


def _voice(evidence: Evidence, voice: VoiceEvidence) -> Iterator[str]:
    best = voice.candidate
    named = voice.verdict in ("known", "same") and best is not None
    yield printable(f"{voice.label}: {voice.verdict}{' ' + _name(evidence, best.speaker) if named and best else ''}")
    yield _line("net speech", f"{voice.net_speech:.1f} s; embedded: {_stretches(voice.speech)}")
    others = [label for label in voice.together if label != voice.label]
    if others:
        yield _line("same voice as", f"{', '.join(others)}: {voice.heard:.1f} s together")
    if voice.heard is None:
        yield _line("", "too little for the model: compared with nobody")
        return
    yield from _too_short(voice.heard)
    if best is None:
        yield _line("", "nobody is enrolled by this model")
        return
    claimed = evidence.kind == "verify"
    yield _line("claimed" if claimed else "candidate", _person(evidence, best, provisional=voice.provisional))
    if voice.runner_up is not None:
        yield _line("runner-up", _person(evidence, voice.runner_up))
        yield _line("margin", f"{voice.margin:.2f} of LLR")
    yield _line("probability", f"{voice.probability:.6f} that it is {_name(evidence, best.speaker)}")
    yield _line("stranger", f"{voice.stranger:.6f}")
    if voice.log_odds is not None:
        yield _line("log odds", f"{voice.log_odds:+.2f}, {evidence.needed:+.2f} are needed")
    if voice.false_alarm is not None:
        what = "a false claim" if claimed else "a stranger"
        yield _line("false alarm", f"{what} gets as far in {_rare(voice.false_alarm)} of cases")
    for standing in voice.standings:
        yield _line("standing", _standing(standing))
    yield from _pieces(evidence, voice)
    yield _line("samples", f"of {_name(evidence, best.speaker)}, by score:")
    for one in voice.samples:
        source = evidence.sources.get(one.recording, f"(sample {one.sample[:8]})")
        where = f"{one.segment.start:.1f}-{one.segment.end:.1f} s"
        yield _line("", f"{one.score:7.3f}  {source} {where}, {one.net_speech:.1f} s of speech")
    if len(voice.shortlist) > 1:
        yield _line("people", "by LLR:")
        for person in voice.shortlist:
            yield _line("", _person(evidence, person))
    if voice.rest.llr is not None:
        yield _line("", f"{_count(voice.rest.people, 'other')}, LLR {voice.rest.llr:+.2f} together")


def _too_short(seconds: float) -> Iterator[str]:
    if seconds < LEAST_SECONDS:
        yield _line("", f"unsure whatever the numbers say: a verdict needs {LEAST_SECONDS:g} s")
    elif seconds < CLEAR_SECONDS:
        yield _line("", f"too short to rule anybody out, which needs {CLEAR_SECONDS:g} s")


def _pieces(evidence: Evidence, voice: VoiceEvidence) -> Iterator[str]:
    best = voice.candidate
    if best is None or voice.agreement is None:
        yield _line("agreement", "heard in one piece")
        return
    name = _name(evidence, best.speaker)
    yield _line("agreement", f"{_percent(voice.agreement)} of it suits {name} best, in {len(voice.pieces)} pieces:")
    for piece in voice.pieces:
        numbers = "" if piece.llr is None else f"LLR {piece.llr:+7.2f}  {_name(evidence, piece.speaker)}  "
        yield _line("", f"{numbers}{_stretches(piece.parts)}")


def _person(evidence: Evidence, person: Person, *, provisional: bool = False) -> str:
    profile = f"{_count(person.samples, 'sample')}, {person.net_speech:.1f} s"
    return (
        f"LLR {person.llr:+7.2f}  score {person.score:7.3f}  {_name(evidence, person.speaker)} "
        f"({profile}{', provisional' if provisional else ''})"
    )


def _standing(standing: Standing) -> str:
    by = "" if standing.deviations is None else f", {standing.deviations:+.1f} standard deviations from their mean"
    return f"scores above {_percent(standing.below)} of {standing.people} {KINDS.get(standing.among, '')}{by}"


def _stretches(parts: Sequence[Segment]) -> str:
    written = ", ".join(f"{part.start:.1f}-{part.end:.1f}" for part in parts[:STRETCHES])
    more = f" and {len(parts) - STRETCHES} more" if len(parts) > STRETCHES else ""
    return f"{written}{more} s" if parts else "nothing"


def _name(evidence: Evidence, speaker: str | None) -> str:
    if speaker is None:
        return "nobody"
    return evidence.names.get(speaker) or f"({speaker[:8]}, erased)"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _rare(share: float) -> str:
    """A false-alarm rate; those below what a calibration's strangers can tell are not spelt out."""
    return _percent(share) if share >= RAREST else f"less than {_percent(RAREST)}"


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _line(what: str, text: str) -> str:
    return f"  {what:<{LEFT}}  {printable(text)}"
