"""Lets SpeechBrain be imported beside a torchaudio whose compiled part does not load.

SpeechBrain imports torchaudio at its top. The torchaudio wheels for Linux are linked to CUDA, so beside a CPU
build of torch ``import torchaudio`` raises OSError, although what is needed of it is pure Python. Where, and
only where, the import fails, a stand-in for its compiled part is put in place and the import is repeated.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

__all__ = ["ensure_torchaudio"]

EXTENSION = "torchaudio._extension"


def ensure_torchaudio() -> None:
    """Make ``import torchaudio`` work; call it before importing SpeechBrain."""
    try:
        importlib.import_module("torchaudio")
    except (OSError, ImportError):
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchaudio"]:
            del sys.modules[name]  # what the failed import left
        sys.modules[EXTENSION] = _stand_in()
        importlib.import_module("torchaudio")


def _stand_in() -> ModuleType:
    """What torchaudio asks of its compiled part, answered with "not there"."""

    class Extension(ModuleType):
        _IS_TORCHAUDIO_EXT_AVAILABLE = False
        _IS_ALIGN_AVAILABLE = False
        __path__: list[str] = []  # noqa: RUF012 - a package's path is a list

        @staticmethod
        def _check_cuda_version() -> None:
            return None

        @staticmethod
        def fail_if_no_align(function: Any) -> Any:  # noqa: ANN401 - decorates whatever torchaudio gives it
            return function

    return Extension(EXTENSION)
