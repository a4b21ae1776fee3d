"""Messages about calibrations."""

from __future__ import annotations

from pydantic import ConfigDict

from spk.messages.base import Message

__all__ = ["CalibrationInfo", "CalibrationUsed", "Rate"]


class Rate(Message):
    """A measure, and the interval in which it probably is.

    Attributes:
        value: As measured.
        low: The lower end.
        high: The upper end.
    """

    value: float
    low: float
    high: float


class CalibrationInfo(Message):
    """What scores are worth: a calibration without the numbers of its recipe.

    Attributes:
        id: A hash of its content.
        in_use: Whether the gallery is judged by it.
        recipe: How voices are scored; of a fusion, the recipes of its parts.
        format: Of the record.
        model: The model whose scores it is for.
        fingerprint: Of that model.
        slope: Of the line from scores to LLRs.
        offset: The same line's.
        constant: Added to what a short voice says less.
        half_seconds: So many seconds of speech say half of what a long voice does.
        false_alarms: The curve from odds to the share of strangers who reach them; None where it says none.
        data: What it was fitted on.
        speakers: How many people that were.
        trials: How many comparisons, by kind.
        held_out: How it does on people it does not know: ``cllr``, ``min_cllr``, ``eer``.
        created: When it was fitted.
        generic: Whether it is the one that ships, fitted on other recordings than yours.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "3f9a01c27b4e8d60",
                    "in_use": True,
                    "recipe": "cosine",
                    "format": "spk-calibration/1",
                    "model": "ecapa",
                    "fingerprint": "9f86d081884c7d65",
                    "slope": 21.4,
                    "offset": -6.1,
                    "constant": 0.2,
                    "half_seconds": 1.1,
                    "false_alarms": [-2.5, -1.0, -0.9, 0.7, -0.1],
                    "data": "people.csv",
                    "speakers": 120,
                    "trials": {"target": 480, "nontarget": 57120},
                    "held_out": {"eer": {"value": 0.021, "low": 0.012, "high": 0.034}},
                    "created": "2026-11-20",
                    "generic": False,
                }
            ]
        }
    )

    id: str
    in_use: bool
    recipe: str
    format: str
    model: str
    fingerprint: str
    slope: float
    offset: float
    constant: float
    half_seconds: float
    false_alarms: list[float] | None
    data: str
    speakers: int
    trials: dict[str, int]
    held_out: dict[str, Rate] | None
    created: str
    generic: bool


class CalibrationUsed(Message):
    """What a gallery is judged by from now on.

    Attributes:
        id: The calibration's; None for the one that ships.
        in_use: True.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"id": None, "in_use": True}]})

    id: str | None
    in_use: bool = True
