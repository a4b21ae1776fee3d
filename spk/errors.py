"""Everything spk raises on purpose, as one tree.

.. code-block:: text

    SpkError
    ├── InputError             what was given cannot be used
    │   ├── AudioError         a recording that cannot be read or holds nothing to hear
    │   ├── FormatError        a file of turns or trials that breaks its format
    │   ├── TimelineError      times that make no segment
    │   └── RefusedError       a quality gate said no (carries the reasons)
    ├── NotFoundError          no speaker, gallery or model of that name
    ├── ConflictError          the name is taken, or the audio belongs to somebody else
    ├── AccessError            a key that is missing, wrong, at its end, or not for this
    ├── ModelError             a model that cannot be used
    │   ├── WeightsError       weights that cannot be fetched or fail their checksum
    │   └── FingerprintError   vectors or calibrations of two different models
    ├── ServiceError           a server that does not answer, or has too much to do
    └── StoreError             the home cannot be read or written
        ├── AuditError         the audit log was changed by somebody
        ├── EngineError        the vector engine does not answer
        └── StoreVersionError  the home was written by a newer spk

Every message is one line that names the thing, says what is wrong with it and what to do next.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

__all__ = [
    "AccessError",
    "AudioError",
    "AuditError",
    "ConflictError",
    "EngineError",
    "FingerprintError",
    "FormatError",
    "InputError",
    "ModelError",
    "NotFoundError",
    "RefusedError",
    "ServiceError",
    "SpkError",
    "StoreError",
    "StoreVersionError",
    "TimelineError",
    "WeightsError",
    "retold",
]


class SpkError(Exception):
    """The root: catch this to catch everything spk raises on purpose."""


class InputError(SpkError):
    """What was given cannot be used."""


class AudioError(InputError):
    """A recording that cannot be read, or that holds nothing to work with."""

    def __init__(self, source: str | Path, reason: str) -> None:
        super().__init__(f"{source}: {reason}")
        self.source = str(source)
        self.reason = reason


class FormatError(InputError):
    """A file that breaks its format; says where."""

    def __init__(self, source: str | Path, reason: str, line: int | None = None) -> None:
        where = f"{source}:{line}" if line is not None else f"{source}"
        super().__init__(f"{where}: {reason}")
        self.source = str(source)
        self.line = line
        self.reason = reason


class TimelineError(InputError, ValueError):
    """Times that make no segment."""


class RefusedError(InputError):
    """A quality gate refused the audio; ``reasons`` holds one sentence a gate."""

    def __init__(self, source: str | Path, reasons: tuple[str, ...]) -> None:
        super().__init__(f"{source}: {'; '.join(reasons)}")
        self.source = str(source)
        self.reasons = reasons


class NotFoundError(SpkError):
    """There is no speaker, gallery or model of that name."""


class ConflictError(SpkError):
    """The name is taken, or the audio already belongs to somebody else."""


class AccessError(SpkError):
    """A key is missing, wrong, at its end, or not for this."""


class ModelError(SpkError):
    """A model cannot be used."""


class WeightsError(ModelError):
    """Weights cannot be fetched, or fail their checksum."""


class FingerprintError(ModelError):
    """Two things made by different models were about to be compared."""


class ServiceError(SpkError):
    """A server does not answer, not as a server of spk would, or has too much to do."""


class StoreError(SpkError):
    """The home cannot be read or written."""


class AuditError(StoreError):
    """The audit log is not as it was written: somebody changed it, or cut it."""


class EngineError(StoreError):
    """The vector engine does not answer, or holds what it should not."""


class StoreVersionError(StoreError):
    """The home was written by a newer version of spk."""


def retold(error: str, detail: str, reasons: Sequence[str] = ()) -> SpkError:
    """An error that was written down, to be raised again.

    >>> retold("RefusedError", "a.wav: too short; too loud", ["too short", "too loud"]).reasons
    ('too short', 'too loud')
    >>> retold("ConflictError", "the name is taken")
    ConflictError('the name is taken')

    Args:
        error: The name of its class.
        detail: Its message.
        reasons: Of a `RefusedError`.
    """
    kind = globals().get(error)
    if not (isinstance(kind, type) and issubclass(kind, SpkError)):
        return SpkError(detail)
    if kind is RefusedError:
        return RefusedError(detail.removesuffix(f": {'; '.join(reasons)}"), tuple(reasons))
    return InputError(detail) if issubclass(kind, AudioError | FormatError) else kind(detail)
