"""`spk verify`: is this the person?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spk.cli.common import EXIT_ERROR, complain, counter, either, exists, print_json, say, workbench
from spk.cli.options import (
    AsJson,
    CostText,
    DeviceName,
    Fpir,
    GalleryName,
    Home,
    ModelName,
    PrecisionName,
    Quiet,
    Threads,
    complete_speaker,
)
from spk.errors import InputError, NotFoundError, SpkError

if TYPE_CHECKING:
    from spk.config import Workbench
    from spk.formats.trials import Trial
    from spk.identify import Verification
    from spk.store import Profile, Speaker

__all__ = ["EXIT_DIFFERENT", "verification_line", "verify"]

EXIT_DIFFERENT = 1


def verify(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="Whose voice it is said to be.",
            show_default=False,
            autocompletion=complete_speaker,
        ),
    ] = None,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", readable=False, help="The recording.", show_default=False)
    ] = None,
    *,
    trials: Annotated[
        Path | None,
        typer.Option(
            "--trials",
            metavar="TXT",
            readable=False,
            help="Many at once: a file of NAME FILE or FILE FILE, one trial a line.",
            show_default=False,
        ),
    ] = None,
    fpir: Fpir = None,
    cost: CostText = None,
    gallery: GalleryName = None,
    home: Home = None,
    model: ModelName = None,
    precision: PrecisionName = None,
    device: DeviceName = None,
    threads: Threads = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Is it the person?

    Leaves with status 0 for the same, 1 for different or unsure, 2 for an error.

    Example: spk verify alice call.wav
    """
    options = {"home": home, "gallery": gallery, "model": model, "precision": precision, "device": device}
    with workbench(**options, fpir=fpir, cost=cost, threads=threads, quiet=quiet) as bench:
        if trials is not None:
            if name is not None:
                raise InputError("--trials names its own people and recordings: give nothing else")
            _all(bench, trials, as_json=as_json)
        else:
            if name is None or file is None:
                raise InputError("say whose voice and which recording, as in: spk verify alice call.wav")
            _one(bench, name, file, as_json=as_json, quiet=quiet)


def _one(bench: Workbench, name: str, file: Path, *, as_json: bool, quiet: bool) -> None:
    from spk.audio import load
    from spk.identify import Decision
    from spk.identify.explaining import Collector

    speaker = bench.store.speaker(bench.gallery, name)
    audio = load(file)
    verifier = bench.verifier()
    collector = Collector(verifier.scorer)
    heard = verifier.listen(audio)
    found = verifier.claim(speaker, verifier.voice(heard))
    decision = None
    if bench.keeps_decisions:
        decision = str(bench.keep(collector.verification(found, heard, speaker, verifier.point)).id)
    if as_json:
        print_json({"enroll": name, "test": str(file), **found.to_json(), "decision_id": decision})
    else:
        say(verification_line(found))
        if decision is not None and not quiet:
            say(f"decision {decision[:8]} (spk explain {decision[:8]})")
    raise typer.Exit(0 if found.decision is Decision.SAME else EXIT_DIFFERENT)


def _all(bench: Workbench, trials: Path, *, as_json: bool) -> None:
    from spk.formats.lines import printable
    from spk.formats.trials import read_trials

    listed = list(read_trials(trials))  # all of it is read first: a wrong line is found before hours of work
    if not listed:
        raise InputError(f"{trials}: holds no trials: write NAME FILE or FILE FILE on each line")
    judge = _Judge(bench, trials.parent)
    another = counter(bench.progress, len(listed), "comparing")
    complaints: set[str] = set()
    failed = 0
    for trial in listed:
        record: dict[str, Any] = {"enroll": trial.enroll, "test": trial.test}
        try:
            found = judge(trial)
            record |= found.to_json()
            line = verification_line(found)
        except SpkError as error:
            record["error"] = line = str(error)
            if line not in complaints:  # a bad recording is named once, however many trials it is in
                complain(line)
            complaints.add(line)
            failed += 1
        if as_json:
            print_json(record)
        else:
            say(f"{printable(trial.serialize())}: {line}")
        another()
    if failed:
        complain(f"{failed} of {len(listed)} trials failed")
        raise typer.Exit(EXIT_ERROR)


class _Judge:
    """Judges trials; every recording is heard once.

    Args:
        bench: What to judge with.
        folder: Where recordings lie that are not found from the working folder.
    """

    def __init__(self, bench: Workbench, folder: Path) -> None:
        self.bench = bench
        self.folder = folder
        self.verifier = bench.verifier()
        self.people: dict[str, Speaker | None] = {}
        self.heard: dict[str, Profile | SpkError] = {}

    def __call__(self, trial: Trial) -> Verification:
        claimed = self._person(trial.enroll)
        if claimed is None:
            return self.verifier.compare(self._voice(trial.enroll), self._voice(trial.test))
        return self.verifier.claim(claimed, self._voice(trial.test))

    def _person(self, who: str) -> Speaker | None:
        """The enrolled person of that name; None where it is a recording's."""
        if who not in self.people:
            try:
                self.people[who] = self.bench.store.speaker(self.bench.gallery, who)
            except (NotFoundError, InputError) as error:  # the latter for what can be a path, but no name
                if not exists(self._file(who)):
                    raise NotFoundError(f"{error}; nor is there such a recording") from error
                self.people[who] = None
        return self.people[who]

    def _voice(self, file: str) -> Profile:
        from spk.audio import load

        if file not in self.heard:
            try:
                self.heard[file] = self.verifier.hear(load(self._file(file)))
            except SpkError as error:
                self.heard[file] = error
        voice = self.heard[file]
        if isinstance(voice, SpkError):
            raise voice
        return voice

    def _file(self, file: str) -> Path:
        return either(Path(file), self.folder / file)


def verification_line(found: Verification, *, both: bool = False) -> str:
    """What may be said of a claim, for people to read.

    Args:
        found: What was found.
        both: Whether the claim is of another recording, whose speech is said too where it may be the one too short.
    """
    from spk.identify.decision import Decision, score_text
    from spk.identify.gallery import LEAST_SECONDS

    shortest, seconds = found.net_seconds, f"{found.net_seconds:.1f} s of speech"
    if both and found.comparison is not None and found.decision is Decision.UNSURE:
        other = found.comparison.profiles[0].total_net_seconds
        shortest, seconds = min(shortest, other), f"{other:.1f} s and {seconds}"
    if shortest < LEAST_SECONDS:
        seconds += ", too short to say"
    score = score_text(found.score, 3, is_cosine=found.is_cosine)
    return f"{found.decision.value} (LLR {found.llr:+.2f}, {score}, {seconds})"
