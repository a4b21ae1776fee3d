"""Who sounds like whom: everything that a person is known by, taken as one voice, against other people."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spk.evaluate.checkup import LookAlike
from spk.identify.decision import OperatingPoint
from spk.identify.gallery import EXACT, GalleryScorer
from spk.store.records import Profile, Speaker

__all__ = ["among", "look_alikes", "mean"]


def mean(profile: Profile) -> NDArray[np.float32]:
    """What a profile is about, as one vector (dim,), L2-normalised."""
    middle: NDArray[np.float32] = profile.vectors.mean(axis=0)
    middle /= max(float(np.linalg.norm(middle)), 1e-12)
    return middle


def among(scorer: GalleryScorer, voices: Sequence[Profile], profiles: Sequence[Profile]) -> NDArray[np.float64]:
    """LLRs (voices, profiles) of everything a person is known by, taken as one voice."""
    vectors = np.stack([mean(voice) for voice in voices])
    return scorer.against(profiles, vectors, [voice.total_net_seconds for voice in voices]).llr


def look_alikes(scorer: GalleryScorer, speaker: Speaker, point: OperatingPoint, limit: int) -> list[LookAlike]:
    """The people of a gallery who sound most like one of them, by whichever of the two is heard; the likest first.

    Of a gallery of more than `EXACT` people, those are compared whom the vector engine finds nearest.

    Raises:
        FingerprintError: the person is enrolled by other models only.
        NotFoundError: the person has no voiceprints, or is gone.
    """
    store, gallery, model = scorer.store, scorer.gallery, scorer.model.fingerprint
    own = store.profile(speaker, model)
    near = None
    if scorer.people > EXACT:
        near = {one.speaker for one in store.candidates(gallery, model, mean(own), 4 * limit + 1)}
    others = [one for one in store.profiles(gallery, model, near) if one.speaker.id != speaker.id]
    if not others:
        return []
    forth, back = among(scorer, [own], others)[0], among(scorer, others, [own])[:, 0]
    needed = point.needed_llr(scorer.people, scorer.calibration.false_alarms)
    found = [
        LookAlike(one.speaker, float(llr), float(llr_back), bool(max(llr, llr_back) >= needed))
        for one, llr, llr_back in zip(others, forth, back, strict=True)
    ]
    return sorted(found, key=lambda one: (-one.most, one.speaker.label))[:limit]
