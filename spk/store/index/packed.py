"""The voiceprints of one gallery in arrays, packed: the last row moves into a hole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spk.store.index import KEY, IndexRows

__all__ = ["Packed"]

_NONE = -1


class Packed:
    """Rows of voiceprints, each with its person's number, and for each person the chain of their rows.

    Attributes:
        ids: (n,) of ``KEY``.
        owners: (n,) the number of each row's person.
        people: (people,) of ``KEY``; nothing where somebody has no rows any more.
        vectors: The rows of a snapshot, and those that were added since.
        changed: The numbers of people whose rows changed; whoever follows the changes empties it.
    """

    def __init__(self, dim: int) -> None:
        self.ids = _Growing(np.empty(0, KEY))
        self.owners = _Growing(np.empty(0, np.int32))
        self.people = _Growing(np.empty(0, KEY))
        self.vectors = _Vectors(np.empty((0, dim), np.float32))
        self.changed: set[int] = set()
        self._first = _Growing(np.empty(0, np.int32))  # of a person: the first row
        self._next = _Growing(np.empty(0, np.int32))  # of a row: the person's next one
        self._numbers: dict[bytes, int] = {}
        self._unused: list[int] = []

    def __len__(self) -> int:
        return len(self.ids)

    def append(self, rows: IndexRows) -> None:
        """Add rows whose ids are not here yet."""
        owners = np.array([self._number(person) for person in rows.speakers.tolist()], np.int32)
        start = len(self)
        self.ids.append(rows.ids)
        self.owners.append(owners)
        self.vectors.append(rows.vectors)
        self._link(owners, start)
        self.changed.update(owners.tolist())

    def drop(self, place: int) -> bytes | None:
        """Remove a row; the id of the row that takes its place, if one does."""
        last = len(self) - 1
        self._unlink(place)
        moved = None
        if place != last:
            moved = bytes(self.ids[last])
            self._redirect(last, place)
            for column in (self.ids, self.owners, self._next):
                column[place] = column[last]
            self.vectors[place] = self.vectors.take(np.array([last]))[0]
        for column in (self.ids, self.owners, self._next):
            column.pop()
        self.vectors.pop()
        return moved

    def rows_of(self, people: NDArray[np.integer[Any]]) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
        """The rows of some people, and for each row which of ``people`` (by position) it is of."""
        rows, whose = [], []
        row, who = self._first.all[people], np.arange(len(people))
        while True:
            there = row != _NONE
            row, who = row[there], who[there]
            if not len(row):
                break
            rows.append(row)
            whose.append(who)
            row = self._next.all[row]
        none = [np.empty(0, np.int32)]
        return np.concatenate(rows or none), np.concatenate(whose or [np.empty(0, np.intp)])

    def sums(self, people: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """The sum of each person's vectors (people, dim)."""
        rows, whose = self.rows_of(people)
        order = np.argsort(whose, kind="stable")
        rows, whose = rows[order], whose[order]
        sums = np.zeros((len(people), self.vectors.dim), np.float32)
        for start in range(0, len(rows), _CHUNK):
            some = slice(start, start + _CHUNK)
            present, starts = np.unique(whose[some], return_index=True)
            sums[present] += np.add.reduceat(self.vectors.take(rows[some]), starts)
        return sums

    def arrays(self) -> dict[str, Sequence[NDArray[Any]]]:
        """What `of` makes the same rows from."""
        return {
            "ids": [self.ids.all],
            "owners": [self.owners.all],
            "next": [self._next.all],
            "people": [self.people.all],
            "first": [self._first.all],
            "vectors": self.vectors.pieces,
        }

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Packed:
        """The rows that `arrays` gave; the vectors are not copied."""
        packed = cls(arrays["vectors"].shape[1])
        packed.ids, packed.owners = _Growing(arrays["ids"]), _Growing(arrays["owners"])
        packed.people = _Growing(arrays["people"])
        packed._first, packed._next = _Growing(arrays["first"]), _Growing(arrays["next"])
        packed.vectors = _Vectors(arrays["vectors"])
        people = packed.people.all.tolist()
        packed._numbers = {person: number for number, person in enumerate(people) if person}
        packed._unused = [number for number, person in enumerate(people) if not person]
        return packed

    def _number(self, person: bytes) -> int:
        number = self._numbers.get(person)
        if number is None:
            if self._unused:
                number = self._unused.pop()
            else:
                number = len(self.people)
                self.people.append(np.zeros(1, KEY))
                self._first.append(np.array([_NONE], np.int32))
            self.people[number] = person
            self._numbers[person] = number
        return number

    def _link(self, owners: NDArray[np.int32], start: int) -> None:
        """Put the last rows, from ``start``, before the others of their people."""
        order = np.argsort(owners, kind="stable")
        sorted_, rows = owners[order], (order + start).astype(np.int32)
        ends = np.append(sorted_[1:] != sorted_[:-1], True)[: len(rows)]  # the last of each person
        begins = np.append(True, sorted_[1:] != sorted_[:-1])[: len(rows)]
        following = np.append(rows[1:], _NONE).astype(np.int32)[: len(rows)]
        following[ends] = self._first.all[sorted_[ends]]
        self._next.append(np.empty(len(rows), np.int32))
        self._next[rows] = following
        self._first[sorted_[begins]] = rows[begins]

    def _unlink(self, row: int) -> None:
        """Take a row out of its person's chain."""
        owner = int(self.owners[row])
        self.changed.add(owner)
        self._redirect(row, int(self._next[row]))
        if self._first[owner] == _NONE:
            del self._numbers[bytes(self.people[owner])]
            self.people[owner] = b""
            self._unused.append(owner)

    def _redirect(self, row: int, to: int) -> None:
        """Let whatever leads to a row in its person's chain lead elsewhere."""
        owner = int(self.owners[row])
        before, here = _NONE, int(self._first[owner])
        while here != row:
            before, here = here, int(self._next[here])
        if before == _NONE:
            self._first[owner] = to
        else:
            self._next[before] = to


_CHUNK = 100_000  # rows that are copied at a time, to be summed


class _Growing:
    """A column that grows at its end; values are taken and set as in an array."""

    def __init__(self, values: NDArray[Any]) -> None:
        self._room = values.copy()
        self._used = len(values)

    def __len__(self) -> int:
        return self._used

    def __getitem__(self, place: int) -> Any:  # noqa: ANN401 - as the dtype says
        return self._room[place]

    def __setitem__(self, place: Any, value: Any) -> None:  # noqa: ANN401 - as numpy has it
        self._room[place] = value

    @property
    def all(self) -> NDArray[Any]:
        """The values in use."""
        return self._room[: self._used]

    def append(self, values: NDArray[Any]) -> None:
        needed = self._used + len(values)
        if needed > len(self._room):
            grown = np.zeros((max(64, needed, 2 * self._used), *self._room.shape[1:]), self._room.dtype)
            grown[: self._used] = self.all
            self._room = grown
        self._room[self._used : needed] = values
        self._used = needed

    def pop(self) -> None:
        self._used -= 1
        self._room[self._used] = np.zeros((), self._room.dtype)  # a vector must not outlive its erasure


class _Vectors:
    """Rows of a snapshot, which stay where they are mapped, and after them those that were added since."""

    def __init__(self, mapped: NDArray[np.float32]) -> None:
        self.dim = mapped.shape[1]
        self._mapped = mapped
        self._added = _Growing(np.empty((0, self.dim), np.float32))

    @property
    def pieces(self) -> list[NDArray[np.float32]]:
        """All rows, in two matrices (n, dim)."""
        return [self._mapped, self._added.all]

    def append(self, vectors: NDArray[np.float32]) -> None:
        self._added.append(vectors)

    def take(self, places: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """Some rows (len(places), dim)."""
        if not len(self._added):  # mostly, and twice as fast
            return np.asarray(self._mapped[places], np.float32)
        late = places >= len(self._mapped)
        taken = np.empty((len(places), self.dim), np.float32)
        taken[~late] = self._mapped[places[~late]]
        taken[late] = self._added.all[places[late] - len(self._mapped)]
        return taken

    def __setitem__(self, place: int, vector: NDArray[np.float32]) -> None:
        late = place - len(self._mapped)
        if late < 0:
            self._mapped[place] = vector
        else:
            self._added[late] = vector

    def pop(self) -> None:
        if len(self._added):
            self._added.pop()
        else:
            self._mapped[-1] = 0
            self._mapped = self._mapped[:-1]
