"""Text files, line by line, with every way they can be wrong as a `FormatError`."""

from __future__ import annotations

import codecs
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO

from spk.errors import FormatError

__all__ = ["encoding", "open_text", "opened", "printable", "read_head", "read_lines"]

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


@contextmanager
def opened(path: str | Path) -> Iterator[BinaryIO]:
    """A file, open to be read.

    Raises:
        FormatError: there is no such file, it may not be read, or reading fails.
    """
    source, path = printable(path), Path(path)
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a named pipe would wait for its writer
            raise FormatError(source, "is not a file, but a directory or a device: name a text file")
        with path.open("rb") as file:
            yield file
    except FileNotFoundError:
        raise FormatError(source, "no such file: check the path") from None
    except PermissionError:
        raise FormatError(source, "may not be read: give yourself permission (chmod +r)") from None
    except OSError as error:
        raise FormatError(source, f"cannot be read ({error.strerror}): check the path") from None
    except ValueError as error:
        if "\0" not in str(path):
            raise
        raise FormatError(source, f"cannot be read ({error}): check the path") from None


def encoding(file: BinaryIO) -> str:
    """The Unicode encoding that a file's byte order mark names; UTF-8 without one."""
    start = file.read(4)
    file.seek(0)
    return next((name for mark, name in _MARKS if start.startswith(mark)), "utf-8")


@contextmanager
def open_text(path: str | Path, *, errors: str = "strict") -> Iterator[TextIOWrapper]:
    """A text file, open to be read: UTF-8, or whatever Unicode encoding its byte order mark names.

    Raises:
        FormatError: as `opened`.
    """
    with opened(path) as file, TextIOWrapper(file, encoding(file), errors=errors, newline="") as text:
        yield text


def read_head(path: str | Path, characters: int = 4096) -> str:
    """How a text file begins; what is no text there is replaced.

    Raises:
        FormatError: the file cannot be read.
    """
    with open_text(path, errors="replace") as text:
        return text.read(characters)


def read_lines(path: str | Path) -> Iterator[str]:
    """The lines of a text file with their endings, read as they are asked for.

    UTF-8, or whatever Unicode encoding its byte order mark names.

    Raises:
        FormatError: there is no such file, it may not be read, or it is no such text.
    """
    source, number = printable(path), 0
    with open_text(path) as text:
        try:
            while line := text.readline(_LONGEST):
                number += 1
                if len(line) == _LONGEST or "\0" in line:
                    raise FormatError(source, "is not a text file: check that it is the one you mean", number)
                yield line
        except UnicodeError:
            raise FormatError(source, f"is not {text.encoding.upper()} text: save it as UTF-8", number + 1) from None
