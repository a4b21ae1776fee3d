"""Which names people and galleries may have, and the labels of people without one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches
from uuid import UUID

from spk.errors import InputError

__all__ = [
    "clean_name",
    "hint",
    "id_of",
    "id_range",
    "label_digits",
    "mentions",
    "new_name",
    "stands_for_somebody",
    "storable",
]

_LONGEST = 200
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
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


def new_name(name: str) -> str:
    """A name as it is stored, which somebody may be given: clean, and no id.

    Only who is named now is asked for this: a name from before must still be found, and come in with a bundle.

    >>> new_name(" Zoe ")
    'Zoe'

    Raises:
        InputError: as `clean_name`, or it is an id.
    """
    clean = clean_name(name)
    if id_of(clean) is not None:
        raise InputError(f"{clean}: such ids stand for people; choose another name")
    return clean


def id_of(text: str) -> UUID | None:
    """The id that a text is, in groups as ids are shown; None for anything else, so that a hash can be a name.

    >>> id_of(" 7F3A0C52-58B7-4D51-9D0E-2B0F6F1F7A10")
    UUID('7f3a0c52-58b7-4d51-9d0e-2b0f6f1f7a10')
    >>> id_of("7f3a0c5258b74d519d0e2b0f6f1f7a10")
    """
    clean = unicodedata.normalize("NFC", text).strip()
    return UUID(clean) if _ID.fullmatch(clean) else None


def stands_for_somebody(text: str) -> bool:
    """Whether a text is a label or an id: it means somebody who is there, and is the name of nobody new.

    >>> stands_for_somebody("unknown-7f3a"), stands_for_somebody("alice")
    (True, False)
    """
    return bool(label_digits(text)) or id_of(text) is not None


def label_digits(text: str) -> str:
    """The digits of a label such as ``unknown-7f3a``; empty for anything else.

    >>> label_digits("unknown-7f3a"), label_digits("alice")
    ('7f3a', '')
    """
    match = _LABEL.fullmatch(text)
    return match[1] if match else ""


def id_range(digits: str) -> tuple[UUID, UUID]:
    """The first and the last id that begins with some hexadecimal digits.

    >>> first, last = id_range("7f3a")
    >>> str(first)[:8], str(last)[:8]
    ('7f3a0000', '7f3affff')

    Raises:
        ValueError: they are none, or too many.
    """
    return UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))


def storable(source: str) -> str:
    """The name of a file as a database can store it, which may hold bytes that are no text, or whatever a caller says.

    >>> storable("caf\\udce9 \\0.wav")
    'caf? ?.wav'
    """
    return source.encode("utf-8", "replace").decode().replace("\0", "?")


def hint(name: str, known: Iterable[str], alike: float = 0.6) -> str:
    """``; did you mean …?`` where something known is spelt ``alike``, from 0 to 1, or nothing.

    >>> hint("alcie", ["Alice", "bob"])
    '; did you mean "Alice"?'
    """
    by_folded = {other.casefold(): other for other in known}
    close = get_close_matches(name.casefold(), by_folded, n=3, cutoff=alike)
    spelt = " or ".join(f'"{by_folded[match]}"' for match in close)
    return f"; did you mean {spelt}?" if close else ""


def mentions(text: str, name: str, others: Iterable[str] = ()) -> bool:
    """Whether a text holds a name as a word of its own, however it is written; a digit ends a word.

    Args:
        text: The name of a file, say: ``_`` and ``-`` are as good as spaces.
        name: Of a person.
        others: Longer names of other people, in which the name may stand: "Ann Lee" is not about "Ann".

    >>> mentions("calls/ANN_LEE1.wav", "Ann Lee"), mentions("planner.wav", "Ann")
    (True, False)
    >>> mentions("ann lee.wav", "Ann", ["Ann Lee"]), mentions("ann.wav", "Ann", ["Ann Lee"])
    (False, True)
    """
    plain, wanted = _plain(text), _plain(name)
    if wanted not in plain:  # the rule, and quick
        return False
    for other in sorted(map(_plain, others), key=len, reverse=True):
        plain = _as_word(other).sub("\0", plain)
    return _as_word(wanted).search(plain) is not None


def _plain(text: str) -> str:
    return re.sub(r"[\s_-]+", " ", unicodedata.normalize("NFKC", text).casefold())


def _as_word(plain: str) -> re.Pattern[str]:
    """Where it begins and ends with letters, no letter comes before or after; scripts without cases have no spaces."""
    before, after = (
        rf"{look}[^\W\d_])" if edge.upper() != edge else rf"{look}\d)" if edge.isdigit() else ""
        for look, edge in (("(?<!", plain[0]), ("(?!", plain[-1]))
    )
    return re.compile(before + re.escape(plain) + after)
