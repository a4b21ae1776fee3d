"""What the threads of one process share: each thing is made once, and let go of when it is no longer fresh."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import Lock
from time import monotonic
from typing import Any, TypeVar, cast

__all__ = ["FRESH", "Parts"]

FRESH = 60.0  # seconds after which a gallery is read anew although nothing was written: a consent may have run out

T = TypeVar("T")


class Parts:
    """What the workbenches of one process share: the store, and each model once. Threads may ask at once."""

    def __init__(self) -> None:
        self._made: dict[Hashable, Any] = {}
        self._locks: dict[Hashable, Lock] = {}
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """What is kept under a key; made by the first who asks, while others who ask for it wait."""
        while True:
            with self._lock:
                lock = self._locks.setdefault(key, Lock())
            with lock:
                if self._locks.get(key) is not lock:  # who had it made nothing, and others may be at it by another
                    continue
                try:
                    if key not in self._made:
                        self._made[key] = make()
                    return cast("T", self._made[key])
                except BaseException:  # nothing is left of what people misspell
                    with self._lock:
                        del self._locks[key]
                    raise

    def fresh(self, key: Hashable, state: object, make: Callable[[], T]) -> T:
        """As `get`, but made anew where the ``state`` that it rests on is another than then, or a minute is over."""
        kept = self.get(key, _Kept)
        with kept.lock:
            if kept.state != state or monotonic() - kept.made > FRESH:
                kept.value, kept.state, kept.made = make(), state, monotonic()
            return cast("T", kept.value)

    def expire(self) -> None:
        """Let go of what `fresh` made over a minute ago: whoever was erased is not in memory for longer, either."""
        for one in [one for one in list(self._made.values()) if isinstance(one, _Kept)]:
            with one.lock:
                if monotonic() - one.made > FRESH:
                    one.value = one.state = None

    def close(self) -> None:
        """Close the store, if it was opened."""
        if "store" in self._made:
            self._made.pop("store").close()


class _Kept:
    """A value, and the state of things that it holds for."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.value: object = None
        self.state: object = None
        self.made = 0.0
