"""`spk serve`: the HTTP service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spk.cli.options import AsJson, GalleryName, Home, ModelName, PrecisionName, Quiet, Threads

__all__ = ["serve"]


def serve(
    *,
    host: Annotated[
        str | None,
        typer.Option(
            "--host", metavar="ADDRESS", help="Where to listen: 127.0.0.1; any other takes keys.", show_default=False
        ),
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", metavar="NUMBER", help="On which port: 8720.", show_default=False)
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", metavar="NUMBER", help="How many processes work on long recordings: 1.", show_default=False
        ),
    ] = None,
    queue: Annotated[
        str | None,
        typer.Option("--queue", metavar="URL", help="A Redis that wakes workers elsewhere, too.", show_default=False),
    ] = None,
    certificate: Annotated[
        Path | None,
        typer.Option("--certificate", metavar="FILE", readable=False, help="Of TLS.", show_default=False),
    ] = None,
    private_key: Annotated[
        Path | None,
        typer.Option("--private-key", metavar="FILE", readable=False, help="Of the certificate.", show_default=False),
    ] = None,
    gallery: GalleryName = None,
    home: Home = None,
    model: ModelName = None,
    precision: PrecisionName = None,
    threads: Threads = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Serve the home: HTTP API and review pages.

    Ctrl-C or SIGTERM stops it once what is being answered is answered; jobs that are not finished are done after the
    next start. --json writes the log as JSON.

    Example: spk serve --port 8720
    """
    from spk.api.serving import run
    from spk.config import ServiceSettings, Settings

    settings = Settings.read(home=home, gallery=gallery, model=model, precision=precision, threads=threads)
    serving = ServiceSettings.read(
        settings.home,
        host=host,
        port=port,
        workers=workers,
        queue=queue,
        certificate=certificate,
        private_key=private_key,
        log="json" if as_json else None,
    )
    run(settings, serving, quiet=quiet)
