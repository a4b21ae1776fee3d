"""Settings, and the parts of spk put together as they say. Read by the command line and the service alone."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

import platformdirs

from spk.embed import MODELS, Device, Precision, load_embedder, model_id, model_parts
from spk.errors import FingerprintError, InputError, NotFoundError
from spk.store.records import EngineDown

if TYPE_CHECKING:
    from spk.audio import Audio
    from spk.diarize import Diarization, Diarizer, VoiceActivity
    from spk.embed import Embedder, ModelId
    from spk.embed.weights import Progress
    from spk.enroll import Enroller, KeptAudio
    from spk.identify import Calibration, GalleryScorer, Identification, Identifier, OperatingPoint, Verifier
    from spk.identify.explaining import Explained
    from spk.review import Corrections, Judge
    from spk.review.applying import Applier
    from spk.store import DecisionRecord, Gallery, Speaker, Store
    from spk.store.bundles import Bundle
    from spk.store.upkeep import Imported

__all__ = ["Settings", "Workbench"]

DEFAULT_GALLERY = "default"
DEFAULT_MODEL = "ecapa"
MOST_THREADS = 1024
MOST_DAYS = 36_525.0  # a hundred years
_DAYS = ("keep_audio_days", "keep_decisions", "keep_recordings", "keep_undo")

KeepAudio = Literal["none", "clips", "samples"]
LearnFrom = Literal["never", "confirmed", "confident"]


@dataclass(frozen=True)
class Settings:
    """What can be set: by an option, else by the environment, else in ``spk.toml`` of the home.

    Attributes:
        home: The folder of the store; ``SPK_HOME``, by default in the user's data folder.
        gallery: Which set of people; ``SPK_GALLERY``.
        model: The embedder, one of `spk.embed.MODELS` or two joined by ``+``; None for that of the calibration which
            the gallery is judged by, and without one ``ecapa``; ``SPK_MODEL``.
        precision: ``full`` or ``fast``; ``SPK_PRECISION``.
        device: ``cpu`` or ``cuda``; ``SPK_DEVICE``.
        threads: How many threads may work, 0 for one a core; ``SPK_THREADS``.
        fpir: The share of strangers who may get a name; ``SPK_FPIR``.
        cost: What mistakes cost, as `spk.identify.OperatingPoint.parse_costs` reads it, and not together with
            ``fpir``; ``SPK_COST``.
        prior_unknown: How probable a stranger is before anything is heard; ``SPK_PRIOR_UNKNOWN``.
        database: The URL of a PostgreSQL database, where the truth is not in a SQLite file of the home;
            ``SPK_DATABASE``.
        engine_down: Whether a search goes to this process's own engine (``exact``) or fails (``refuse``) where the
            vector engine does not answer; ``SPK_ENGINE_DOWN``.
        qdrant_key: What Qdrant asks for, where that is the vector engine; ``SPK_QDRANT_KEY``.
        keep_audio: What is kept to be listened to: ``none``, ``clips`` of a few seconds, or ``samples``, the whole
            speech that people are enrolled by; ``SPK_KEEP_AUDIO``.
        keep_audio_days: For how many days, until ``spk store prune`` removes it; ``SPK_KEEP_AUDIO_DAYS``.
        learn: From which voices profiles learn beside what is enrolled: ``never``; those that somebody ``confirmed``;
            also those that are ``confident`` by themselves; ``SPK_LEARN``.
        keep_decisions: For how many days decisions are kept, 0 for not at all; older ones go when the home is next
            opened; ``SPK_KEEP_DECISIONS``.
        keep_recordings: For how many days it is kept what was heard in recordings (turns, voices, whose they are), 0
            for not at all; it goes as decisions do; ``SPK_KEEP_RECORDINGS``.
        keep_undo: For how many days changes can be undone; ``SPK_KEEP_UNDO``.
    """

    home: Path
    gallery: str = DEFAULT_GALLERY
    model: str | None = None
    precision: Precision = "full"
    device: Device = "cpu"
    threads: int = 0
    fpir: float | None = None
    cost: str | None = None
    prior_unknown: float | None = None
    database: str | None = field(default=None, repr=False)
    engine_down: EngineDown = "exact"
    qdrant_key: str | None = field(default=None, repr=False)
    keep_audio: KeepAudio = "clips"
    keep_audio_days: float = 90.0
    learn: LearnFrom = "confirmed"
    keep_decisions: float = 30.0
    keep_recordings: float = 365.0
    keep_undo: float = 30.0

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ, **options: Any) -> Self:  # noqa: ANN401 - fields
        """Settings from everywhere they may stand; options that are None were not given.

        Raises:
            InputError: a value is impossible, or ``spk.toml`` cannot be read.
        """
        given = {name: value for name, value in options.items() if value is not None}
        names = [one.name for one in fields(cls)]
        variables = {name: value for name in names if (value := environment.get(f"SPK_{name.upper()}"))}
        home = given.get("home") or variables.get("home") or platformdirs.user_data_dir("spk")
        try:
            path = Path(home).expanduser()
        except RuntimeError:  # a user whom the system does not know
            raise InputError(f"{home}: there is no such user: write the folder out") from None
        values = _merged(_file(path / "spk.toml", names[1:]), variables, given)
        return cls(**{**values, "home": path})._checked()

    def _checked(self) -> Self:
        if not isinstance(self.gallery, str):  # spk.toml may hold anything
            raise InputError(f"gallery is a name, not {self.gallery!r}: write it in quotes")
        try:
            threads = int(str(self.threads))  # 2.5 and true are no numbers of threads
        except ValueError:
            raise InputError(f"threads is a number, not {self.threads!r}: set it to 2, say") from None
        if not 0 <= threads <= MOST_THREADS:
            raise InputError(f"there cannot be {threads} threads: set 0 for one a core")
        for name, value, choices in (
            ("precision", self.precision, get_args(Precision)),
            ("device", self.device, get_args(Device)),
            ("engine_down", self.engine_down, get_args(EngineDown)),
            ("keep_audio", self.keep_audio, get_args(KeepAudio)),
            ("learn", self.learn, get_args(LearnFrom)),
        ):
            if value not in choices:
                raise InputError(f"{name} cannot be {value!r}; there are: {', '.join(choices)}")
        _check_model(self.model)
        for name in ("database", "qdrant_key"):
            if not isinstance(getattr(self, name), str | None):
                raise InputError(f"{name} is a text: write it in quotes")
        if not ((self.qdrant_key or "").isascii() and (self.qdrant_key or "").isprintable()):
            raise InputError("qdrant_key has letters, or ends of lines, that no key has: write it again")
        days = {name: _days(name, getattr(self, name)) for name in _DAYS}
        point = {name: _number(name, value) for name, value in self._point().items()}
        if point or self.cost is not None:
            from spk.identify import OperatingPoint  # for those who set it alone: it takes a moment

            OperatingPoint(**point)
            if self.cost is not None:
                OperatingPoint.parse_costs(str(self.cost))
        return replace(
            self,
            threads=threads,
            fpir=point.get("fpir"),
            prior_unknown=point.get("prior_unknown"),
            keep_audio_days=days["keep_audio_days"],
            keep_decisions=days["keep_decisions"],
            keep_recordings=days["keep_recordings"],
            keep_undo=days["keep_undo"],
        )

    def open_store(self, *, create: bool = True) -> Store:
        """The store that the settings mean.

        Raises:
            StoreError: it cannot be opened, or is missing and ``create`` is false.
        """
        from spk.store import Store

        return Store.open(
            self.home,
            create=create,
            database=self.database,
            engine_down=self.engine_down,
            qdrant_key=self.qdrant_key,
        )

    def _point(self) -> dict[str, float]:
        """The numbers of the operating point that are set."""
        numbers = {"fpir": self.fpir, "prior_unknown": self.prior_unknown}
        return {name: value for name, value in numbers.items() if value is not None}


def _number(name: str, value: object) -> float:
    try:
        return float(str(value))  # true is none
    except ValueError:
        raise InputError(f"{name} is a number, not {value!r}: set it to 0.1, say") from None


def _days(name: str, value: object) -> float:
    days = _number(name, value)
    if not 0 <= days <= MOST_DAYS:
        raise InputError(f"{name} cannot be {days:g} days: set 0 for not at all, or 30")
    return days


def _check_model(model: object) -> None:
    """See that there is such a model; none is no mistake."""
    try:
        if model is not None:
            model_parts(str(model))
    except NotFoundError as error:
        raise InputError(f"model cannot be {model!r}: {error}") from error


def _merged(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Settings from places of which the later count more; a cost and a rate exclude each other, the later one counts.

    Raises:
        InputError: one place has a cost and what a cost says, too.
    """
    values: dict[str, Any] = {}
    for layer in layers:
        if "cost" in layer:
            for other in ("fpir", "prior_unknown"):
                if other in layer:
                    raise InputError(f"cost and {other} cannot be set together: leave one of them out")
                values.pop(other, None)
        elif "fpir" in layer:
            values.pop("cost", None)
        values |= layer
    return values


def _file(path: Path, names: list[str]) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"{path}: cannot be read ({reason}): mend or remove it") from error
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: is no TOML ({error}): mend or remove it") from error
    if unknown := sorted(set(values) - set(names)):
        raise InputError(f"{path}: no setting is called {unknown[0]!r}; there are: {', '.join(names)}")
    return values


class Workbench:
    """The parts of spk, each made when it is first asked for; a context manager that closes the store.

    Args:
        settings: Which store, gallery, model, and so on.
        progress: Told of what takes long: weights that must be fetched or converted, recordings.
    """

    def __init__(self, settings: Settings, progress: Progress | None = None) -> None:
        self.settings = settings
        self.progress = progress

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if "store" in self.__dict__:
            self.store.close()

    @property
    def threads(self) -> int | None:
        """How many threads may work; None for one a core."""
        return self.settings.threads or None

    @cached_property
    def store(self) -> Store:
        """The store of the home, without what has been kept for long enough."""
        settings = self.settings
        store = settings.open_store()
        store.prune_decisions(settings.keep_decisions)
        store.prune_heard(recording_days=settings.keep_recordings, undo_days=settings.keep_undo)
        return store

    @cached_property
    def gallery(self) -> Gallery:
        """The gallery. A misspelt name is an error, not an empty gallery in which nobody is ever found."""
        return self.store.gallery(self.settings.gallery, create=self.settings.gallery == DEFAULT_GALLERY)

    def make_gallery(self) -> None:
        """Make the gallery where it is missing."""
        self.store.gallery(self.settings.gallery, create=True)

    @cached_property
    def model_name(self) -> str:
        """The embedder's: as set, else of the calibration that the gallery is judged by."""
        if self.settings.model is not None:
            return self.settings.model
        kept = self.store.calibration(self.gallery)
        return DEFAULT_MODEL if kept is None else kept.model

    @property
    def model(self) -> ModelId:
        """Which model the embedder is, without loading it."""
        return model_id(self.model_name)

    @cached_property
    def embedder(self) -> Embedder:
        """The model of the gallery's voiceprints."""
        settings, name = self.settings, self.model_name
        with self._preparing(*model_parts(name)):
            return load_embedder(name, precision=settings.precision, device=settings.device, threads=self.threads)

    @cached_property
    def vad(self) -> VoiceActivity:
        """The voice-activity model."""
        from spk.diarize import load_vad

        with self._preparing("silero-vad"):
            return load_vad(threads=self.threads)

    @cached_property
    def diarizer(self) -> Diarizer:
        """The diarizer."""
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
        return self._calibration_of(self.model)

    def _calibration_of(self, model: ModelId) -> Calibration:
        from spk.identify import Calibration, default_calibration

        kept = self.store.calibration(self.gallery)
        if kept is None or kept.model != model.name:
            return default_calibration(model)
        return Calibration.parse(kept.record, source=f"calibration {kept.id}").check(model)

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
        return next((replace(self.judge, model=one, calibration=self._calibration_of(one)) for one in theirs), None)

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

    def identifier(self, attendees: Sequence[Speaker] | None = None) -> Identifier:
        """Names voices."""
        from spk.identify import Identifier

        return Identifier(self.scorer(attendees), self.embedder, self.vad, _Late(self), self.point)

    @property
    def point(self) -> OperatingPoint:
        """When identification gives a name."""
        from spk.identify import OperatingPoint

        point, prior = self._point(OperatingPoint()), self.settings.prior_unknown
        return point if prior is None else replace(point, prior_unknown=prior)

    def verifier(self) -> Verifier:
        """Tests claims."""
        from spk.identify import Verifier
        from spk.identify.decision import VERIFICATION

        return Verifier(self.scorer(), self.embedder, self.vad, self._point(VERIFICATION))

    def _point(self, default: OperatingPoint) -> OperatingPoint:
        """When a verdict is given, as is set, without the setting for strangers, which claims know nothing of."""
        settings = self.settings
        return replace(default, fpir=settings.fpir) if settings.cost is None else default.parse_costs(settings.cost)

    @property
    def keeps_decisions(self) -> bool:
        """Whether decisions are kept."""
        return self.settings.keep_decisions > 0

    def keep(self, explained: Explained) -> DecisionRecord:
        """Keep a decision, and the calibration that it was made by."""
        _ = self._calibration_is_kept
        return self.store.record_decision(self.gallery, explained.kept, keep_days=self.settings.keep_decisions)

    @cached_property
    def _calibration_is_kept(self) -> bool:
        from spk.identify.explaining import calibration_record

        self.store.keep_calibration(self.gallery, calibration_record(self.calibration))
        return True

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
