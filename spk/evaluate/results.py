"""What an evaluation saw, trial by trial: enough to compute every measure again, and to compare with another run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from spk.errors import FormatError
from spk.evaluate.diarization import TalkScore
from spk.formats.lines import printable

__all__ = ["SCHEMA", "SYSTEMS", "Claimed", "Evaluation", "Probe", "Searches"]

SCHEMA = "spk-evaluation/1"
SYSTEMS = ("score", "llr", "claim")
"""A trial's three numbers: the recipe's score, the calibrated LLR, and the LLR with the gallery's others weighed."""
DIGITS = 6

Matrix = NDArray[np.float64]
_Row = TypeVar("_Row", "Probe", "Claimed", "TalkScore")


@dataclass(frozen=True)
class Probe:
    """One clip that was identified.

    Attributes:
        file: Which, and which part of it.
        speaker: Whose voice it is.
        enrolled: Whether this person is in the gallery.
        net_seconds: Speech in it.
        verdict: ``known``, ``unsure``, ``unknown``; ``refused`` where nothing can be said of it.
        name: Of whom, where known.
        probability: Of the best person.
        reason: Why it was refused.
    """

    file: str
    speaker: str
    enrolled: bool
    net_seconds: float = 0.0
    verdict: str = "refused"
    name: str | None = None
    probability: float | None = None
    reason: str = ""

    @property
    def outcome(self) -> str:
        """The verdict, or ``wrong`` for somebody else's name."""
        return "wrong" if self.verdict == "known" and self.name != self.speaker else self.verdict


@dataclass(frozen=True, eq=False)
class Searches:
    """Probes against everybody in a gallery.

    Attributes:
        people: Who is in it, or was compared.
        probes: Every clip, also those that were refused.
        score: (probes, people) the recipe's score; NaN in the rows of refused probes, as in the two others.
        llr: (probes, people) calibrated LLR, natural log.
        claim: (probes, people) LLR of each person against strangers and everybody else in the gallery.
    """

    people: tuple[str, ...]
    probes: tuple[Probe, ...]
    score: Matrix
    llr: Matrix
    claim: Matrix

    @cached_property
    def judged(self) -> NDArray[np.bool_]:
        """(probes,) of which something can be said."""
        return np.array([probe.verdict != "refused" for probe in self.probes], bool)

    @cached_property
    def same(self) -> NDArray[np.bool_]:
        """(probes, people) whether it is that person."""
        found: NDArray[np.bool_] = np.array([probe.speaker for probe in self.probes], object)[:, None] == np.array(
            self.people, object
        )
        return found

    @cached_property
    def enrolled(self) -> NDArray[np.bool_]:
        """(probes,) whether the person is in the gallery."""
        return np.array([probe.enrolled for probe in self.probes], bool)


@dataclass(frozen=True)
class Claimed:
    """One trial of a list.

    Attributes:
        enroll: The name or recording.
        test: The recording.
        same: Whether both are the same person.
        score: The recipe's score; None where nothing can be said of a recording, as in what follows.
        llr: Calibrated LLR, natural log.
        claim: LLR with the gallery's other people weighed against the claim; of two recordings the same as ``llr``.
        decision: ``same``, ``unsure``, ``different``; ``refused``.
        net_seconds: Speech in the tested recording.
        reason: Why it was refused.
    """

    enroll: str
    test: str
    same: bool
    score: float | None = None
    llr: float | None = None
    claim: float | None = None
    decision: str = "refused"
    net_seconds: float = 0.0
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Everything one run saw.

    Attributes:
        conditions: Under what: model, recipe, calibration, operating point, list; texts and numbers.
        searches: Clips that were identified.
        claims: Trials of a list.
        talks: Conversations that were diarized.
        notes: What was left out, and why, one line each.
    """

    conditions: Mapping[str, Any]
    searches: Searches | None = None
    claims: tuple[Claimed, ...] = ()
    talks: tuple[TalkScore, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """One object of the schema ``spk-evaluation/1``.

        ``schema``: its name and version. ``conditions``: under what it was measured. ``people``: who was in the
        gallery. ``probes``: one clip each, with ``speaker``, ``enrolled``, ``net_seconds``, ``verdict``, ``name``,
        ``probability``, ``reason``, and where it was judged the lists ``score``, ``llr`` and ``claim``, a number for
        each of ``people``. ``claims``: trials of a list. ``diarization``: errors by file, in seconds, and the rates.
        ``notes``: what was left out.
        """
        record: dict[str, Any] = {"schema": SCHEMA, "conditions": dict(self.conditions), "notes": list(self.notes)}
        if found := self.searches:
            record["people"] = list(found.people)
            record["probes"] = [
                asdict(probe)
                | ({name: getattr(found, name)[row].tolist() for name in SYSTEMS} if found.judged[row] else {})
                for row, probe in enumerate(found.probes)
            ]
        if self.claims:
            record["claims"] = [asdict(claim) for claim in self.claims]
        if self.talks:
            record["diarization"] = [talk.to_json() for talk in self.talks]
        return record

    @classmethod
    def from_json(cls, record: Any, source: str = "evaluation") -> Evaluation:  # noqa: ANN401 - whatever a file holds
        """What `to_json` gave.

        Raises:
            FormatError: it is no such object, of another version, incomplete, or holds a number that is not finite.
        """
        schema = record.get("schema") if isinstance(record, dict) else None
        if not isinstance(schema, str) or not schema.startswith("spk-evaluation/"):
            raise FormatError(source, "is no result of spk evaluate: give a file that its --json wrote")
        if schema != SCHEMA:
            reason = f"is of the version {printable(schema)}, and this spk reads {SCHEMA}: evaluate again"
            raise FormatError(source, reason)
        try:
            return cls(
                dict(record["conditions"]),
                _searches(record, source) if "probes" in record else None,
                tuple(_finite(Claimed(**claim), source) for claim in record.get("claims", ())),
                tuple(_finite(TalkScore.from_json(talk), source) for talk in record.get("diarization", ())),
                tuple(map(str, record.get("notes", ()))),
            )
        except (KeyError, TypeError, ValueError) as error:
            reason = f"is incomplete or damaged ({printable(error)}): evaluate again"
            raise FormatError(source, reason) from None

    @classmethod
    def load(cls, path: Path) -> Evaluation:
        """Read a file that `spk evaluate --json` wrote.

        Raises:
            FormatError: it is none, or is damaged.
        """
        source = printable(path)

        def refuse(name: str) -> float:
            raise FormatError(source, f"holds {name}, which is no score: evaluate again")

        try:
            record = json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
        except json.JSONDecodeError as error:
            raise FormatError(source, f"is no JSON ({error.msg}): evaluate again", error.lineno) from None
        except UnicodeDecodeError:
            raise FormatError(source, "is no JSON: give a file that spk evaluate --json wrote") from None
        except OSError as error:
            raise FormatError(source, f"cannot be read ({error.strerror}): check the path") from None
        return cls.from_json(record, source)


def _searches(record: dict[str, Any], source: str) -> Searches:
    people = tuple(map(str, record["people"]))
    names = set(Probe.__dataclass_fields__)
    probes = tuple(
        _finite(Probe(**{name: value for name, value in row.items() if name in names}), source)
        for row in record["probes"]
    )
    matrices = np.full((len(SYSTEMS), len(probes), len(people)), np.nan)
    for number, (probe, row) in enumerate(zip(probes, record["probes"], strict=True)):
        if probe.verdict != "refused":
            for matrix, name in zip(matrices, SYSTEMS, strict=True):
                matrix[number] = row[name]
                if not np.isfinite(matrix[number]).all():
                    raise FormatError(
                        source, f"{printable(probe.file)} has a {name} that is not finite: evaluate again"
                    )
    return Searches(people, probes, *matrices)


def _finite(row: _Row, source: str) -> _Row:
    """The row, if its numbers are."""
    for name, value in asdict(row).items():
        if isinstance(value, float) and not np.isfinite(value):
            raise FormatError(source, f"has a {name} that is not finite: evaluate again")
    return row
