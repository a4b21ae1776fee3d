"""The diarization part of the accuracy bench: our turns, and other systems', against references."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from manifests import Row
from pyannote.core import Annotation, Segment, Timeline
from pyannote.metrics.diarization import DiarizationErrorRate, JaccardErrorRate
from workers import NotInstalledError, Worker, peer, write_wav

from spk.audio import load
from spk.formats.rttm import read_rttm

__all__ = ["DIARIZATION_ROLES", "Score", "annotation", "compare"]

DIARIZATION_ROLES = ("diarization", "diarization-mix")
PARTS = {"missed": "missed detection", "false_alarm": "false alarm", "confusion": "confusion"}


@dataclass(eq=False)
class Score:
    """One system's errors, file by file and pooled; overlap is scored, and the whole file."""

    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    seconds: float = 0.0
    duration: float = 0.0

    def __post_init__(self) -> None:
        self.der = DiarizationErrorRate()
        self.collar = DiarizationErrorRate(collar=0.25)  # 0.25 s in all: half of it on each side of an edge
        self.jer = JaccardErrorRate()
        self.parts = dict.fromkeys(("total", *PARTS.values()), 0.0)

    def add(self, name: str, reference: Annotation, found: Annotation, duration: float, seconds: float) -> None:
        """Score one file."""
        uem = Timeline([Segment(0, duration)])
        errors = self.der(reference, found, uem=uem, detailed=True)
        for part in self.parts:
            self.parts[part] += errors[part]
        self.files[name] = {
            "der": errors["diarization error rate"],
            "der_collar": self.collar(reference, found, uem=uem),
            "jer": self.jer(reference, found, uem=uem),
            **{short: errors[part] / errors["total"] for short, part in PARTS.items()},
            "speakers": len(reference.labels()),
            "found": len(found.labels()),
            "duration": duration,
            "seconds": seconds,
        }
        self.seconds += seconds
        self.duration += duration

    def pooled(self) -> dict[str, Any]:
        """All files as one."""
        return {
            "der": abs(self.der),
            "der_collar": abs(self.collar),
            "jer": abs(self.jer),
            **{short: self.parts[part] / self.parts["total"] for short, part in PARTS.items()},
            "counts_right": sum(file["speakers"] == file["found"] for file in self.files.values()),
            "files": len(self.files),
            "real_time_factor": self.seconds / self.duration,
        }


def annotation(turns: Sequence[tuple[float, float, str]]) -> Annotation:
    """Turns (start, end, label) as pyannote takes them."""
    result = Annotation()
    for number, (start, end, label) in enumerate(turns):
        result[Segment(start, end), number] = label
    return result


def compare(
    rows: Sequence[Row], peers: Mapping[str, str], threads: int, scratch: Path, say: Callable[[str], None]
) -> dict[str, Score]:
    """Diarize every file with ``spk`` and some peers, one after the other.

    Args:
        rows: Recordings with an ``.rttm`` beside them.
        peers: The Python to run each of them with, by name.
        threads: How many each system may use.
        scratch: A folder for copies.
        say: Told how far it is.
    """
    with ExitStack() as stack:
        systems = {"spk": stack.enter_context(Worker("diarize", threads=threads))}
        for name, python in peers.items():
            try:
                systems[name] = stack.enter_context(peer(name, threads=threads, python=python, folder=scratch))
            except NotInstalledError as error:
                print(error)
        scores = {name: Score() for name in systems}
        for number, row in enumerate(rows):
            say(f"diarizing {number + 1} of {len(rows)}")
            audio = load(row.path)
            wav = write_wav(scratch / f"{number}.wav", audio)
            for name, diarize in systems.items():
                if not number:
                    diarize(file=wav)  # the first call of a process is not its usual pace
                answer = diarize(file=wav)
                found = annotation(answer["turns"])
                scores[name].add(row.name, _reference(row), found, audio.duration, answer["seconds"])
    return scores


def _reference(row: Row) -> Annotation:
    [turns] = read_rttm(row.path.with_suffix(".rttm")).values()
    return annotation([(turn.start, turn.end, turn.label) for turn in turns])
