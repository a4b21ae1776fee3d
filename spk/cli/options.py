"""The options that commands share, and what shell completion offers for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spk.errors import SpkError

if TYPE_CHECKING:
    from spk.store import Store

__all__ = [
    "PLAIN",
    "AsJson",
    "CostText",
    "DeviceName",
    "Files",
    "Force",
    "Fpir",
    "GalleryName",
    "Home",
    "ModelName",
    "Output",
    "PrecisionName",
    "Quiet",
    "Recording",
    "Server",
    "Threads",
    "complete_speaker",
]

PLAIN: dict[str, Any] = {  # for every Typer: help as plain text, which starts in half the time
    "rich_markup_mode": None,
    "pretty_exceptions_enable": False,
    "no_args_is_help": True,
    "context_settings": {"help_option_names": ["-h", "--help"]},
}


def _models(incomplete: str) -> list[str]:
    from spk.embed import MODELS

    return [name for name in (*MODELS, "ecapa+resnet34") if name.startswith(incomplete)]


def _galleries(context: typer.Context, incomplete: str) -> list[str]:
    with suppress(SpkError, OSError), _kept_store(context) as (store, _):
        return [gallery.name for gallery in store.galleries() if gallery.name.startswith(incomplete)]
    return []


def complete_speaker(context: typer.Context, incomplete: str) -> list[str]:
    """The names and labels of a gallery's people, for shell completion."""
    with suppress(SpkError, OSError), _kept_store(context) as (store, gallery):
        people = store.speakers(store.gallery(gallery))
        return [person.label for person in people if person.label.startswith(incomplete)]
    return []


@contextmanager
def _kept_store(context: typer.Context) -> Iterator[tuple[Store, str]]:
    """The store that a half-written command means, if there is one, and the gallery."""
    from spk.config import Settings

    settings = Settings.read(home=context.params.get("home"), gallery=context.params.get("gallery"))
    with settings.open_store(create=False) as store:
        yield store, settings.gallery


# What may not be read is left to the commands to say (readable=False): in a batch the other files go on.
Home = Annotated[
    Path | None,
    typer.Option(
        "--home", metavar="FOLDER", readable=False, help="Where the store lies, if not in SPK_HOME.", show_default=False
    ),
]
Server = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="URL",
        help="Ask a server, if not SPK_SERVER; its key is in SPK_KEY.",
        show_default=False,
    ),
]
GalleryName = Annotated[
    str | None,
    typer.Option(
        "--gallery",
        metavar="NAME",
        help="Which set of people, if not SPK_GALLERY or the default one.",
        show_default=False,
        autocompletion=_galleries,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print results and errors alone.")]
ModelName = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME",
        help="The embedder, if not SPK_MODEL or the calibration's: ecapa; resnet34 is lighter.",
        show_default=False,
        autocompletion=_models,
    ),
]
PrecisionName = Annotated[
    str | None,
    typer.Option(
        "--precision",
        metavar="full|fast",
        help="full, or fast: bfloat16 where the processor has it.",
        show_default=False,
        autocompletion=lambda: ["full", "fast"],
    ),
]
DeviceName = Annotated[
    str | None,
    typer.Option(
        "--device",
        metavar="cpu|cuda",
        help="cpu, or cuda for a GPU.",
        show_default=False,
        autocompletion=lambda: ["cpu", "cuda"],
    ),
]
Threads = Annotated[
    int | None,
    typer.Option("--threads", metavar="NUMBER", help="How many threads may work; one a core.", show_default=False),
]
Fpir = Annotated[
    float | None,
    typer.Option(
        "--fpir",
        metavar="RATE",
        help="The share of strangers who may get a name: 0.01 for one in a hundred.",
        show_default=False,
    ),
]
CostText = Annotated[
    str | None,
    typer.Option(
        "--cost",
        metavar="COSTS",
        help="What mistakes cost, and how likely it is one of them: miss=1,false=10,prior=0.3.",
        show_default=False,
    ),
]
Files = Annotated[list[Path], typer.Argument(metavar="FILE", readable=False, help="Recordings.", show_default=False)]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="FILE", readable=False, help="Write here, not to standard output.", show_default=False
    ),
]
Recording = Annotated[
    str | None,
    typer.Option(
        "--recording",
        metavar="NAME",
        help="Which recording, where a file of turns is about several.",
        show_default=False,
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Store also what the quality gates refuse; this is recorded.")]
