"""``python -m spk``: the command where no ``spk`` is on the path."""

from __future__ import annotations

from spk.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    main()
