"""Text files, line by line, with every way they can be wrong as a `FormatError`."""

from __future__ import annotations

import codecs
import stat
from collections.abc import Iterator
from pathlib import Path

from spk.errors import FormatError

__all__ = ["printable", "read_lines"]

_LONGEST = 1 << 16  # characters; a longer line is no line of ours
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def printable(name: object) -> str:
    r"""A name without line breaks and other controls, for messages of one line.

    >>> printable("a\nb.rttm")
    'a\\nb.rttm'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(name))


def read_lines(path: str | Path) -> Iterator[str]:
    """The lines of a text file with their endings, read as they are asked for.

    UTF-8, or whatever Unicode encoding its byte order mark names.

    Raises:
        FormatError: there is no such file, it may not be read, or it is no such text.
    """
    source, path, number = printable(path), Path(path), 0
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a named pipe would wait for its writer
            raise FormatError(source, "is not a file, but a directory or a device: name a text file")
        with path.open("rb") as file:
            start = file.read(4)
        encoding = next((name for mark, name in _MARKS if start.startswith(mark)), "utf-8")
        with path.open(encoding=encoding, newline="") as text:
            while line := text.readline(_LONGEST):
                number += 1
                if len(line) == _LONGEST or "\0" in line:
                    raise FormatError(source, "is not a text file: check that it is the one you mean", number)
                yield line
    except UnicodeError:
        raise FormatError(source, f"is not {encoding.upper()} text: save it as UTF-8", number + 1) from None
    except FileNotFoundError:
        raise FormatError(source, "no such file: check the path") from None
    except PermissionError:
        raise FormatError(source, "may not be read: give yourself permission (chmod +r)") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) else error
        raise FormatError(source, f"cannot be read ({reason}): check the path") from None
