"""`spk verify`: is this the person?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spk.cli.common import EXIT_ERROR, complain, counter, desk, either, exists, print_json, say, workbench
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
    Server,
    Threads,
    complete_speaker,
)
from spk.errors import InputError, NotFoundError, SpkError

if TYPE_CHECKING:
    from spk.formats.trials import Trial
    from spk.identify import Verification
    from spk.messages.verification import Compared, Verified
    from spk.store import Profile, Speaker
    from spk.workbench import Workbench

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
    server: Server = None,
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
    options: dict[str, Any] = {
        "home": home,
        "gallery": gallery,
        "model": model,
        "precision": precision,
        "device": device,
    }
    options |= {"fpir": fpir, "cost": cost, "server": server, "threads": threads, "quiet": quiet}
    if trials is not None:
        if name is not None:
            raise InputError("--trials names its own people and recordings: give nothing else")
        with workbench(**options) as bench:
            _all(bench, trials, as_json=as_json)
        return
    if name is None or file is None:
        raise InputError("say whose voice and which recording, as in: spk verify alice call.wav")
    with desk(**options) as ask:
        found = ask.verify(name, file)
    if as_json:
        print_json(found.to_json())
    else:
        say(verification_line(found))
        if found.decision_id is not None and not quiet:
            digits = found.decision_id.hex[:8]
            say(f"decision {digits} (spk explain {digits})")
    raise typer.Exit(0 if found.decision == "same" else EXIT_DIFFERENT)


def _all(bench: Workbench, trials: Path, *, as_json: bool) -> None:
    from spk.formats.lines import printable
    from spk.formats.trials import read_trials
    from spk.messages.verification import Verified

    if bench.settings.server is not None:
        raise InputError("--trials are judged on this machine, with its own home: leave out --server and SPK_SERVER")
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
            line = verification_line(Verified.model_validate({**record, "decision_id": None}))
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


def verification_line(found: Verified | Compared) -> str:
    """What may be said of a claim, or of two recordings, for people to read."""
    from spk.identify.decision import score_text
    from spk.identify.gallery import LEAST_SECONDS

    shortest, seconds = found.net_speech, f"{found.net_speech:.1f} s of speech"
    other = getattr(found, "other_net_speech", None)
    if other is not None and found.decision == "unsure":  # the other may be the one too short
        shortest, seconds = min(shortest, other), f"{other:.1f} s and {seconds}"
    if shortest < LEAST_SECONDS:
        seconds += ", too short to say"
    score = score_text(found.score, 3, is_cosine=found.cosine is not None)
    return f"{found.decision} (LLR {found.llr:+.2f}, {score}, {seconds})"
