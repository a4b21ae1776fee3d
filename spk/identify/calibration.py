"""From cosines to calibrated log-likelihood ratios (LLR): what a score is worth as evidence.

Short speech blurs an embedding: the cosine of a person with their own profile falls as ``r``, the square root
of ``t / (t + HALF_SECONDS)`` of the voice times that of the profile, while strangers stay around zero, spread
nearly alike however long they speak. Two such normal distributions give an LLR close to

.. code-block:: text

    llr = sqrt(r) * (slope * cosine - offset * r)

Two coefficients, fitted by logistic regression, serve every length. With no speech there is no evidence: the
LLR goes to 0 with the net seconds, and it rises with the cosine at any length.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spk.errors import FingerprintError, FormatError, InputError, ModelError
from spk.identify.scoring import CentredCosine, Prints, gallery_centre

__all__ = [
    "HALF_SECONDS",
    "RECIPE",
    "Calibration",
    "Calibrator",
    "HeldOut",
    "Interval",
    "default_calibration",
]

FORMAT = "spk-calibration/1"
RECIPE = "gallery-centred-cosine/1"
"""The scores that calibrations of this module are for."""
HALF_SECONDS = 1.0
"""Net speech at which an embedding is half the speaker and half noise; 0.5 to 3 s serve about alike."""


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
    """Turns the scores of one model and one recipe into LLRs.

    Saved as one JSON object: ``format`` (``spk-calibration/1``), ``recipe``, ``model`` (name),
    ``fingerprint`` (of the model), ``slope``, ``offset``, ``half_seconds``, ``centre`` (dim numbers, the mean
    embedding of background speakers), ``data`` (text: what it was fitted on), ``speakers``, ``trials``
    (``target``, ``nontarget``), ``held_out`` (null, or ``cllr``, ``min_cllr``, ``eer``, each with ``value``,
    ``low``, ``high``), ``created`` (ISO date), ``generic`` (true unless fitted on the user's own speech).

    >>> calibration = Calibration(model="m", fingerprint="f", slope=40.0, offset=12.0, centre=np.zeros(2))
    >>> calibration.llr([0.5, 0.5, 0.5], test_seconds=[0.0, 1.0, 10.0], profile_seconds=30).round(1)
    array([0. , 9.7, 8.5])
    """

    model: str
    fingerprint: str
    slope: float
    offset: float
    centre: NDArray[np.float64] = field(repr=False)
    half_seconds: float = HALF_SECONDS
    recipe: str = RECIPE
    data: str = ""
    speakers: int = 0
    trials: Mapping[str, int] = field(default_factory=dict)
    held_out: HeldOut | None = None
    created: str = field(default_factory=lambda: date.today().isoformat())
    generic: bool = True

    def __post_init__(self) -> None:
        numbers = (self.slope, self.offset, self.half_seconds, *np.ravel(self.centre))
        if not np.isfinite(numbers).all() or self.slope <= 0 or self.offset < 0 or self.half_seconds <= 0:
            raise InputError(
                f"a calibration needs finite numbers, slope and half_seconds above 0 and an offset of at "
                f"least 0, not slope {self.slope}, offset {self.offset}, half_seconds {self.half_seconds}"
            )

    def llr(self, score: ArrayLike, test_seconds: ArrayLike, profile_seconds: ArrayLike) -> NDArray[np.float64]:
        """Natural-log likelihood ratios: above 0 speaks for the same person, below 0 against.

        Args:
            score: Scores of :attr:`recipe`, of any shape.
            test_seconds: Net speech of the voice, in seconds; broadcast against ``score``.
            profile_seconds: Net speech of the whole profile, in seconds; broadcast likewise.
        """
        clarity = _clarity(test_seconds, profile_seconds, self.half_seconds)
        llr: NDArray[np.float64] = np.sqrt(clarity) * (
            self.slope * np.asarray(score, dtype=np.float64) - self.offset * clarity
        )
        return llr

    def scorer(self, gallery: list[Prints] | tuple[Prints, ...] = ()) -> CentredCosine:
        """The scorer whose cosines this calibration understands, for one gallery."""
        return CentredCosine(gallery_centre(gallery, self.centre))

    def check(self, model: Model) -> Self:
        """This calibration, if it belongs to ``model``.

        Raises:
            FingerprintError: it was fitted on another model's scores.
        """
        if model.fingerprint != self.fingerprint:
            raise FingerprintError(
                f"the calibration was fitted for {self.model} ({self.fingerprint[:12]}) and cannot judge "
                f"scores of {model.name} ({model.fingerprint[:12]}): fit one with bench/fit_calibration.py"
            )
        return self

    def save(self, path: Path) -> None:
        """Write the calibration as JSON."""
        record = {"format": FORMAT, **asdict(self), "centre": [round(float(x), 6) for x in self.centre]}
        path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path, model: Model | None = None) -> Calibration:
        """Read a calibration, and check that it belongs to ``model``.

        Raises:
            FormatError: the file is no calibration, or one of a newer format.
            FingerprintError: it was fitted on another model's scores.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise FormatError(path, f"the calibration cannot be read ({error})") from error
        return cls._parse(text, str(path), model)

    @classmethod
    def _parse(cls, text: str, source: str, model: Model | None) -> Calibration:
        try:
            record = json.loads(text)
            if (record.pop("format"), record["recipe"]) != (FORMAT, RECIPE):
                raise FormatError(source, f"not a calibration of {FORMAT} for {RECIPE}: fit it again")
            held_out = record.pop("held_out")
            rates = {name: Interval(**rate) for name, rate in (held_out or {}).items()}
            calibration = cls(
                **record | {"centre": np.array(record["centre"], dtype=np.float64)},
                held_out=HeldOut(**rates) if held_out else None,
            )
        except (ValueError, TypeError, KeyError, AttributeError, InputError) as error:
            if isinstance(error, FormatError):
                raise
            raise FormatError(source, f"not a calibration ({error}): fit it again") from error
        return calibration.check(model) if model else calibration


class Calibrator:
    """Fits a calibration by logistic regression, the two kinds of trial weighing alike.

    Attributes:
        slope_: Evidence a unit of cosine, once fitted.
        offset_: Evidence against, once fitted.
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
            score: (n,) scores of :data:`RECIPE`.
            same: (n,) whether voice and profile are one person's.
            test_seconds: (n,) net speech of the voices, in seconds.
            profile_seconds: (n,) net speech of the profiles, in seconds.
            weight: (n,) how much each trial counts among its kind.

        Raises:
            InputError: one kind of trial is missing, or the scores do not tell the kinds apart.
        """
        from sklearn.linear_model import LogisticRegression  # takes a second: for fitting alone

        same = np.asarray(same, dtype=bool)
        if not same.any() or same.all():
            raise InputError("a calibration needs trials of both kinds: the same person, and different people")
        clarity = _clarity(test_seconds, profile_seconds, self.half_seconds)
        # The terms of the formula above: (n, 2)
        features = np.stack([clarity**0.5 * np.asarray(score), -(clarity**1.5)], axis=1)
        weights = np.ones(len(same)) if weight is None else np.asarray(weight, dtype=np.float64)
        kind = np.where(same, weights[same].sum(), weights[~same].sum())
        # Hardly any regularisation: two coefficients have thousands of trials.
        model = LogisticRegression(C=1e4, fit_intercept=False, max_iter=1000, tol=1e-8)
        slope, offset = model.fit(features, same, sample_weight=weights / kind * len(same) / 2).coef_[0]
        if slope <= 0 or offset < 0:
            raise InputError(
                f"these scores do not rise for the same person (slope {slope:.3g}, offset {offset:.3g}): "
                f"check the labels"
            )
        self.slope_, self.offset_ = float(slope), float(offset)
        return self

    def calibration(self, model: Model, centre: NDArray[Any], **about: Any) -> Calibration:  # noqa: ANN401 (fields)
        """The fitted calibration; ``about`` holds further fields of :class:`Calibration`."""
        return Calibration(
            model=model.name,
            fingerprint=model.fingerprint,
            slope=self.slope_,
            offset=self.offset_,
            half_seconds=self.half_seconds,
            centre=np.asarray(centre, dtype=np.float64),
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
            f"fit one with bench/fit_calibration.py"
        )
    return Calibration._parse(shipped[model.name].read_text(encoding="utf-8"), f"{model.name}.json", model)


def _clarity(test_seconds: ArrayLike, profile_seconds: ArrayLike, half_seconds: float) -> NDArray[np.float64]:
    """How much of the speaker both sides hold, from 0 (no speech) to 1 (endless speech)."""
    sides = [np.asarray(seconds, dtype=np.float64) for seconds in (test_seconds, profile_seconds)]
    if any(not np.isfinite(side).all() or (side < 0).any() for side in sides):
        raise InputError("net speech is a finite number of seconds of at least 0: check what was measured")
    test, profile = (side / (side + half_seconds) for side in sides)
    clarity: NDArray[np.float64] = np.sqrt(test * profile)
    return clarity
