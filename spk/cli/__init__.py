"""The ``spk`` command: parse, call, print."""

from __future__ import annotations

import sys

import typer

from spk.cli import diarize, enroll, identify, models, speakers, unknowns, verify
from spk.cli.common import EXIT_ERROR, complain
from spk.errors import SpkError

__all__ = ["app", "main"]

app = typer.Typer(
    help="Who speaks in these recordings? Enroll people's voices, then find them in new audio.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("diarize")(diarize.diarize)
app.command("enroll")(enroll.enroll)
app.command("identify")(identify.identify)
app.command("verify")(verify.verify)
app.add_typer(speakers.app, name="speakers")
app.add_typer(unknowns.app, name="unknowns")
app.add_typer(models.app, name="models")


@app.callback(invoke_without_command=True)
def top(*, version: bool = typer.Option(False, "--version", help="Print the version and leave.")) -> None:
    """Who speaks in these recordings? Enroll people's voices, then find them in new audio."""
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"spk {installed('spk-voiceprints')}")
        raise typer.Exit


def main() -> None:
    """Run the command; what spk raises on purpose is one line and exit status 2."""
    try:
        app()
    except SpkError as error:
        complain(str(error))
    except OSError as error:
        complain(f"{error.filename or 'spk'}: {error.strerror or error}")
    except KeyboardInterrupt:
        complain("stopped")
        sys.exit(130)
    sys.exit(EXIT_ERROR)
