"""`spk store status | rebuild | verify | migrate | compact`: the database and the vector engine."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spk.cli.common import print_json, print_table, say, workbench
from spk.cli.options import AsJson, Home, Quiet

if TYPE_CHECKING:
    from spk.store import EngineStatus
    from spk.store.records import StoredModel

__all__ = ["compact", "migrate", "rebuild", "status", "verify"]

EXIT_WRONG = 1


def status(*, home: Home = None, as_json: AsJson = False, quiet: Quiet = False) -> int:
    """The vector engine, and whether it is up to date.

    Behind is no fault: the engine catches up when it is next asked. Leaves with status 1 where it does not answer.

    Example: spk store status
    """
    with workbench(home=home) as bench:
        found = bench.store.engine_status()
        if not as_json and not quiet:
            say(f"database  {bench.store.location}")
    return _show(found, as_json=as_json)


def rebuild(*, home: Home = None, as_json: AsJson = False, quiet: Quiet = False) -> int:
    """Fill the vector engine anew from the database.

    Searches go on meanwhile. Nothing is lost by it, and nothing is needed for it but the database.

    Example: spk store rebuild
    """
    with workbench(home=home, quiet=quiet) as bench:
        return _show(bench.store.rebuild_engines(bench.progress), as_json=as_json)


def verify(*, home: Home = None, as_json: AsJson = False, quiet: Quiet = False) -> int:
    """Look for what is wrong with the store.

    Reads all of it: the database, every voiceprint, the audit log, the clips, and what the vector engine has. Leaves
    with status 1 where something is wrong.

    Example: spk store verify
    """
    with workbench(home=home, quiet=quiet) as bench:
        found = bench.store.check(bench.progress)
    if as_json:
        engines = [{**_model(one.model), **_rest(one), "whole": one.whole} for one in found.engines]
        print_json({**_rest(found), "problems": list(found.problems), "engines": engines, "whole": found.whole})
        return 0 if found.whole else EXIT_WRONG
    for problem in found.problems:
        say(problem)
    for engine in found.engines:
        parts = [f"{engine.voiceprints} voiceprints by {engine.model.fingerprint[:12]}"]
        parts += [
            f"{count} {what} in the engine"
            for what, count in (("missing", engine.missing), ("different", engine.different), ("stray", engine.stray))
            if count
        ]
        say(", ".join(parts) + (": as in the database" if engine.whole else ": mend it by `spk store rebuild`"))
    if not quiet:
        say(f"audit log: {found.audit_entries} rows, the last is {found.audit_head[:16]}")
        say("all is well" if found.whole else "something is wrong")
    return 0 if found.whole else EXIT_WRONG


def migrate(
    *,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="ENGINE",
            help="qdrant://host:6333, or faiss for search in each process.",
            show_default=False,
        ),
    ],
    home: Home = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> int:
    """Let another vector engine search.

    It is filled from the database, while the old one goes on; then every process uses it, and the old one is emptied.

    Example: spk store migrate --to qdrant://127.0.0.1:6333
    """
    with workbench(home=home, quiet=quiet) as bench:
        return _show(bench.store.move_engine(to, bench.progress), as_json=as_json)


def compact(*, home: Home = None, as_json: AsJson = False, quiet: Quiet = False) -> int:
    """Give back room on the disk.

    The database's file and the vector engine are written anew, without what was deleted, and the list of changes is
    emptied.

    Example: spk store compact
    """
    with workbench(home=home, quiet=quiet) as bench:
        done = bench.store.compact(bench.progress)
    if as_json:
        print_json(asdict(done))
    elif not quiet:
        rest = "" if done.scrubbed else "; the database was too busy to be written anew: try again"
        say(f"{done.changes} listed changes forgotten{rest}")
    return 0 if done.scrubbed else EXIT_WRONG


def _show(found: list[EngineStatus], *, as_json: bool) -> int:
    if as_json:
        for one in found:
            print_json({**_model(one.model), **_rest(one), "state": one.state})
    elif not found:
        say("no voiceprints yet")
    else:
        columns = ("model", "dim", "voiceprints", "engine", "indexed", "behind", "state")
        rows = (
            (one.model.fingerprint[:12], one.model.dim, one.voiceprints, one.engine, one.indexed, one.behind, one.state)
            for one in found
        )
        print_table(columns, rows)
        for one in found:
            if one.problem:
                say(f"{one.model.fingerprint[:12]}: {one.problem}")
    return EXIT_WRONG if any(one.problem for one in found) else 0


def _model(model: StoredModel) -> dict[str, Any]:
    return {"model": model.fingerprint, "dim": model.dim}


def _rest(record: Any) -> dict[str, Any]:  # noqa: ANN401 - any of the records above
    """The fields of a record that are plain already."""
    return {name: value for name, value in asdict(record).items() if isinstance(value, str | int)}
