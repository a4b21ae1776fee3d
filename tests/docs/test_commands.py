"""Every example in the documents is run as a reader would run it, and shows what the document shows.

A fenced block of ``console`` holds commands (``$ ``, then ``> ``) and what they print, ``bash`` a script, ``python`` a
doctest. The comment ``<!-- not run by the tests: reason -->`` before a block excuses it. In the output ``...`` stands
for anything, decimal numbers may differ a little (processors round differently), and the stranger ``unknown-7f3a`` has
another number each time. ``spk serve &`` serves on another port than 8720 until the document ends.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
BLOCK = re.compile(
    r"^(?P<excuse><!-- not run[^\n]*-->\n)?```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)
STRANGER = "unknown-7f3a"
SERVED = re.compile(r"spk serve( --workers \d+)? &")
PORT = "8720"


@dataclass(frozen=True)
class Example:
    """A command, and what it prints; None where the document does not show it."""

    line: int
    command: str
    output: str | None


def examples(text: str) -> Iterator[Example]:
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start("text")) + 1
        if block["excuse"] or block["kind"] not in ("console", "bash"):
            continue
        if block["kind"] == "bash":
            yield Example(line, f"set -e\n{block['text']}", None)
            continue
        for entry in re.split(r"^\$ ", block["text"], flags=re.MULTILINE)[1:]:
            first, *rest = entry.splitlines()
            more = list(takewhile(lambda text: text.startswith("> "), rest))
            command = "\n".join([first, *(text[2:] for text in more)])
            yield Example(line, command, "\n".join(rest[len(more) :]))
            line += 1 + len(rest)


def differs(shown: str, printed: str) -> str | None:
    """In what the printed text is not what the document shows; None where it is."""
    parts = re.split(r"(\.\.\.|[+-]?\d+\.\d+|\s+)", shown.strip())
    pattern = "".join(
        ".*?"
        if part == "..."
        else r"([+-]?\d+\.\d+)"
        if i % 2 and part.strip()
        else r"\s+"
        if i % 2
        else re.escape(part)
        for i, part in enumerate(parts)
    )
    found = re.fullmatch(pattern, printed.strip(), re.DOTALL)
    if found is None:
        return "another text"
    numbers = [float(part) for part in parts[1::2] if part.strip() and part != "..."]
    pairs = zip(numbers, map(float, found.groups()), strict=True)
    return next((f"{now}, not {then}" for then, now in pairs if abs(now - then) > 0.2 + 0.1 * abs(then)), None)


@pytest.mark.parametrize(
    "document",
    [pytest.param(path, id=str(path.relative_to(ROOT))) for path in DOCUMENTS if list(examples(path.read_text()))],
)
def test_examples_show_what_they_print(document: Path, shell, serve, scratch: Path):
    stranger, port = STRANGER, PORT
    for example in examples(document.read_text(encoding="utf-8")):
        command = example.command.replace(STRANGER, stranger).replace(f":{PORT}", f":{port}")
        if SERVED.fullmatch(command):
            port = str(serve(command.removesuffix("&")))
            continue
        if command == "scripts/demo":
            if not Path(sys.prefix, "installed.sha256").exists():  # it would make an environment of its own
                continue
            command = f"VENV={sys.prefix} {ROOT}/scripts/demo demo"
        done = shell(command)
        if found := re.search(r"unknown-[0-9a-f]{4}", done.stdout):
            stranger = found[0]
        printed = done.stdout.replace(stranger, STRANGER)
        where = f"{document.relative_to(ROOT)}:{example.line}: $ {command}\n{printed}"
        assert done.returncode == 0, f"exit status {done.returncode}\n{where}"
        if example.output is not None:
            wrong = differs(example.output, printed)
            assert wrong is None, f"{wrong}\n{where}\nand the document says\n{example.output}"


@pytest.mark.parametrize(
    "document",
    [pytest.param(path, id=str(path.relative_to(ROOT))) for path in DOCUMENTS if ">>> " in path.read_text()],
)
def test_python_examples(document: Path, scratch: Path, serve, shell):
    options = ["-o", "ELLIPSIS", "-o", "NORMALIZE_WHITESPACE"]
    text = document.read_text(encoding="utf-8")
    if f":{PORT}" in text:  # it asks a server
        shell("spk enroll --turns first.rttm dialogue.wav")
        text = text.replace(f":{PORT}", f":{serve('spk serve')}")
    (scratch / "document.md").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "doctest", *options, "document.md"],
        cwd=scratch,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_comparison_itself():
    assert differs("LLR +11.1, cosine 0.59\n...\nend", "LLR  +11.3, cosine 0.55\nwhatever\n\nend\n") is None
    assert differs("...", "anything") is None
    assert differs("a 1.0", "a 2.0") == "2.0, not 1.0"
    assert differs("a 1.0", "b 1.0") == "another text"
    assert differs("", "something") == "another text"
