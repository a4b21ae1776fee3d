"""`spk worker`: a process that does what others have asked for."""

from __future__ import annotations

import logging
from typing import Annotated

import typer

from spk.cli.options import AsJson, DeviceName, Home, ModelName, PrecisionName, Quiet, Threads

__all__ = ["worker"]


def worker(
    *,
    queue: Annotated[
        str | None,
        typer.Option("--queue", metavar="URL", help="The Redis that wakes it, as of the service.", show_default=False),
    ] = None,
    parent: Annotated[
        int | None, typer.Option("--parent", metavar="PID", hidden=True, help="Leave when this process is gone.")
    ] = None,
    home: Home = None,
    model: ModelName = None,
    precision: PrecisionName = None,
    device: DeviceName = None,
    threads: Threads = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Do the jobs of a service, one at a time.

    `spk serve` starts its own; more of them, also on other machines, share the work. Ctrl-C or SIGTERM stops it: the
    job at hand has 20 seconds to be done, or another worker begins it anew. --json writes the log as JSON.

    Example: spk worker --home /srv/spk
    """
    from spk.api.logs import set_up_logging
    from spk.config import ServiceSettings, Settings
    from spk.jobs.worker import work

    settings = Settings.read(home=home, model=model, precision=precision, device=device, threads=threads)
    serving = ServiceSettings.read(settings.home, queue=queue, log="json" if as_json else None)
    set_up_logging(as_json=serving.log == "json")
    if quiet:
        logging.getLogger("spk").setLevel(logging.WARNING)
    work(settings, serving, parent=parent)
