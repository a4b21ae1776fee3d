"""What lies in a folder of clips: the clips, the files beside them, and what has no partner.

A clip is a file with an ending of audio. Every other file of its folder that has its name up to a dot is a side-car
and goes where the clip goes: ``a.txt``, ``a.en.vtt`` and ``a.wav.json`` beside ``a.wav``. Hidden files and folders are
passed over, and links to folders are not followed.

Where a folder (or a clip) is named ``<station>_<M|F><date>``, as in ``WXYZ_F20240131``, its clips are of that station
and day, and the letter says the gender of who speaks.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Self

from spk.errors import InputError
from spk.formats.lines import printable
from spk.identify.labelled import SOUNDS

__all__ = ["Broadcast", "Clip", "Folder", "read_folder"]

_BROADCAST = re.compile(r"(?P<station>.+?)_(?P<gender>[MF])(?P<date>\d{8}|\d{6}|\d{4}-\d\d-\d\d)(?![^\W_])")


@dataclass(frozen=True, order=True)
class Broadcast:
    """What the name of a folder of broadcast speech says.

    >>> Broadcast.parse("WXYZ_F20240131")
    Broadcast(station='WXYZ', date='20240131', gender='F')
    >>> Broadcast.parse("WXYZ_F20240131_0007").name
    'WXYZ_F20240131'
    >>> Broadcast.parse("holiday_Fotos2024") is None
    True

    Attributes:
        station: Which one.
        date: As it is written.
        gender: ``M`` or ``F``.
    """

    station: str
    date: str
    gender: str

    @classmethod
    def parse(cls, name: str) -> Self | None:
        """Read a name; None where it has another layout."""
        found = _BROADCAST.match(name)
        return cls(found["station"], found["date"], found["gender"]) if found else None

    @property
    def name(self) -> str:
        """In the layout."""
        return f"{self.station}_{self.gender}{self.date}"


@dataclass(frozen=True)
class Clip:
    """One clip; paths count from the folder.

    Attributes:
        path: The audio.
        sidecars: The files beside it.
    """

    path: PurePath
    sidecars: tuple[PurePath, ...] = ()

    @property
    def files(self) -> tuple[PurePath, ...]:
        """All that goes together."""
        return (self.path, *self.sidecars)

    @property
    def broadcast(self) -> Broadcast | None:
        """What its own name says, or that of the nearest folder which says something.

        >>> Clip(PurePath("WXYZ_F20240131/news/001.wav")).broadcast.station
        'WXYZ'
        """
        names = (self.path.stem, *(folder.name for folder in self.path.parents))
        return next(filter(None, map(Broadcast.parse, names)), None)


@dataclass(frozen=True)
class Folder:
    """A folder of clips.

    Attributes:
        root: Where it is.
        clips: By path.
        strays: Files that lie beside no clip.
    """

    root: Path
    clips: tuple[Clip, ...]
    strays: tuple[PurePath, ...]

    @property
    def unpaired(self) -> tuple[PurePath, ...]:
        """Clips without a side-car."""
        return tuple(clip.path for clip in self.clips if not clip.sidecars)


def read_folder(root: Path) -> Folder:
    """The clips of a folder and of all in it.

    Raises:
        InputError: it is no folder, a part of it cannot be read, or it holds no clip.
    """
    if not root.is_dir():
        raise InputError(f"{printable(root)}: is no folder: name the one that holds the clips")
    clips: list[Clip] = []
    strays: list[PurePath] = []
    for here, names in _folders(root):
        sounds = sorted(name for name in names if PurePath(name).suffix.lower() in SOUNDS)
        beside: dict[str, list[PurePath]] = {PurePath(name).stem: [] for name in sounds}
        for name in sorted(names.difference(sounds)):
            owner = next((stem for stem in _stems(name) if stem in beside), None)
            (strays if owner is None else beside[owner]).append(here / name)
        clips += [Clip(here / name, tuple(beside[PurePath(name).stem])) for name in sounds]
    if not clips:
        raise InputError(f"{printable(root)}: holds no recordings: name the folder that holds the clips")
    return Folder(root, tuple(sorted(clips, key=lambda clip: os.fsencode(clip.path))), tuple(sorted(strays)))


def _folders(root: Path) -> Iterator[tuple[PurePath, set[str]]]:
    """Each folder, counted from the root, and the names of the files in it."""

    def refuse(error: OSError) -> None:
        raise InputError(f"{printable(error.filename)}: cannot be read ({error.strerror}): give yourself permission")

    for here, folders, files in os.walk(root, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield PurePath(here).relative_to(root), {name for name in files if not name.startswith(".")}


def _stems(name: str) -> Iterator[str]:
    """What a file may be beside, the longest first.

    >>> list(_stems("a.b.txt"))
    ['a.b', 'a']
    """
    while (dot := name.rfind(".")) > 0:
        name = name[:dot]
        yield name
