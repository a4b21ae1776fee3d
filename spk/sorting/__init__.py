"""Many clips of one person each, sorted into folders by speaker."""

from __future__ import annotations

from spk.sorting.labels import Label
from spk.sorting.placing import Link, OwnFolder
from spk.sorting.scanning import Clip, Folder, read_folder
from spk.sorting.sorting import Sorted, Sorter

__all__ = ["Clip", "Folder", "Label", "Link", "OwnFolder", "Sorted", "Sorter", "read_folder"]
