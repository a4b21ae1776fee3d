"""The diarization part of the accuracy bench: our turns, and other systems', against references."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from manifests import Row
from workers import NotInstalledError, Worker, peer, write_wav

from spk.audio import load
from spk.evaluate.diarization import TalkScore, score_turns
from spk.formats.rttm import read_rttm
from spk.timeline import Segment, Timeline, Turn

__all__ = ["DIARIZATION_ROLES", "Score", "compare", "timeline"]

DIARIZATION_ROLES = ("diarization", "diarization-mix")


@dataclass(eq=False)
class Score:
    """One system's errors, file by file and pooled; overlap is scored, and the whole file."""

    talks: list[TalkScore] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    def add(self, name: str, reference: Timeline, found: Timeline, duration: float, seconds: float) -> None:
        """Score one file."""
        self.talks.append(score_turns(name, reference, found, duration))
        self.times.append(seconds)

    @property
    def files(self) -> dict[str, dict[str, Any]]:
        """The rates of each file."""
        return {
            talk.file: {**_rates(talk), "speakers": talk.speakers, "found": talk.found, "duration": talk.duration}
            | {"seconds": seconds}
            for talk, seconds in zip(self.talks, self.times, strict=True)
        }

    def pooled(self) -> dict[str, Any]:
        """All files as one."""
        pooled = TalkScore.pooled(self.talks)
        return {
            **_rates(pooled),
            "counts_right": sum(talk.speakers == talk.found for talk in self.talks),
            "files": len(self.talks),
            "real_time_factor": sum(self.times) / pooled.duration,
        }


def timeline(turns: Sequence[tuple[float, float, str]]) -> Timeline:
    """Turns (start, end, label) as `score_turns` takes them."""
    return Timeline(Turn(Segment(start, end), label) for start, end, label in turns)


def _rates(talk: TalkScore) -> dict[str, float]:
    parts = {"missed": talk.missed, "false_alarm": talk.false_alarm, "confusion": talk.confusion}
    shares = {name: part / talk.speech for name, part in parts.items()}
    return {"der": talk.der, "der_collar": talk.der_collar, "jer": talk.jer, **shares}


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
                found = timeline(answer["turns"])
                scores[name].add(row.name, _reference(row), found, audio.duration, answer["seconds"])
    return scores


def _reference(row: Row) -> Timeline:
    [turns] = read_rttm(row.path.with_suffix(".rttm")).values()
    return turns
