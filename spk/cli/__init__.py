"""The ``spk`` command: parse, call, print."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from typing import Any

import typer

from spk.cli import (
    apply,
    audit,
    calibrate,
    consent,
    diarize,
    diff,
    doctor,
    engine,
    enroll,
    evaluate,
    explain,
    find,
    galleries,
    identify,
    keys,
    label_transcript,
    models,
    receipts,
    recordings,
    same,
    serve,
    sort,
    speakers,
    store,
    subject,
    turns,
    undo,
    unknowns,
    verify,
    who_is,
    worker,
)
from spk.cli.common import EXIT_ERROR, complain
from spk.cli.options import PLAIN
from spk.errors import SpkError

__all__ = ["app", "main"]

EXIT_INTERRUPTED = 130  # as shells say it of Ctrl-C
UsageError: Any = typer.BadParameter.__bases__[0]  # typer does not export it under a name of its own

app = typer.Typer(**PLAIN)
app.command("diarize")(diarize.diarize)
app.command("enroll")(enroll.enroll)
app.command("identify")(identify.identify)
app.command("verify")(verify.verify)
app.command("who-is")(who_is.who_is)
app.command("same")(same.same)
app.command("find")(find.find)
app.command("sort")(sort.sort)
app.command("explain")(explain.explain)
app.command("replay")(explain.replay)
app.command("apply")(apply.apply)
app.command("undo")(undo.undo)
app.command("diff")(diff.diff)
app.command("import")(turns.import_turns)
app.command("label-transcript")(label_transcript.label_transcript)
app.command("calibrate")(calibrate.calibrate)
app.command("evaluate")(evaluate.evaluate)
app.command("doctor")(doctor.doctor)
app.command("serve")(serve.serve)
app.command("worker")(worker.worker)
app.add_typer(galleries.app, name="galleries")
speakers.app.command()(subject.disclose)
app.add_typer(speakers.app, name="speakers")
app.add_typer(consent.app, name="consent")
app.add_typer(unknowns.app, name="unknowns")
app.add_typer(recordings.app, name="recordings")
for command in (engine.status, engine.rebuild, engine.verify, engine.migrate, engine.compact):
    store.app.command()(command)
app.add_typer(store.app, name="store")
audit.app.command()(receipts.receipt)
app.add_typer(audit.app, name="audit")
app.add_typer(models.app, name="models")
app.add_typer(keys.app, name="keys")


@app.callback(invoke_without_command=True)
def top(*, version: bool = typer.Option(False, "--version", help="Print the version and leave.")) -> None:
    """Who speaks in these recordings? Enroll people's voices, then find them in new audio.

    Example: spk enroll alice alice.wav && spk identify meeting.wav
    """
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"spk {installed('spk-voiceprints')}")
        raise typer.Exit


def main() -> None:
    """Run the command. Whatever goes wrong is one line on standard error and exit status 2."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:  # closed: the next file opened would take its number, and what is printed
            setattr(sys, name, open(os.devnull, mode))  # noqa: PTH123, SIM115 - stays open, as they do
        elif mode == "w":
            # A file's name may hold bytes that are no text, and a terminal may not know every letter.
            stream.reconfigure(errors="backslashreplace")
    logging.getLogger("spk").addHandler(_Complaints(logging.WARNING))
    sys.exit(_status())


class _Complaints(logging.Handler):
    """What the library warns of, as the commands say things."""

    def emit(self, record: logging.LogRecord) -> None:
        complain(record.getMessage())


def _status() -> int:
    try:
        status = app(prog_name="spk", standalone_mode=False)
    except UsageError as error:
        message, context = error.format_message(), error.ctx
        if "\n" in message:  # the help, because nothing was asked
            typer.echo(message, err=True)
        else:
            where = context.command_path if context else "spk"
            complain(f"{message.rstrip('.')}: see `{where} --help`")
    except typer.Abort:
        complain("nobody answered, so nothing was done")
    except SpkError as error:
        complain(str(error))
    except OSError as error:
        complain(f"{error.filename or 'spk'}: {error.strerror or error}")
    except MemoryError:
        complain("there is not enough memory: give fewer or shorter recordings at a time")
    except Exception:  # noqa: BLE001 - Python's own status 1 would be an answer: `spk verify` says no by it
        traceback.print_exc()
        complain("this is a fault of spk: please report it, with the lines above")
    else:
        if status == EXIT_INTERRUPTED:
            complain("stopped")
        return status if isinstance(status, int) else 0
    return EXIT_ERROR
