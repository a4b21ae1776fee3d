"""From scores to calibrated log-likelihood ratios (LLR): what a score is worth as evidence.

Short speech blurs an embedding: the cosine of a person with their own profile falls as ``r``, the square root
of ``t / (t + half_seconds)`` of the voice times that of the profile, while strangers stay around zero, spread
nearly alike however long they speak. Two such normal distributions give an LLR close to

.. code-block:: text

    llr = sqrt(r) * (slope * score - offset * r - constant)

Three coefficients, fitted by logistic regression, serve every length; the constant is for scores whose strangers do
not lie around zero. With no speech there is no evidence: the LLR goes to 0 with the net seconds, and it rises with
the score at any length.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spk.errors import FingerprintError, FormatError, InputError, ModelError
from spk.identify.false_alarms import FalseAlarms
from spk.identify.scoring import GalleryScorer, Prints, Recipe, recipe_from_json

__all__ = [
    "FORMAT",
    "HALF_SECONDS",
    "Calibration",
    "Calibrator",
    "HeldOut",
    "Interval",
    "default_calibration",
]

FORMAT = "spk-calibration/2"
HALF_SECONDS = 2.0
"""Net speech at which an embedding is half the speaker and half noise; 1 to 4 s serve about alike."""


class Model(Protocol):
    """What says which model made an embedding: ``spk.embed.ModelId``."""

    @property
    def name(self) -> str:
        """What users call the model."""
        ...

    @property
    def fingerprint(self) -> str:
        """Hash of weights, front end and graph version."""
        ...


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and its 95 % confidence interval.

    >>> print(Interval(0.021, 0.015, 0.030))
    0.021 (0.015-0.03)
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3g} ({self.low:.3g}-{self.high:.3g})"


@dataclass(frozen=True, slots=True)
class HeldOut:
    """How the calibration did on speakers it was not fitted on; the intervals come from resampling speakers.

    Attributes:
        cllr: Cost of the LLRs in bits: 0 is perfect, 1 is knowing nothing.
        min_cllr: The same after the best calibration in hindsight; the gap is what miscalibration costs.
        eer: Equal error rate, from 0 to 1.
    """

    cllr: Interval
    min_cllr: Interval
    eer: Interval


@dataclass(frozen=True, eq=False)
class Calibration:
    """A fitted recipe for scores, and what its scores are worth; bound to one model.

    Saved as one JSON object: ``format`` (``spk-calibration/2``), ``model`` (name), ``fingerprint`` (of the model),
    ``recipe`` (`Recipe.to_json`), ``slope``, ``offset``, ``constant``, ``half_seconds``, ``false_alarms`` (null, or
    the five coefficients of `FalseAlarms`), ``data`` (text: what it was fitted on), ``speakers``, ``trials``
    (``target``, ``nontarget``), ``held_out`` (null, or ``cllr``, ``min_cllr``, ``eer``, each with ``value``, ``low``,
    ``high``), ``created`` (ISO date), ``generic`` (true unless fitted on the user's own speech). It holds
    statistics alone, and nobody's voiceprint.

    >>> from spk.identify.scoring import CentredCosine
    >>> recipe = CentredCosine().fit(np.eye(2), ["a", "b"])
    >>> calibration = Calibration("m", "f", recipe, slope=40.0, offset=12.0, half_seconds=1.0)
    >>> calibration.llr([0.5, 0.5, 0.5], test_seconds=[0.0, 1.0, 10.0], profile_seconds=30).round(1)
    array([0. , 9.7, 8.5])
    """

    model: str
    fingerprint: str
    recipe: Recipe = field(repr=False)
    slope: float
    offset: float
    constant: float = 0.0
    half_seconds: float = HALF_SECONDS
    false_alarms: FalseAlarms | None = None
    data: str = ""
    speakers: int = 0
    trials: Mapping[str, int] = field(default_factory=dict)
    held_out: HeldOut | None = None
    created: str = field(default_factory=lambda: date.today().isoformat())
    generic: bool = True

    def __post_init__(self) -> None:
        numbers = (self.slope, self.offset, self.constant, self.half_seconds)
        if not np.isfinite(numbers).all() or self.slope <= 0 or self.half_seconds <= 0:
            raise InputError(
                f"a calibration needs finite numbers, slope and half_seconds above 0, not slope {self.slope}, "
                f"offset {self.offset}, constant {self.constant}, half_seconds {self.half_seconds}"
            )

    @cached_property
    def id(self) -> str:
        """What the calibration is known by: the first 16 hex digits of the hash of what it holds."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()[:16]

    @property
    def recipe_name(self) -> str:
        """The recipe's name; of a fusion, that of its parts."""
        parts = getattr(self.recipe, "parts", ())
        return "+".join(dict.fromkeys(part.name for part in parts)) or self.recipe.name

    def llr(self, score: ArrayLike, test_seconds: ArrayLike, profile_seconds: ArrayLike) -> NDArray[np.float64]:
        """Natural-log likelihood ratios: above 0 speaks for the same person, below 0 against.

        Args:
            score: Scores of :attr:`recipe`, of any shape.
            test_seconds: Net speech of the voice, in seconds; broadcast against ``score``.
            profile_seconds: Net speech of the whole profile, in seconds; broadcast likewise.

        Raises:
            InputError: a score or a length is no finite number.
        """
        scores = np.asarray(score, dtype=np.float64)
        if not np.isfinite(scores).all():
            raise InputError("a score is no finite number: embed the audio again")
        clarity = _clarity(test_seconds, profile_seconds, self.half_seconds)
        llr: NDArray[np.float64] = np.sqrt(clarity) * (self.slope * scores - self.offset * clarity - self.constant)
        return llr

    def scorer(self, gallery: list[Prints] | tuple[Prints, ...] = ()) -> GalleryScorer:
        """The scorer whose scores this calibration understands, for one gallery."""
        return self.recipe.scorer(gallery)

    def check(self, model: Model) -> Self:
        """This calibration, if it belongs to ``model``.

        Raises:
            FingerprintError: it was fitted on another model's scores.
        """
        if model.fingerprint != self.fingerprint:
            raise FingerprintError(
                f"the calibration was fitted for {self.model} ({self.fingerprint[:12]}) and cannot judge "
                f"scores of {model.name} ({model.fingerprint[:12]}): fit one with `spk calibrate`"
            )
        return self

    def to_json(self) -> dict[str, Any]:
        """The fields as plain data; see the class."""
        return {
            "format": FORMAT,
            "model": self.model,
            "fingerprint": self.fingerprint,
            "recipe": self.recipe.to_json(),
            "slope": self.slope,
            "offset": self.offset,
            "constant": self.constant,
            "half_seconds": self.half_seconds,
            "false_alarms": list(self.false_alarms.coefficients) if self.false_alarms else None,
            "data": self.data,
            "speakers": self.speakers,
            "trials": dict(self.trials),
            "held_out": asdict(self.held_out) if self.held_out else None,
            "created": self.created,
            "generic": self.generic,
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any], *, source: str = "calibration") -> Self:
        """What `to_json` gave; ``source`` is what it is from, for messages.

        Raises:
            FormatError: it is no calibration, or one of another format.
        """
        try:
            fields = dict(record)
            if fields.pop("format") != FORMAT:
                raise FormatError(source, f"not a calibration of {FORMAT}: fit it again")
            held_out, alarms = fields.pop("held_out"), fields.pop("false_alarms")
            rates = {name: Interval(**rate) for name, rate in (held_out or {}).items()}
            return cls(
                **fields | {"recipe": recipe_from_json(fields["recipe"]), "trials": dict(fields["trials"])},
                held_out=HeldOut(**rates) if held_out else None,
                false_alarms=FalseAlarms(tuple(alarms)) if alarms else None,
            )
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, InputError) as error:
            if isinstance(error, FormatError):
                raise
            raise FormatError(source, f"not a calibration ({error}): fit it again") from error

    def save(self, path: Path) -> None:
        """Write the calibration as JSON."""
        path.write_text(json.dumps(self.to_json(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path, model: Model | None = None) -> Self:
        """Read a calibration, and check that it belongs to ``model``.

        Raises:
            FormatError: the file is no calibration, or one of another format.
            FingerprintError: it was fitted on another model's scores.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise FormatError(path, f"the calibration cannot be read ({reason}): check the path") from error
        calibration = cls.parse(text, source=str(path))
        return calibration.check(model) if model else calibration

    @classmethod
    def parse(cls, text: str, *, source: str = "calibration") -> Self:
        """Read the JSON text of a calibration.

        Raises:
            FormatError: it is none, or one of another format.
        """
        try:
            record = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise FormatError(source, f"not a calibration ({error}): fit it again") from error
        if not isinstance(record, dict):
            raise FormatError(source, "not a calibration: fit it again")
        return cls.from_json(record, source=source)


class Calibrator:
    """Fits LLRs to scores by logistic regression, the two kinds of trial weighing alike.

    Attributes:
        slope_: Evidence a unit of score, once fitted.
        offset_: Evidence against, which clear speech makes larger.
        constant_: Evidence against, whatever the length.
    """

    def __init__(self, half_seconds: float = HALF_SECONDS) -> None:
        self.half_seconds = half_seconds

    def fit(
        self,
        score: ArrayLike,
        same: ArrayLike,
        *,
        test_seconds: ArrayLike,
        profile_seconds: ArrayLike,
        weight: ArrayLike | None = None,
    ) -> Self:
        """Fit on trials with known answers.

        Args:
            score: (n,) scores of one recipe.
            same: (n,) whether voice and profile are one person's.
            test_seconds: (n,) net speech of the voices, in seconds.
            profile_seconds: (n,) net speech of the profiles, in seconds.
            weight: (n,) how much each trial counts among its kind.

        Raises:
            InputError: one kind of trial is missing, a score is not finite, or the scores do not tell the kinds
                apart.
        """
        from sklearn.linear_model import LogisticRegression  # takes a second: for fitting alone

        same, scores = np.asarray(same, dtype=bool), np.asarray(score, dtype=np.float64)
        if not same.any() or same.all():
            raise InputError("a calibration needs trials of both kinds: the same person, and different people")
        if not np.isfinite(scores).all():
            raise InputError("a score is no finite number: embed the audio again")
        clarity = _clarity(test_seconds, profile_seconds, self.half_seconds)
        # The terms of the formula above, scores in units of their spread: the solver likes like sizes. (n, 3)
        spread = float(scores.std()) or 1.0
        features = np.stack([clarity**0.5 * scores / spread, -(clarity**1.5), -(clarity**0.5)], axis=1)
        weights = np.ones(len(same)) if weight is None else np.asarray(weight, dtype=np.float64)
        kind = np.where(same, weights[same].sum(), weights[~same].sum())
        # Hardly any regularisation: three coefficients have thousands of trials.
        model = LogisticRegression(C=1e4, fit_intercept=False, max_iter=3000, tol=1e-8)
        slope, offset, constant = model.fit(features, same, sample_weight=weights / kind * len(same) / 2).coef_[0]
        if slope <= 0:
            raise InputError(
                f"these scores do not rise for the same person (slope {slope / spread:.3g}): check the labels"
            )
        self.slope_, self.offset_, self.constant_ = float(slope / spread), float(offset), float(constant)
        return self

    def calibration(self, model: Model, recipe: Recipe, **about: Any) -> Calibration:  # noqa: ANN401 (fields)
        """The fitted calibration; ``about`` holds further fields of :class:`Calibration`."""
        return Calibration(
            model=model.name,
            fingerprint=model.fingerprint,
            recipe=recipe,
            slope=round(self.slope_, 6),
            offset=round(self.offset_, 6),
            constant=round(self.constant_, 6),
            half_seconds=self.half_seconds,
            **about,
        )


def default_calibration(model: Model) -> Calibration:
    """The calibration that ships for ``model``. It is generic: one fitted on your own recordings is better.

    Raises:
        ModelError: none ships for this model.
        FingerprintError: the one that ships was fitted for another version of the model.
    """
    folder = resources.files("spk.identify") / "calibrations"
    shipped = {entry.name.removesuffix(".json"): entry for entry in folder.iterdir() if entry.name.endswith(".json")}
    if model.name not in shipped:
        raise ModelError(
            f"no calibration ships for the model {model.name} (only for {', '.join(sorted(shipped))}): "
            f"fit one with `spk calibrate`"
        )
    text = shipped[model.name].read_text(encoding="utf-8")
    return Calibration.parse(text, source=f"{model.name}.json").check(model)


def _clarity(test_seconds: ArrayLike, profile_seconds: ArrayLike, half_seconds: float) -> NDArray[np.float64]:
    """How much of the speaker both sides hold, from 0 (no speech) to 1 (endless speech)."""
    sides = [np.asarray(seconds, dtype=np.float64) for seconds in (test_seconds, profile_seconds)]
    if any(not np.isfinite(side).all() or (side < 0).any() for side in sides):
        raise InputError("net speech is a finite number of seconds of at least 0: check what was measured")
    test, profile = (side / (side + half_seconds) for side in sides)
    clarity: NDArray[np.float64] = np.sqrt(test * profile)
    return clarity
