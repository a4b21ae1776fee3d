"""The manners of every command: help with an example that parses, completion, quiet, JSON, bars."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from spk.cli import app

from .conftest import ANN, COMMAND, Demo, Spk

COMMANDS = typer.main.get_command(app)


def every(command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command that does something."""
    below = getattr(command, "commands", {})
    if not below:
        yield path
    for name, each in below.items():
        yield from every(each, (*path, name))


ALL = list(every(COMMANDS))


def described(path: tuple[str, ...]):
    command = COMMANDS
    for name in path:
        command = command.commands[name]
    return command


def options(path: tuple[str, ...]) -> set[str]:
    return {option for parameter in described(path).params for option in parameter.opts}


def test_every_command_is_known_here() -> None:
    assert len(ALL) == 20 + 11 + 8 + 5 + 8 + 3 + 3 + 4 + 3 + 2


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_help(path: tuple[str, ...]) -> None:
    """An example that parses as what it shows, and the options that every command has."""
    command = described(path)
    examples = re.findall(r"^Example: (.+)$", command.help, re.MULTILINE)
    assert len(examples) == 1
    words = shlex.split(examples[0])
    assert tuple(words[: len(path) + 1]) == ("spk", *path)
    command.make_context("spk", words[len(path) + 1 :])  # raises what parsing raises; runs nothing
    assert {"--json", "--quiet", "-q"} <= options(path)
    no_store = {"diff", "import", "label-transcript", "models"}
    assert path[0] in no_store or "--home" in options(path)
    whole_home = {"audit", "galleries", "keys", "store", "worker"}
    assert path[0] in {*no_store, *whole_home} or "--gallery" in options(path)
    assert all(parameter.help for parameter in command.params)
    assert len(command.get_short_help_str(60)) <= 50


def test_help_in_a_terminal_of_any_width(spk: Spk) -> None:
    for width in ("40", "80", "200"):
        assert "Example: spk" in spk("speakers", "merge", "--help", COLUMNS=width).out
    result = spk("--help")
    assert all(name in result.out for name in ("diarize", "enroll", "identify", "verify", "speakers", "unknowns"))
    assert spk("-h").out == result.out
    assert spk("speakers", status=2).err.startswith("Usage: spk speakers")
    assert re.fullmatch(r"spk \d+\.\d+.*\n", spk("--version").out)


def test_the_installed_command(spk: Spk) -> None:
    command = Path(sys.executable).with_name("spk")
    if not command.exists():
        pytest.skip("spk is not installed beside this Python")
    done = subprocess.run([command, "--help"], capture_output=True, text=True, env=spk.environment(), check=True)
    assert done.stdout == spk("--help").out


def completed(spk: Spk, line: str) -> list[str]:
    """What bash is offered at the end of a line."""
    asked = {"_SPK_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
    return spk(status=None, **asked).out.split()


def test_completion(enrolled: Spk, tmp_path) -> None:
    spk = enrolled.copy(tmp_path / "home")
    spk("speakers", "rename", "bob", "annabel")
    assert completed(spk, "spk ver") == ["verify"]
    assert completed(spk, "spk identify --enr") == ["--enroll-unknown"]
    assert completed(spk, "spk verify an") == ["ann", "annabel"]
    assert completed(spk, "spk speakers merge ann anna") == ["annabel"]
    assert completed(spk, "spk enroll --model re") == ["resnet34"]
    assert completed(spk, "spk models pull si") == ["silero-vad"]
    assert completed(spk, "spk identify x.wav --gallery de") == ["default"]
    assert completed(spk, f"spk speakers show --home {tmp_path / 'nowhere'} an") == []
    assert completed(spk, "spk speakers show --gallery nobody an") == []
    assert not (tmp_path / "nowhere").exists()  # asking makes nothing
    unasked = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}  # whichever shell runs the tests, or none
    assert "_SPK_COMPLETE=complete_bash" in spk("--show-completion", "bash", **unasked).out


def test_quiet_prints_results_alone(enrolled: Spk, tmp_path, demo: Demo) -> None:
    spk = enrolled.copy(tmp_path / "home")
    clip = demo.cut(tmp_path / "clip.wav", ANN[0])
    assert spk("enroll", "ann", clip, "-q").out == ""
    assert spk("speakers", "rename", "bob", "rob", "--quiet").out == ""
    assert "rob" in spk("speakers", "list", "-q").out
    assert spk("speakers", "show", "rob", "-q").lines[0].startswith("SAMPLE")
    assert spk("speakers", "export", "-q", "-o", "people.jsonl").out == ""
    assert spk("diarize", clip, "-q").out.startswith("SPEAKER clip 1 ")
    assert spk("models", "pull", "ecapa", "-q").out == ""
    # Errors are printed all the same.
    assert spk("verify", "nobody", clip, "-q", status=2).err.startswith("spk: no speaker")


def test_json_is_json_on_every_line(enrolled: Spk, tmp_path, demo: Demo) -> None:
    spk = enrolled.copy(tmp_path / "home")
    clip = demo.cut(tmp_path / "clip.wav", ANN[0])
    for command, lines in (
        (("identify", clip, clip, "--single", "--format", "json"), 2),
        (("speakers", "list", "--json"), 2),
        (("speakers", "show", "ann", "--json"), 1),
        (("speakers", "rename", "ann", "anna", "--json"), 1),
        (("speakers", "export", "--json"), 2),
        (("speakers", "merge", "anna", "bob", "--json"), 1),
        (("speakers", "export", "-o", tmp_path / "x", "--json"), 1),
        (("unknowns", "list", "--json"), 0),
        (("speakers", "delete", "bob", "--yes", "--json"), 1),
        (("models", "list", "--json"), 7),
        (("models", "show", "ecapa", "--json"), 1),
        (("models", "pull", "demo", "--json"), 2),
    ):
        records = spk(*command).records
        assert len(records) == lines, command
        assert all(isinstance(record, dict) for record in records)


def watched(spk: Spk, *arguments: object, until: str, seconds: float = 120, piped: bool = True) -> str:
    """What a terminal on standard error shows of a command, up to some text or the end."""
    ours, theirs = pty.openpty()
    command = [*COMMAND, *map(str, arguments)]
    environment = spk.environment(TERM="xterm", COLUMNS="80")
    output = subprocess.DEVNULL if piped else theirs
    process = subprocess.Popen(command, cwd=spk.folder, env=environment, stdin=theirs, stdout=output, stderr=theirs)
    os.close(theirs)
    shown, end = "", time.monotonic() + seconds
    try:
        while until not in shown and time.monotonic() < end:
            try:
                shown += os.read(ours, 1 << 16).decode(errors="replace")
            except OSError:  # the other side is closed
                break
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    return shown


def test_a_bar_where_a_terminal_watches(spk: Spk, demo: Demo) -> None:
    """Work of over two seconds shows how far it is; less shows nothing, and so does --quiet.

    Where none watches there is never a bar: `Spk` looks for a terminal's codes in all that these tests run.
    """
    many = [demo.recording] * 60
    assert "%" in watched(spk, "diarize", *many, until="%")
    assert watched(spk, "speakers", "list", until="%") == ""
    quiet = watched(spk, "diarize", *many[:4], "--quiet", until="%")
    assert quiet == ""


def test_results_and_bar_in_one_terminal(spk: Spk, demo: Demo) -> None:
    """Each line of the results stands on its own, whatever the bar does."""
    rows = "".join(f"p{number},{demo.recording},{start},{start + 1.3}\n" for number, start in enumerate(STARTS))
    (spk.folder / "people.csv").write_text("speaker,file,start,end\n" + rows)
    shown = watched(spk, "enroll", "--manifest", "people.csv", "--force", until="p59:", piped=False)
    lines = re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown))
    people = [line for line in lines if re.match(r"p\d+: 1 added", line)]
    assert len(people) >= 55
    assert all(
        re.fullmatch(r"p\d+: 1 added, [01]\.\d s of speech in all, provisional until 30 s *", line) for line in people
    )


STARTS = tuple(round(21.9 + 0.07 * number, 2) for number in range(60))


def test_asked_before_somebody_is_erased(enrolled: Spk, tmp_path) -> None:
    spk = enrolled.copy(tmp_path / "home")
    for answer, people in (("n\n", 2), ("y\n", 1)):
        ours, theirs = pty.openpty()
        process = spk.start("speakers", "delete", "ann", "--json", stdin=theirs, stdout=subprocess.PIPE, stderr=theirs)
        os.close(theirs)
        shown = ""
        while "[y/N]" not in shown:
            shown += os.read(ours, 1000).decode()
        os.write(ours, answer.encode())
        out = process.communicate(timeout=60)[0]
        os.close(ours)
        assert (process.returncode == 0) == (people == 1)
        assert [json.loads(line)["deleted"] for line in out.splitlines()] == (["ann"] if people == 1 else [])
        assert len(spk.people()) == people


def test_closed_streams(enrolled: Spk) -> None:
    """As cron jobs and services may start it: nothing to read from, nowhere to print to."""
    for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        line = f"{shlex.join(COMMAND)} speakers list {closed}"
        done = subprocess.run(["sh", "-c", line], capture_output=True, env=enrolled.environment(), check=False)
        assert (done.returncode, done.stderr) == (0, b"")
