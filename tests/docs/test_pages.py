"""What the documents say exists, and what exists is documented."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from spk.cli.common import size
from spk.config import ServiceSettings, Settings
from spk.embed.weights import MANIFESTS
from spk.errors import SpkError

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
TEXT = {page: page.read_text(encoding="utf-8") for page in PAGES}
VARIABLE = re.compile(r"\bSPK_[A-Z_]+\b")


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page: Path):
    for target in re.findall(r"\]\(([^)\s]+)\)", TEXT[page]):
        file, _, anchor = target.partition("#")
        to = (page.parent / file).resolve() if file else page
        assert to.exists(), f"{target}: no such file"
        if anchor:
            assert anchor in _anchors(to.read_text(encoding="utf-8")), f"{target}: no such heading"


def test_every_page_can_be_reached_from_the_readme():
    reached, left = set(), [PAGES[0]]
    while left:
        page = left.pop()
        if page not in reached and page in TEXT:
            reached.add(page)
            left += [(page.parent / file).resolve() for file in re.findall(r"\]\(([^)#\s]+)", TEXT[page])]
    assert set(PAGES) - reached == set()


def test_variables_are_those_that_the_code_reads():
    read = {f"SPK_{field.name.upper()}" for field in fields(Settings)} | {"SPK_CORPUS"}  # of the tests
    read |= {f"SPK_SERVICE_{name.upper()}" for name in ServiceSettings.model_fields}
    for source in (ROOT / "spk").rglob("*.py"):
        read |= set(VARIABLE.findall(source.read_text(encoding="utf-8"))) - {"SPK_SERVICE_"}
    documented = set().union(*map(VARIABLE.findall, TEXT.values()))
    assert documented == read
    assert set(VARIABLE.findall(TEXT[ROOT / "docs/reference/settings.md"])) == read


def test_command_reference_is_what_the_commands_say():
    made = subprocess.run(
        [sys.executable, ROOT / "scripts/cli_reference.py"], capture_output=True, text=True, check=True
    ).stdout
    assert TEXT[ROOT / "docs/reference/cli.md"] == made, "run scripts/cli_reference.py > docs/reference/cli.md"


def test_commands_and_options_in_the_text_exist():
    reference = TEXT[ROOT / "docs/reference/cli.md"]
    commands = re.findall(r"^## (spk .+)$", reference, re.MULTILINE)
    options = {*re.findall(r"`(?:-\w`, `)?(--[a-z-]+)", reference), "--help", "--install-completion"}
    others = {"--no-index", "--find-links", "--dest", "--check", "--group"}  # pip's and ruff's
    others |= {"--only", "--peer", "--peer-python"}  # scripts/bench's
    others |= {"--build-arg", "--name", "--now", "--pipe", "--rm", "--scale"}  # docker's and systemd's
    others |= {"--stop-timeout"}
    others |= {"--kills", "--malformed", "--schemathesis", "--soak"}
    others |= {"--from-literal", "--diarize"}  # kubectl's and WhisperX's
    called_so = r"\bspk((?: (?:speakers|unknowns|recordings|store|audit|models))? [a-z][a-z-]+\b)"
    for page, text in TEXT.items():
        for called in re.findall(called_so, _code(text)):
            assert f"spk{called}" in commands, f"{named(page)}: spk{called}"
        assert set(re.findall(r"(?<![\w-])(--[a-z][a-z-]*)", _code(text))) <= options | others, named(page)


def test_every_command_is_shown_outside_the_reference():
    commands = re.findall(r"^## (spk .+)$", TEXT[ROOT / "docs/reference/cli.md"], re.MULTILINE)
    elsewhere = "\n".join(text for page, text in TEXT.items() if page.name != "cli.md")
    groups = ("spk speakers", "spk unknowns", "spk recordings", "spk store", "spk audit", "spk models")
    short = {command.split(maxsplit=2)[-1] for command in commands if command not in groups}
    assert [command for command in short if not re.search(rf"\b{command}\b", elsewhere)] == []


def test_models_page_agrees_with_the_manifests():
    page = TEXT[ROOT / "docs/models.md"]
    found = re.findall(r"^\| `(\S+)` \| (.+?) \| (.+?) \| (.+?) \| (.+?) \|$", page, re.MULTILINE)
    rows = {row[0]: row for row in found}
    for entry in MANIFESTS.values():
        needed = rows[entry.name][4]
        assert rows[entry.name][1:4] == (entry.purpose, size(entry.bytes), entry.licence)
        assert entry.default == (needed == "by default")
    assert set(rows) == set(MANIFESTS)


def test_nothing_is_said_of_errors_that_are_gone():
    tree = {cls.__name__ for cls in _subclasses(SpkError)} | {"SpkError"}
    for text in TEXT.values():
        assert set(re.findall(r"`(\w+Error)`", text)) <= tree


def _anchors(text: str) -> set[str]:
    """The anchors of headings, as code forges make them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _code(text: str) -> str:
    """What stands in blocks and between backticks."""
    blocks = re.findall(r"^```(?:console|bash|text)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    rest = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    return "\n".join(blocks + re.findall(r"`([^`\n]+)`", rest))


def _subclasses(cls: type) -> set[type]:
    return {cls}.union(*map(_subclasses, cls.__subclasses__()))
