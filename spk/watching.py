"""What goes on inside, told to whoever watches the process: stages of the work, audio that was read, verdicts.

It is told where it happens, so that everything counts, whoever asked for it. Where nobody watches, that costs next to
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from time import perf_counter
from typing import Protocol

__all__ = ["STAGES", "Watcher", "stage", "tell_read", "tell_verdict", "watched_by"]

STAGES = ("decode", "vad", "diarize", "embed", "score", "store")
"""The stages: audio is decoded; speech is found; turns are made (all of diarization, the first model included);
voices are embedded, and compared with a gallery; something is written to the store, with the wait for other writers."""


class Watcher(Protocol):
    """Who wants to know. Threads tell at once, and none of these may raise."""

    def took(self, stage: str, seconds: float) -> None:
        """A stage of `STAGES` has ended, well or not, after so many seconds."""

    def read(self, seconds: float) -> None:
        """So much audio was decoded."""

    def judged(self, gallery: str, verdict: str) -> None:
        """A verdict was given on a voice, or on a claim."""


_watchers: tuple[Watcher, ...] = ()
_lock = Lock()


@contextmanager
def watched_by(watcher: Watcher) -> Iterator[None]:
    """Tell somebody what goes on meanwhile, in all threads."""
    global _watchers  # noqa: PLW0603 - a process has one inside
    with _lock:
        _watchers = (*_watchers, watcher)
    try:
        yield
    finally:
        with _lock:
            _watchers = tuple(one for one in _watchers if one is not watcher)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Tell how long a stage takes; also a decorator.

    >>> class Printing:
    ...     def took(self, stage, seconds): print(stage, seconds >= 0)
    >>> with watched_by(Printing()), stage("embed"):
    ...     pass
    embed True
    """
    if not _watchers:
        yield
        return
    began = perf_counter()
    try:
        yield
    finally:
        seconds = perf_counter() - began
        for watcher in _watchers:
            watcher.took(name, seconds)


def tell_read(seconds: float) -> None:
    """Tell that so much audio was decoded."""
    for watcher in _watchers:
        watcher.read(seconds)


def tell_verdict(gallery: str, verdict: str) -> None:
    """Tell what was said of a voice, or of a claim."""
    for watcher in _watchers:
        watcher.judged(gallery, verdict)
