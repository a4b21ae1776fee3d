"""What to do about what an examination found: one plain sentence each, the most important first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from spk.evaluate.checkup import Advice, Checkup, Concern, Duplicate, SampleCheck, place
from spk.store.records import PROVISIONAL_SECONDS

__all__ = ["OFTEN", "advise"]

OFTEN = 0.1
"""Predicted FNIR from which more speech is asked for."""
QUALITY = ("net speech", "clipping", "noise", "second voice")  # gates that ask for another recording


def advise(checkup: Checkup) -> tuple[Advice, ...]:
    """The advice for one person."""
    order = list(Concern)
    found = (*_whose(checkup), *_model(checkup), *_amount(checkup), *_trifles(checkup))
    return tuple(sorted(found, key=lambda advice: order.index(advice.concern)))


def _whose(checkup: Checkup) -> Iterator[Advice]:
    """Whether all of it is this person's voice, and nobody else's."""
    name, nearest = checkup.speaker.label, checkup.nearest
    explained = [check.sounds_like for check in checkup.checks]  # of those the samples are to be sorted first
    for check in checkup.checks:
        if check.sounds_like is not None and check.other_llr is not None:
            text = (
                f"listen to {place(check.sample)}: it sounds like {check.sounds_like.label} (LLR {check.other_llr:.1f})"
            )
            yield Advice(Concern.SOUNDS_LIKE, text)
    if nearest is not None and nearest.named:
        text = f"listen to {name} and {nearest.speaker.label}: they sound like one person (LLR {nearest.most:.1f})"
        yield Advice(Concern.ONE_VOICE, text)
    elif nearest is not None and nearest.most > 0 and nearest.speaker not in explained:
        text = f"record more of {name} and {nearest.speaker.label}: they sound alike (LLR {nearest.most:.1f})"
        yield Advice(Concern.LOOK_ALIKE, text)
    yield from _unlike(checkup)
    for copy in checkup.duplicates:
        if copy.whose.id != checkup.speaker.id:
            yield Advice(Concern.SHARED, f"decide whose {place(copy.sample)} is: {copy.whose.label} has {_how(copy)}")


def _unlike(checkup: Checkup) -> Iterator[Advice]:
    name = checkup.speaker.label
    unlike = [check for check in checkup.checks if check.unlike and check.sounds_like is None]
    judged = [check for check in checkup.checks if check.llr is not None and check.sounds_like is None]
    if len(unlike) > 1 and len(unlike) == len(judged):
        text = f"listen to all samples of {name}: they do not sound like one person ({_lowest(unlike)})"
        yield Advice(Concern.UNLIKE, text)
        return
    for check in unlike:
        text = f"listen to {place(check.sample)}: it does not sound like the rest of {name} ({_lowest([check])})"
        yield Advice(Concern.UNLIKE, text)


def _model(checkup: Checkup) -> Iterator[Advice]:
    """Whether the person may be matched, and the model in use knows the speech."""
    if not checkup.consents:
        text = f"renew the consent of {checkup.speaker.label}, or erase them: nobody is matched without it here"
        yield Advice(Concern.NO_CONSENT, text)
    elif not checkup.checks:
        yield Advice(Concern.NO_PROFILE, "enroll some speech: there is none")
    elif not checkup.misses:
        text = f"enroll again with model {checkup.model.name}: all voiceprints are by models that are not in use"
        yield Advice(Concern.NO_PROFILE, text)
    elif checkup.retired:
        old = max(old.samples for old in checkup.retired)
        samples = "1 sample" if old == 1 else f"{old} samples"
        text = f"enroll {samples} again with model {checkup.model.name}, which has no voiceprint of them"
        yield Advice(Concern.RETIRED, text)


def _amount(checkup: Checkup) -> Iterator[Advice]:
    """Whether there is enough of it."""
    if not checkup.misses:
        return
    if checkup.provisional:
        more, known = PROVISIONAL_SECONDS - checkup.net_seconds, checkup.net_seconds
        text = f"record {max(more, 1.0):.0f} s more speech: the profile is provisional ({known:.0f} s)"
        yield Advice(Concern.PROVISIONAL, text)
    if checkup.recordings == 1:
        text = "record on another day or device: everything is from one recording"
        yield Advice(Concern.ONE_RECORDING, text)
    if checkup.fnir is not None and checkup.fnir >= OFTEN:
        share, length = f"{checkup.fnir * 100:.0f} %", f"{checkup.typical:g} s"
        text = f"record more, of the kind that you identify: {share} of clips of {length} would not be named"
        yield Advice(Concern.MISSED, text)


def _trifles(checkup: Checkup) -> Iterator[Advice]:
    for copy in checkup.duplicates:
        if copy.whose.id == checkup.speaker.id:
            text = (
                f"record something else: {place(copy.sample)} and {place(copy.other)} are {_how(copy)}, counted twice"
            )
            yield Advice(Concern.DOUBLED, text)
    for check in checkup.checks:
        reasons = [gate for gate in check.sample.forced if gate in QUALITY]
        if reasons and check.sounds_like is None and not check.unlike:
            text = f"record {place(check.sample)} again: it was enrolled by --force, against: {', '.join(reasons)}"
            yield Advice(Concern.FORCED, text)


def _how(copy: Duplicate) -> str:
    if copy.overlap is not None:
        return f"{copy.overlap:.1f} s of the same audio"
    return f"probably the same audio (cosine {copy.cosine:.3f})"


def _lowest(checks: Sequence[SampleCheck]) -> str:
    return f"LLR {min(check.llr for check in checks if check.llr is not None):.1f}"
