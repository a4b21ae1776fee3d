"""Settings, and the parts of spk put together as they say. Read by the command line and the service alone."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, get_args

import platformdirs

from spk.embed import MODELS, Device, Precision, load_embedder
from spk.errors import InputError

if TYPE_CHECKING:
    from spk.audio import Audio
    from spk.diarize import Diarization, Diarizer, VoiceActivity
    from spk.embed import Embedder
    from spk.embed.weights import Progress
    from spk.enroll import Enroller
    from spk.identify import Calibration, GalleryScorer, Identifier, Verifier
    from spk.store import Gallery, Store

__all__ = ["Settings", "Workbench"]

DEFAULT_GALLERY = "default"
MOST_THREADS = 1024


@dataclass(frozen=True)
class Settings:
    """What can be set: by an option, else by the environment, else in ``spk.toml`` of the home.

    Attributes:
        home: The folder of the store; ``SPK_HOME``, by default in the user's data folder.
        gallery: Which set of people; ``SPK_GALLERY``.
        model: The embedder, one of `spk.embed.MODELS`; ``SPK_MODEL``.
        precision: ``full`` or ``fast``; ``SPK_PRECISION``.
        device: ``cpu`` or ``cuda``; ``SPK_DEVICE``.
        threads: How many threads may work, 0 for one a core; ``SPK_THREADS``.
    """

    home: Path
    gallery: str = DEFAULT_GALLERY
    model: str = "ecapa"
    precision: Precision = "full"
    device: Device = "cpu"
    threads: int = 0

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ, **options: Any) -> Self:  # noqa: ANN401 - fields
        """Settings from everywhere they may stand; options that are None were not given.

        Raises:
            InputError: a value is impossible, or ``spk.toml`` cannot be read.
        """
        given = {name: value for name, value in options.items() if value is not None}
        names = [field.name for field in fields(cls)]
        variables = {name: value for name in names if (value := environment.get(f"SPK_{name.upper()}"))}
        home = given.get("home") or variables.get("home") or platformdirs.user_data_dir("spk")
        try:
            path = Path(home).expanduser()
        except RuntimeError:  # a user whom the system does not know
            raise InputError(f"{home}: there is no such user: write the folder out") from None
        values = {**_file(path / "spk.toml", names[1:]), **variables, **given, "home": path}
        return cls(**values)._checked()

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
            ("model", self.model, tuple(MODELS)),
            ("precision", self.precision, get_args(Precision)),
            ("device", self.device, get_args(Device)),
        ):
            if value not in choices:
                raise InputError(f"{name} cannot be {value!r}; there are: {', '.join(choices)}")
        return replace(self, threads=threads)


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
        """The store of the home."""
        from spk.store import Store

        return Store.open(self.settings.home)

    @cached_property
    def gallery(self) -> Gallery:
        """The gallery. A misspelt name is an error, not an empty gallery in which nobody is ever found."""
        return self.store.gallery(self.settings.gallery, create=self.settings.gallery == DEFAULT_GALLERY)

    def make_gallery(self) -> None:
        """Make the gallery where it is missing."""
        self.store.gallery(self.settings.gallery, create=True)

    @cached_property
    def embedder(self) -> Embedder:
        """The model of the gallery's voiceprints."""
        settings = self.settings
        with self._preparing(settings.model):
            return load_embedder(
                settings.model, precision=settings.precision, device=settings.device, threads=self.threads
            )

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
        """The calibration that ships for the model."""
        from spk.identify import default_calibration

        return default_calibration(self.embedder.model)

    def scorer(self) -> GalleryScorer:
        """The gallery as it is now."""
        from spk.identify import GalleryScorer

        return GalleryScorer(self.store, self.gallery, self.embedder.model, self.calibration)

    def identifier(self) -> Identifier:
        """Names voices."""
        from spk.identify import Identifier, Thresholds

        return Identifier(self.scorer(), self.embedder, self.vad, _Late(self), Thresholds())

    def verifier(self) -> Verifier:
        """Tests claims."""
        from spk.identify import Verifier

        return Verifier(self.scorer(), self.embedder, self.vad)

    def enroller(self) -> Enroller:
        """Adds people."""
        from spk.enroll import Enroller

        return Enroller(self.scorer(), self.embedder, self.vad, _Late(self))


@dataclass(frozen=True)
class _Late:
    """The diarizer of a workbench, loaded only once a recording needs it: short clips never do."""

    bench: Workbench

    def __call__(self, audio: Audio, **how: Any) -> Diarization:  # noqa: ANN401 - passed on
        return self.bench.diarizer(audio, **how)
