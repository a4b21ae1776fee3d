"""Print docs/reference/cli.md: every command and option, from the commands themselves.

python scripts/cli_reference.py > docs/reference/cli.md
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import typer

from spk.cli import app

INTRODUCTION = """\
# Commands

<!-- Made by scripts/cli_reference.py: change the commands, not this page. -->

`spk COMMAND --help` prints the same. Results go to standard output; progress bars, which only a terminal sees, and
errors go to standard error, one line each. The exit status is 0 when all went well and 2 when something failed; of a
batch, the good files go on, and the last line names the bad ones. `spk verify`, `same`, `diff`, `replay` and some of
`spk store` also have 1: see [exit statuses](json.md#exit-statuses). `spk --install-completion` teaches your shell to
complete commands, names and models.

What an option does not say comes from the environment or a file: see [settings](settings.md).
"""


def main() -> None:
    """Print the page."""
    print(INTRODUCTION)  # noqa: T201 - its output is the page
    print("\n".join(_command("spk", typer.main.get_command(app))))  # noqa: T201


def _command(path: str, command: Any) -> Iterator[str]:  # noqa: ANN401 - typer brings its own click along
    children = getattr(command, "commands", {})
    arguments = [parameter for parameter in command.params if not parameter.opts[0].startswith("-")]
    options = [parameter for parameter in command.params if parameter.opts[0].startswith("-")]
    options = [option for option in options if not (option.hidden or option.opts[0].endswith("-completion"))]
    about = inspect.cleandoc(command.help or "").split("\n\n")
    examples = [part.removeprefix("Example: ") for part in about if part.startswith("Example: ")]
    if path != "spk":
        yield f"## {path}\n"
    usage = [path, *(["[OPTIONS]"] if options else []), *map(_usage, arguments), *(["COMMAND"] if children else [])]
    yield f"```text\n{' '.join(usage)}\n```\n"
    yield from (" ".join(part.split()) + "\n" for part in about if not part.startswith("Example: "))
    yield from (f"Example: `{example}`\n" for example in examples)
    rows = [(f"`{_metavar(argument)}`", argument.help) for argument in arguments if argument.help]
    rows += [(", ".join(f"`{name}`" for name in _names(option)), option.help) for option in options]
    if rows:
        yield "| | |\n| --- | --- |"
        yield from (f"| {' '.join(name.split()).replace('|', chr(92) + '|')} | {what} |" for name, what in rows)
        yield ""
    for name, child in children.items():
        yield from _command(f"{path} {name}", child)


def _names(option: Any) -> list[str]:  # noqa: ANN401
    value = "" if option.is_flag or not option.metavar else f" {option.metavar}"
    short_first = sorted(option.opts, key=len)
    return [*short_first[:-1], short_first[-1] + value]


def _metavar(argument: Any) -> str:  # noqa: ANN401
    return argument.metavar or argument.name.upper()


def _usage(argument: Any) -> str:  # noqa: ANN401
    shown = _metavar(argument) + ("..." if argument.nargs == -1 else "")
    return shown if argument.required else f"[{shown}]"


if __name__ == "__main__":
    main()
