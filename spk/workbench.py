"""The parts of spk put together as the settings say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from spk.config import DEFAULT_GALLERY, Settings
from spk.embed import MODELS, load_embedder, model_id, model_parts
from spk.errors import FingerprintError, NotFoundError
from spk.parts import Parts

if TYPE_CHECKING:
    from uuid import UUID

    from spk.audio import Audio
    from spk.diarize import Diarization, Diarizer, VoiceActivity
    from spk.embed import Embedder, ModelId
    from spk.embed.weights import Progress
    from spk.enroll import Enroller, KeptAudio
    from spk.identify import Calibration, GalleryScorer, Identification, Identifier, OperatingPoint, Verifier
    from spk.identify.explaining import Collector, Explained
    from spk.review import Corrections, Judge
    from spk.review.applying import Applier
    from spk.store import CalibrationRecord, DecisionRecord, Gallery, Speaker, Store
    from spk.store.bundles import Bundle
    from spk.store.upkeep import Imported

__all__ = ["Workbench"]

DEFAULT_MODEL = "ecapa"


class Workbench:
    """The parts of spk, each made when it is first asked for; a context manager that closes the store.

    Args:
        settings: Which store, gallery, model, and so on.
        progress: Told of what takes long: weights that must be fetched or converted, recordings.
        parts: What is shared with other workbenches, and stays when this one is closed.
    """

    def __init__(self, settings: Settings, progress: Progress | None = None, parts: Parts | None = None) -> None:
        self.settings = settings
        self.progress = progress
        self.parts = Parts() if parts is None else parts
        self._owns_parts = parts is None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._owns_parts:
            self.parts.close()

    @property
    def threads(self) -> int | None:
        """How many threads may work; None for one a core."""
        return self.settings.threads or None

    @property
    def store(self) -> Store:
        """The store of the home, without what has been kept for long enough."""
        return self.parts.get("store", self._open_store)

    def _open_store(self) -> Store:
        store = self.settings.open_store()
        self._tidy(store)
        return store

    def tidy(self) -> None:
        """Remove what has been kept for long enough, as opening the store does."""
        self._tidy(self.store)

    def _tidy(self, store: Store) -> None:
        settings = self.settings
        store.prune_decisions(settings.keep_decisions)
        store.prune_heard(recording_days=settings.keep_recordings, undo_days=settings.keep_undo)

    @cached_property
    def gallery(self) -> Gallery:
        """The gallery. A misspelt name is an error, not an empty gallery in which nobody is ever found."""
        name = self.settings.gallery
        return self.parts.get(
            ("gallery", name), lambda: self.store.gallery(name, create=name == DEFAULT_GALLERY)
        )  # for good: galleries are not removed

    def make_gallery(self) -> None:
        """Make the gallery where it is missing."""
        self.store.gallery(self.settings.gallery, create=True)

    @cached_property
    def model_name(self) -> str:
        """The embedder's: as set, else of the calibration that the gallery is judged by."""
        if self.settings.model is not None:
            return self.settings.model
        return DEFAULT_MODEL if self._in_use is None else self._in_use.model

    @cached_property
    def _in_use(self) -> CalibrationRecord | None:
        """The calibration that the gallery is judged by; None for the one that ships."""
        store, gallery = self.store, self.gallery
        return self.parts.fresh(("in use", gallery.id), store.state(), lambda: store.calibration(gallery))

    @property
    def model(self) -> ModelId:
        """Which model the embedder is, without loading it."""
        return model_id(self.model_name)

    @property
    def embedder(self) -> Embedder:
        """The model of the gallery's voiceprints."""
        name = self.model_name
        return self.parts.get(("embedder", name), lambda: self._load_embedder(name))

    def _load_embedder(self, name: str) -> Embedder:
        settings = self.settings
        with self._preparing(*model_parts(name)):
            return load_embedder(name, precision=settings.precision, device=settings.device, threads=self.threads)

    @property
    def vad(self) -> VoiceActivity:
        """The voice-activity model."""
        return self.parts.get("vad", self._load_vad)

    def _load_vad(self) -> VoiceActivity:
        from spk.diarize import load_vad

        with self._preparing("silero-vad"):
            return load_vad(threads=self.threads)

    @property
    def diarizer(self) -> Diarizer:
        """The diarizer."""
        return self.parts.get("diarizer", self._load_diarizer)

    def _load_diarizer(self) -> Diarizer:
        from spk.diarize import load_diarizer

        with self._preparing("silero-vad", "segmentation", "campplus"):
            return load_diarizer(threads=self.threads)

    @contextmanager
    def _preparing(self, *models: str) -> Iterator[None]:
        """Fetch what is missing, and say what takes long: loading alone would do it without a word."""
        from spk.embed import weights

        weights.pull(*models, progress=self.progress)
        report = self.progress or (lambda *_: None)
        report(0, 1, f"preparing {models[-1]}")
        yield
        report(1, 1, f"preparing {models[-1]}")

    @cached_property
    def calibration(self) -> Calibration:
        """The one that the gallery is judged by; where that is none, or another model's, the one that ships."""
        return self.calibration_of(self.model)

    def calibration_of(self, model: ModelId) -> Calibration:
        """The one that the gallery's voices are judged by as a model heard them; as `calibration`."""
        from spk.identify import Calibration, default_calibration

        kept = self._in_use
        if kept is None or kept.model != model.name:
            return self.parts.get(("shipped", model), lambda: default_calibration(model))
        parsed = self.parts.get(
            ("calibration", kept.id), lambda: Calibration.parse(kept.record, source=f"calibration {kept.id}")
        )
        return parsed.check(model)

    @property
    def judge(self) -> Judge:
        """How recordings are judged."""
        from spk.review import Judge, Learn

        return Judge(self.model, self.calibration, Learn(self.settings.learn))

    def judge_of(self, fingerprint: str) -> Judge | None:
        """How recordings are judged that a model heard, by its fingerprint; None where it is no model of ours."""
        if fingerprint == self.model.fingerprint:
            return self.judge
        theirs = (one for one in map(model_id, _every_model()) if one.fingerprint == fingerprint)
        return next((replace(self.judge, model=one, calibration=self.calibration_of(one)) for one in theirs), None)

    def corrections(self, *, dry_run: bool = False) -> Corrections:
        """Puts right what is known and said in the gallery."""
        from spk.review import Corrections, Learn

        return Corrections(self.store, self.gallery, self.judge_of, Learn(self.settings.learn), dry_run)

    def applier(self, *, dry_run: bool = False) -> Applier:
        """Stores corrected turns, and learns from them."""
        from spk.review.applying import Applier

        return Applier(self.corrections(dry_run=dry_run), self.enroller(), self.judge, self.point)

    def remember(self, found: Identification, *, strangers: bool) -> Identification:
        """Keep what was heard in a recording, if that is to be kept, and the ``strangers`` in it."""
        from spk.review import remember

        if not strangers and self.settings.keep_recordings <= 0:
            return found
        how, keep = self.judge, self.kept_audio
        return remember(found, self.store, self.gallery, how, self.embedder, strangers=strangers, keep=keep)

    def scorer(self, attendees: Sequence[Speaker] | None = None) -> GalleryScorer:
        """The gallery as it is now; of its people ``attendees`` alone, if given."""
        from spk.identify import GalleryScorer

        return GalleryScorer(self.store, self.gallery, self.model, self.calibration, attendees)

    def collector(self, attendees: Sequence[Speaker] | None = None) -> Collector:
        """Gathers evidence of what its scorer is asked, of the gallery as it is now.

        The one of the whole gallery is shared, as long as nothing is written to the store.
        """
        from spk.identify.explaining import Collector

        if attendees is not None:
            return Collector(self.scorer(attendees))
        state = (self.store.state(), self.calibration.id)
        return self.parts.fresh(
            ("collector", self.gallery.id, self.model_name), state, lambda: Collector(self.scorer())
        )

    def identifier(self, attendees: Sequence[Speaker] | None = None, scorer: GalleryScorer | None = None) -> Identifier:
        """Names voices; by that ``scorer``, or else by one of the ``attendees``."""
        from spk.identify import Identifier

        return Identifier(scorer or self.scorer(attendees), self.embedder, self.vad, _Late(self), self.point)

    @property
    def point(self) -> OperatingPoint:
        """When identification gives a name."""
        from spk.identify import OperatingPoint

        point, prior = self._point(OperatingPoint()), self.settings.prior_unknown
        return point if prior is None else replace(point, prior_unknown=prior)

    def verifier(self, scorer: GalleryScorer | None = None) -> Verifier:
        """Tests claims."""
        from spk.identify import Verifier
        from spk.identify.decision import VERIFICATION

        return Verifier(scorer or self.scorer(), self.embedder, self.vad, self._point(VERIFICATION))

    def _point(self, default: OperatingPoint) -> OperatingPoint:
        """When a verdict is given, as is set, without the setting for strangers, which claims know nothing of."""
        settings = self.settings
        return replace(default, fpir=settings.fpir) if settings.cost is None else default.parse_costs(settings.cost)

    @property
    def keeps_decisions(self) -> bool:
        """Whether decisions are kept."""
        return self.settings.keep_decisions > 0

    def keep(self, explained: Explained, id_: UUID | None = None) -> DecisionRecord:
        """Keep a decision, under an id if one is given, and the calibration that it was made by."""
        self.parts.get(("kept", self.gallery.id, self.calibration.id), self._keep_calibration)
        days = self.settings.keep_decisions
        return self.store.record_decision(self.gallery, explained.kept, keep_days=days, id_=id_)

    def _keep_calibration(self) -> None:
        from spk.identify.explaining import calibration_record

        self.store.keep_calibration(self.gallery, calibration_record(self.calibration))

    def enroller(self) -> Enroller:
        """Adds people."""
        from spk.enroll import Enroller

        return Enroller(self.scorer(), self.embedder, self.vad, _Late(self), keep=self.kept_audio)

    @property
    def kept_audio(self) -> KeptAudio:
        """What is kept of new samples, to be listened to."""
        from spk.enroll import KeptAudio

        return KeptAudio(self.settings.keep_audio)

    def import_bundle(self, path: Path, gallery: str | None) -> Imported:
        """Store a bundle in a gallery (its own name without one), if the voices in it can be found there.

        Raises:
            FormatError: the file is no bundle, or damaged.
            FingerprintError: its voiceprints are by another model than would be searched by.
            ConflictError: some of it is in the store already.
        """
        from spk.store.bundles import Bundle

        bundle = Bundle.read(path, self.progress)
        name = gallery or bundle.gallery
        self._check_fits(bundle, name, path)
        keep_clips = self.settings.keep_audio != "none"
        return self.store.import_bundle(bundle, name, keep_clips=keep_clips, progress=self.progress)

    def _check_fits(self, bundle: Bundle, gallery: str, path: Path) -> None:
        """Refuse people whom the next search in the gallery would not find."""
        from spk.identify import Calibration

        for kept in bundle.calibrations:
            Calibration.parse(kept.record, source=f"{path}, calibration {kept.id}")
        judged_by = [kept.model for kept in bundle.calibrations if kept.in_use]
        with suppress(NotFoundError):
            own = self.store.calibration(self.store.gallery(gallery))
            judged_by = [own.model] if own else judged_by
        wanted = model_id(self.settings.model or next(iter(judged_by), DEFAULT_MODEL))
        made_by = {prints.model for prints in bundle.voiceprints}
        if made_by and wanted.fingerprint not in made_by:
            theirs = [name for name in _every_model() if model_id(name).fingerprint in made_by]
            advice = f"add --model {theirs[0]}" if theirs else "use the version of spk that made it"
            names = ", ".join(theirs or (made[:12] for made in sorted(made_by)))
            raise FingerprintError(
                f"{path}: its voiceprints are by {names}, and {wanted.name} would be searched by: "
                f"nothing was imported; {advice}"
            )


def _every_model() -> tuple[str, ...]:
    """The names of all embedders, and of every two of them."""
    return (*MODELS, *map("+".join, combinations(MODELS, 2)))


@dataclass(frozen=True)
class _Late:
    """The diarizer of a workbench, loaded only once a recording needs it: short clips never do."""

    bench: Workbench

    def __call__(self, audio: Audio, **how: Any) -> Diarization:  # noqa: ANN401 - passed on
        return self.bench.diarizer(audio, **how)
