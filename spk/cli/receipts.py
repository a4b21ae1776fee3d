"""`spk audit receipt`: whether the receipt of an erasure is genuine; and how a receipt is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spk.cli.common import print_json, say
from spk.cli.options import AsJson, Home, Quiet
from spk.cli.outcomes import many
from spk.errors import FormatError, InputError

if TYPE_CHECKING:
    from spk.store.erasure.receipts import ErasureReceipt

__all__ = ["receipt", "told", "unproved"]

EXIT_UNKNOWN = 1


def receipt(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", readable=False, help="What `spk speakers erase` wrote with --output.", show_default=False
        ),
    ],
    *,
    key: Annotated[
        str | None,
        typer.Option(
            "--key", metavar="KEY", help="The public key of the home, where that is not here.", show_default=False
        ),
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """See whether the receipt of an erasure is genuine.

    Its signature is checked, and by whom it is: by the key of the home, whose audit log must know of the erasure and
    of this receipt, or by the key that is given. Leaves with status 1 where neither tells whose the key is.

    Example: spk audit receipt receipt.json
    """
    from spk.store.erasure.receipts import ErasureReceipt

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"{file}: cannot be read ({reason}): check the name") from error
    found = ErasureReceipt.parse(text, source=str(file))
    known = _known(found, str(file), key, home)
    if as_json:
        print_json({"known": bool(known), **found.to_json()})
    elif not quiet:
        _show(found, str(file), known)
    raise typer.Exit(0 if known else EXIT_UNKNOWN)


def _show(found: ErasureReceipt, file: str, known: str) -> None:
    if known:
        say(f"{file}: genuine, signed by {known}")
    else:
        say(f"{file}: unaltered since it was signed by {found.public_key}; whose that is, --key or its home tells")
    people = ", ".join(map(str, found.speakers))
    for line in told(found, f"{people} of the gallery {found.gallery}", f" on {found.at:%Y-%m-%d %H:%M} UTC"):
        say(line)
    for why in unproved(found):
        say(f"not proved: {why}")


def told(receipt: ErasureReceipt, names: str, when: str = "") -> Iterator[str]:
    """A receipt in a few lines."""
    counts = receipt.counts
    gone = {"sample": counts.samples, "voiceprint": counts.voiceprints, "clip": counts.clips}
    gone |= {"decision": counts.decisions, "export": counts.exports}
    held = ", ".join(many(count, what) for what, count in gone.items())
    more = f"{many(counts.sources, 'name')} of recordings"
    if counts.voices is not None:
        more += f", {many(counts.voices, 'voice')} in recordings, {many(counts.changes or 0, 'change')}"
    if counts.consents:
        more += f", {many(counts.consents, 'consent')}"
    erased = "is erased" if len(receipt.speakers) == 1 else "are erased"
    yield f"{names} {erased}{when}: {held}, {more}"
    for check in receipt.checks:
        result = f"found: {', '.join(check.found)}" if check.found else "nothing found"
        note = f" ({check.note})" if check.note else ""
        yield f"{check.what}: {check.looked_for} looked for, {result}{note}"
    for left in receipt.left:
        yield f"left to you: {left}"


def unproved(receipt: ErasureReceipt) -> list[str]:
    """Why an erasure is not proved; nothing where it is."""
    reasons = [f"{check.what}: {', '.join(check.found)}" for check in receipt.checks if check.found]
    if receipt.engine != "done":
        reasons.append("the vector engine does not answer; it is told by the next command once it does")
    return reasons


def _known(found: ErasureReceipt, source: str, key: str | None, home: Path | None) -> str:
    """Whose key signed it; empty where that is not known.

    Raises:
        FormatError: another key than was given, or than the home's.
        StoreError: the home's audit log does not know it, or was tampered with.
    """
    from spk.config import Settings

    if key is not None:
        if key.lower() != found.public_key:
            raise FormatError(source, "was signed by another key than the one given: do not rely on it")
        return "the key given"
    settings = Settings.read(home=home)
    if not (settings.home / "signing.key").is_file():
        return ""
    from spk.store.erasure.receipts import SigningKey

    if SigningKey(settings.home, create=False).public != found.public_key:
        raise FormatError(source, f"was not signed by {settings.home}: name its home, or --key")
    with settings.open_store(create=False) as store:
        store.verify_audit()
        found.check_audit(list(store.audit_log()), source)
    return "the key of this home, whose audit log agrees"
