"""Which names people and galleries may have, and the labels of people without one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches

from spk.errors import InputError

__all__ = ["clean_name", "hint", "label_digits"]

_LONGEST = 200
_LABEL = re.compile(r"unknown-([0-9a-f]{4,32})")


def clean_name(name: str) -> str:
    """A name as it is stored: stripped, in Unicode's composed form.

    >>> clean_name("  Zoe\\u0301 ") == "Zo\\u00e9"
    True

    Raises:
        InputError: empty, longer than 200 characters, with control characters, or like a label of ours.
    """
    clean = unicodedata.normalize("NFC", name).strip()
    if not clean:
        raise InputError("a name cannot be empty: give one with at least one visible character")
    if len(clean) > _LONGEST:
        raise InputError(f"{clean[:20]}…: a name has at most {_LONGEST} characters, this one {len(clean)}")
    # Cc control, Cs undecodable bytes, Zl and Zp line breaks: none can be shown in one line or stored.
    if any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in clean):
        raise InputError(f"{clean!a}: a name cannot hold control characters or undecodable bytes")
    if _LABEL.fullmatch(clean):
        raise InputError(f"{clean}: such labels stand for people without a name; choose another name")
    return clean


def label_digits(text: str) -> str:
    """The digits of a label such as ``unknown-7f3a``; empty for anything else.

    >>> label_digits("unknown-7f3a"), label_digits("alice")
    ('7f3a', '')
    """
    match = _LABEL.fullmatch(text)
    return match[1] if match else ""


def hint(name: str, known: Iterable[str]) -> str:
    """``; did you mean …?`` where something known is spelt alike, or nothing.

    >>> hint("alcie", ["Alice", "bob"])
    '; did you mean "Alice"?'
    """
    by_folded = {other.casefold(): other for other in known}
    close = get_close_matches(name.casefold(), by_folded, n=3, cutoff=0.6)
    spelt = " or ".join(f'"{by_folded[match]}"' for match in close)
    return f"; did you mean {spelt}?" if close else ""
