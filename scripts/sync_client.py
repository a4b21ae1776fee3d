"""Writes spk/client/sync, the client that waits, from spk/client/aio; --check only says whether it is up to date."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

CLIENT = Path(__file__).resolve().parents[1] / "spk" / "client"
WORDS = {  # whole words, in this order
    r"async (def|with|for)": r"\1",
    r"await ": "",
    r"__aenter__": "__enter__",
    r"__aexit__": "__exit__",
    r"aclose": "close",
    r"aread": "read",
    r"aiter_bytes": "iter_bytes",
    r"AsyncIterator": "Iterator",
    r"asyncio\.sleep": "time.sleep",
    r"asyncio\.CancelledError": "KeyboardInterrupt",
    r"import asyncio": "import time",
    r"spk\.client\.aio": "spk.client.sync",
    r"Async(?=[A-Z])": "",
}


def main() -> int:
    """Write the files, or compare them."""
    wanted = {CLIENT / "sync" / one.name: waiting(one.read_text()) for one in sorted((CLIENT / "aio").glob("*.py"))}
    wanted[CLIENT / "sync" / "__init__.py"] = '"""The client that waits: made from `spk.client.aio`; change that."""\n'
    there = {one: one.read_text() for one in (CLIENT / "sync").glob("*.py")}
    if "--check" in sys.argv:
        return int(there != wanted)
    for one in there.keys() - wanted.keys():
        one.unlink()
    for one, text in wanted.items():
        one.parent.mkdir(exist_ok=True)
        one.write_text(text)
    return 0


def waiting(text: str) -> str:
    """The code of a module, without asyncio."""
    for pattern, plain in WORDS.items():
        text = re.sub(rf"\b{pattern}", plain, text)
    config = str(CLIENT.parents[1] / "pyproject.toml")
    ruff = [sys.executable, "-m", "ruff", "format", "--config", config, "-"]  # lines are shorter now
    return subprocess.run(ruff, input=text, capture_output=True, text=True, check=True).stdout  # noqa: S603 - ruff


if __name__ == "__main__":
    sys.exit(main())
