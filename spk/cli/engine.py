"""`spk store status | rebuild | verify | migrate | compact`: the database and the vector engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spk.cli.common import complain, print_json, print_table, say, workbench
from spk.cli.options import AsJson, Home, Quiet

if TYPE_CHECKING:
    from spk.embed.weights import Progress
    from spk.store import EngineStatus, Store
    from spk.store.records import StoredModel

__all__ = ["compact", "migrate", "rebuild", "status", "verify"]

EXIT_WRONG = 1


def status(*, home: Home = None, as_json: AsJson = False, quiet: Quiet = False) -> int:
    """The vector engine, and whether it is up to date.

    Behind is no fault: the engine catches up when it is next asked. Leaves with status 1 where it does not answer.

    Example: spk store status
    """
    with _store(home) as (store, _):
        found, left = store.engine_status(), store.engines_left()
        if not as_json and not quiet:
            say(f"database  {store.location}")
    for address in left:
        complain(f"{address}: was left with voiceprints in it, since it did not answer: `spk store compact` empties it")
    return _show(found, as_json=as_json) or (EXIT_WRONG if left else 0)


def rebuild(*, home: Home = None, as_json: AsJson = False, quiet: Quiet = False) -> int:
    """Fill the vector engine anew from the database.

    Searches go on meanwhile. Nothing is lost by it, and nothing is needed for it but the database.

    Example: spk store rebuild
    """
    with _store(home, quiet=quiet) as (store, progress):
        return _show(store.rebuild_engines(progress), as_json=as_json)


def verify(*, home: Home = None, as_json: AsJson = False, quiet: Quiet = False) -> int:
    """Look for what is wrong with the store.

    Reads all of it: the database, every voiceprint, the audit log, the clips, and what the vector engine has. Leaves
    with status 1 where something is wrong.

    Example: spk store verify
    """
    with _store(home, quiet=quiet) as (store, progress):
        found = store.check(progress)
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
    with _store(home, quiet=quiet) as (store, progress):
        found = store.move_engine(to, progress)
        if not found and not as_json:
            say(f"{to} will search")
        return _show(found, as_json=as_json)


def compact(
    *,
    forget_left: Annotated[
        bool, typer.Option("--forget-left", help="Give up engines that were left and will never answer again.")
    ] = False,
    home: Home = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> int:
    """Give back room on the disk.

    The database's file and the vector engine are written anew, without what was deleted, and the list of changes is
    emptied.

    Example: spk store compact
    """
    with _store(home, quiet=quiet) as (store, progress):
        if forget_left:
            store.forget_engines_left()
        done = store.compact(progress)
    if as_json:
        print_json(asdict(done))
    elif not quiet:
        rest = "" if done.scrubbed else "; the database was too busy to be written anew: try again"
        say(f"{done.changes} listed changes forgotten{rest}")
    return 0 if done.scrubbed else EXIT_WRONG


@contextmanager
def _store(home: Path | None, *, quiet: bool = True) -> Iterator[tuple[Store, Progress | None]]:
    """The store that is there: a misspelt home is an error, not a new one that is in the best of health."""
    with workbench(home=home, quiet=quiet) as bench, bench.settings.open_store(create=False) as store:
        yield store, bench.progress


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
