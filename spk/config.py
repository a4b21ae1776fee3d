"""Settings, of spk and of its service; read by the command line, the service and its workers alone."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, get_args

import platformdirs
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from spk.embed import Device, Precision, model_parts
from spk.errors import InputError, NotFoundError
from spk.store.records import EngineDown

if TYPE_CHECKING:
    from spk.store import Store

__all__ = ["DEFAULT_GALLERY", "ServiceSettings", "Settings"]

DEFAULT_GALLERY = "default"
MOST_THREADS = 1024
MOST_DAYS = 36_525.0  # a hundred years
_DAYS = ("keep_audio_days", "keep_decisions", "keep_recordings", "keep_undo")
_POINT = ("fpir", "cost", "prior_unknown")

KeepAudio = Literal["none", "clips", "samples"]
LearnFrom = Literal["never", "confirmed", "confident"]


@dataclass(frozen=True)
class Settings:
    """What can be set: by an option, else by the environment, else in ``spk.toml`` of the home.

    Attributes:
        home: The folder of the store; ``SPK_HOME``, by default in the user's data folder.
        gallery: Which set of people; ``SPK_GALLERY``.
        model: The embedder, one of `spk.embed.MODELS` or two joined by ``+``; None for that of the calibration which
            the gallery is judged by, and without one ``ecapa``; ``SPK_MODEL``.
        precision: ``full`` or ``fast``; ``SPK_PRECISION``.
        device: ``cpu`` or ``cuda``; ``SPK_DEVICE``.
        threads: How many threads may work, 0 for one a core; ``SPK_THREADS``.
        fpir: The share of strangers who may get a name; ``SPK_FPIR``.
        cost: What mistakes cost, as `spk.identify.OperatingPoint.parse_costs` reads it, and not together with
            ``fpir``; ``SPK_COST``.
        prior_unknown: How probable a stranger is before anything is heard; ``SPK_PRIOR_UNKNOWN``.
        database: The URL of a PostgreSQL database, where the truth is not in a SQLite file of the home;
            ``SPK_DATABASE``.
        engine_down: Whether a search goes to this process's own engine (``exact``) or fails (``refuse``) where the
            vector engine does not answer; ``SPK_ENGINE_DOWN``.
        qdrant_key: What Qdrant asks for, where that is the vector engine; ``SPK_QDRANT_KEY``.
        keep_audio: What is kept to be listened to: ``none``, ``clips`` of a few seconds, or ``samples``, the whole
            speech that people are enrolled by; ``SPK_KEEP_AUDIO``.
        keep_audio_days: For how many days, until ``spk store prune`` removes it; ``SPK_KEEP_AUDIO_DAYS``.
        learn: From which voices profiles learn beside what is enrolled: ``never``; those that somebody ``confirmed``;
            also those that are ``confident`` by themselves; ``SPK_LEARN``.
        keep_decisions: For how many days decisions are kept, 0 for not at all; older ones go when the home is next
            opened; ``SPK_KEEP_DECISIONS``.
        keep_recordings: For how many days it is kept what was heard in recordings (turns, voices, whose they are), 0
            for not at all; it goes as decisions do; ``SPK_KEEP_RECORDINGS``.
        keep_undo: For how many days changes can be undone; ``SPK_KEEP_UNDO``.
        server: The address of a server that commands ask, rather than the home; ``SPK_SERVER``.
        key: What the server knows us by; ``SPK_KEY``.
    """

    home: Path
    gallery: str = DEFAULT_GALLERY
    model: str | None = None
    precision: Precision = "full"
    device: Device = "cpu"
    threads: int = 0
    fpir: float | None = None
    cost: str | None = None
    prior_unknown: float | None = None
    database: str | None = field(default=None, repr=False)
    engine_down: EngineDown = "exact"
    qdrant_key: str | None = field(default=None, repr=False)
    keep_audio: KeepAudio = "clips"
    keep_audio_days: float = 90.0
    learn: LearnFrom = "confirmed"
    keep_decisions: float = 30.0
    keep_recordings: float = 365.0
    keep_undo: float = 30.0
    server: str | None = None
    key: str | None = field(default=None, repr=False)

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ, **options: Any) -> Self:  # noqa: ANN401 - fields
        """Settings from everywhere they may stand; options that are None were not given.

        Raises:
            InputError: a value is impossible, or ``spk.toml`` cannot be read.
        """
        given = {name: value for name, value in options.items() if value is not None}
        names = [one.name for one in fields(cls)]
        variables = {name: value for name in names if (value := environment.get(f"SPK_{name.upper()}"))}
        home = given.get("home") or variables.get("home") or platformdirs.user_data_dir("spk")
        try:
            path = Path(home).expanduser()
        except RuntimeError:  # a user whom the system does not know
            raise InputError(f"{home}: there is no such user: write the folder out") from None
        written = _file(path / "spk.toml", names[1:])
        written.pop("service", None)  # see `ServiceSettings`
        values = _merged(written, variables, given)
        return cls(**{**values, "home": path})._checked()

    def changed(self, **options: Any) -> Self:  # noqa: ANN401 - fields
        """The same with some of it otherwise; options that are None were not given.

        Raises:
            InputError: a value is impossible.
        """
        given = {name: value for name, value in options.items() if value is not None}
        point = {name: value for name in _POINT if (value := getattr(self, name)) is not None}
        return replace(self, **{**dict.fromkeys(_POINT), **_merged(point, given)})._checked()

    def _checked(self) -> Self:
        if not isinstance(self.gallery, str):  # spk.toml may hold anything
            raise InputError(f"gallery is a name, not {self.gallery!r}: write it in quotes")
        try:
            threads = int(str(self.threads))  # 2.5 and true are no numbers of threads
        except ValueError:
            raise InputError(f"threads is a number, not {self.threads!r}: set it to 2, say") from None
        if not 0 <= threads <= MOST_THREADS:
            raise InputError(f"there cannot be {threads} threads: set 0 for one a core")
        for name, value, choices in (
            ("precision", self.precision, get_args(Precision)),
            ("device", self.device, get_args(Device)),
            ("engine_down", self.engine_down, get_args(EngineDown)),
            ("keep_audio", self.keep_audio, get_args(KeepAudio)),
            ("learn", self.learn, get_args(LearnFrom)),
        ):
            if value not in choices:
                raise InputError(f"{name} cannot be {value!r}; there are: {', '.join(choices)}")
        _check_model(self.model)
        for name in ("database", "qdrant_key", "server", "key"):
            if not isinstance(getattr(self, name), str | None):
                raise InputError(f"{name} is a text: write it in quotes")
        for name, secret in (("qdrant_key", self.qdrant_key or ""), ("key", self.key or "")):
            if not (secret.isascii() and secret.isprintable()):
                raise InputError(f"{name} has letters, or ends of lines, that no key has: write it again")
        days = {name: _days(name, getattr(self, name)) for name in _DAYS}
        point = {name: _number(name, value) for name, value in self._point().items()}
        if point or self.cost is not None:
            from spk.identify import OperatingPoint  # for those who set it alone: it takes a moment

            OperatingPoint(**point)
            if self.cost is not None:
                OperatingPoint.parse_costs(str(self.cost))
        return replace(
            self,
            threads=threads,
            fpir=point.get("fpir"),
            prior_unknown=point.get("prior_unknown"),
            keep_audio_days=days["keep_audio_days"],
            keep_decisions=days["keep_decisions"],
            keep_recordings=days["keep_recordings"],
            keep_undo=days["keep_undo"],
        )

    def open_store(self, *, create: bool = True) -> Store:
        """The store that the settings mean.

        Raises:
            StoreError: it cannot be opened, or is missing and ``create`` is false.
        """
        from spk.store import Store

        return Store.open(
            self.home,
            create=create,
            database=self.database,
            engine_down=self.engine_down,
            qdrant_key=self.qdrant_key,
        )

    def _point(self) -> dict[str, float]:
        """The numbers of the operating point that are set."""
        numbers = {"fpir": self.fpir, "prior_unknown": self.prior_unknown}
        return {name: value for name, value in numbers.items() if value is not None}


def _network(text: str) -> str:
    ip_network(text, strict=False)
    return text


class ServiceSettings(BaseModel):
    """What can be set of the service: by option, else by ``SPK_SERVICE_…``, else under ``[service]`` in ``spk.toml``.

    Lists are written with commas in the environment.

    Attributes:
        host: The address that it listens on; any but this machine's own takes keys.
        port: The port.
        workers: How many processes work on jobs.
        queue: The URL of a Redis that wakes workers, also those on other machines; a file of the home without one.
        waiting: How many requests may wait for the models; more are told to come again.
        most_jobs: How many jobs may wait; whoever sends more is told to come again.
        short_seconds: How long a recording may be that is answered in the request; a longer one becomes a job.
        max_hours: How long a recording may be at all.
        max_upload_mb: How much one request may upload.
        rate: How many requests a key may make in a minute.
        keep_jobs: For how many days finished jobs and their results are kept.
        webhook_hosts: The hosts that may be told of jobs although they are in a private network.
        cors_origins: The web pages of other origins that may call the API.
        proxies: The addresses or networks of reverse proxies whose word on the client's address is taken.
        log: ``text``, or ``json`` for one object a line.
        certificate: The file of a TLS certificate, where no proxy has it.
        private_key: The file of its key.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(default=8720, ge=0, le=65_535)
    workers: int = Field(default=1, ge=0, le=64)
    queue: str | None = Field(default=None, repr=False)
    waiting: int = Field(default=64, ge=1, le=10_000)
    most_jobs: int = Field(default=1_000, ge=1, le=1_000_000)
    short_seconds: float = Field(default=60.0, ge=0, le=600)
    max_hours: float = Field(default=12.0, gt=0, le=240)
    max_upload_mb: int = Field(default=2_000, ge=1, le=100_000)
    rate: int = Field(default=600, ge=1, le=1_000_000)
    keep_jobs: float = Field(default=7.0, ge=0, le=MOST_DAYS)
    webhook_hosts: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    proxies: tuple[Annotated[str, AfterValidator(_network)], ...] = ("127.0.0.1", "::1")
    log: Literal["text", "json"] = "text"
    certificate: Path | None = None
    private_key: Path | None = None

    @classmethod
    def read(cls, home: Path, environment: Mapping[str, str] = os.environ, **options: Any) -> Self:  # noqa: ANN401 - fields
        """Settings from everywhere they may stand; options that are None were not given.

        Raises:
            InputError: a value is impossible, or ``spk.toml`` cannot be read.
        """
        names = [field.name for field in fields(Settings)][1:]
        written = _file(home / "spk.toml", names).get("service", {})
        if not isinstance(written, dict):
            raise InputError(f"{home / 'spk.toml'}: service is a table: write [service] on a line of its own")
        variables: dict[str, Any] = {}
        for name, about in cls.model_fields.items():
            if value := environment.get(f"SPK_SERVICE_{name.upper()}"):
                several = isinstance(about.default, tuple)
                variables[name] = [one.strip() for one in value.split(",") if one.strip()] if several else value
        given = {name: value for name, value in options.items() if value is not None}
        try:
            settings = cls(**{**written, **variables, **given})
        except ValidationError as error:
            first = error.errors()[0]
            named = ".".join(map(str, first["loc"]))
            raise InputError(f"the service's setting {named}: {first['msg'].lower()}: see the settings") from None
        if (settings.certificate is None) != (settings.private_key is None):
            raise InputError("certificate and private_key belong together: set both, or neither")
        return settings


def _number(name: str, value: object) -> float:
    try:
        return float(str(value))  # true is none
    except ValueError:
        raise InputError(f"{name} is a number, not {value!r}: set it to 0.1, say") from None


def _days(name: str, value: object) -> float:
    days = _number(name, value)
    if not 0 <= days <= MOST_DAYS:
        raise InputError(f"{name} cannot be {days:g} days: set 0 for not at all, or 30")
    return days


def _check_model(model: object) -> None:
    """See that there is such a model; none is no mistake."""
    try:
        if model is not None:
            model_parts(str(model))
    except NotFoundError as error:
        raise InputError(f"model cannot be {model!r}: {error}") from error


def _merged(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Settings from places of which the later count more; a cost and a rate exclude each other, the later one counts.

    Raises:
        InputError: one place has a cost and what a cost says, too.
    """
    values: dict[str, Any] = {}
    for layer in layers:
        if "cost" in layer:
            for other in ("fpir", "prior_unknown"):
                if other in layer:
                    raise InputError(f"cost and {other} cannot be set together: leave one of them out")
                values.pop(other, None)
        elif "fpir" in layer:
            values.pop("cost", None)
        values |= layer
    return values


def _file(path: Path, names: list[str]) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"{path}: cannot be read ({reason}): mend or remove it") from error
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: is no TOML ({error}): mend or remove it") from error
    if unknown := sorted(set(values) - {*names, "service"}):
        raise InputError(f"{path}: no setting is called {unknown[0]!r}; there are: {', '.join(names)}")
    return values
