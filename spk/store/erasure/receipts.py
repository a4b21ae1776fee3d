"""The receipt of an erasure: what went, how it was looked for afterwards, and a signature. It names nobody."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self
from uuid import UUID

from spk.errors import FormatError, StoreError
from spk.store.audit import AuditEntry, AuditHead
from spk.store.files import sync_folder, temporary, write_through
from spk.store.problems import explained

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["FORMAT", "NOT_PROVED", "PROVED", "Check", "ErasedCounts", "ErasureReceipt", "SigningKey"]

FORMAT = "spk-erasure/1"
PROVED, NOT_PROVED = "erasure proved", "erasure not proved"


@dataclass(frozen=True, slots=True)
class Check:
    """One way in which something of an erased person was looked for.

    Attributes:
        what: What was looked for.
        looked_for: How many of it.
        where: In what.
        found: Where some of it was found.
        note: What could not be looked for, and why.
    """

    what: str
    looked_for: int
    where: str
    found: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class ErasedCounts:
    """How much went.

    Attributes:
        samples: Samples of the people.
        voiceprints: Theirs, of every model.
        clips: Files to listen to, those left out that somebody else's samples have too.
        decisions: Those that found a voice to be theirs, or perhaps.
        exports: Files that were written anew without them, or removed.
        sources: Names of recordings in which their name stood.
        voices: Voices in recordings that were theirs, or perhaps; None in receipts of an older spk.
        changes: Those that cannot be undone any more, because they tell of them; None in receipts of an older spk.
        consents: What they had consented to, ended or not; None in receipts of an older spk.
    """

    samples: int
    voiceprints: int
    clips: int
    decisions: int
    exports: int
    sources: int
    voices: int | None = None
    changes: int | None = None
    consents: int | None = None


@dataclass(frozen=True, slots=True)
class ErasureReceipt:
    """What an erasure did, and how it was proved.

    Attributes:
        id: Its own.
        gallery: Whose people they were.
        speakers: Who was erased: ids that stand in the audit log and nowhere else.
        at: When.
        user: By which user of the machine.
        counts: How much went.
        engine: ``done``, or ``pending`` where the vector engine did not answer: it is told when it does.
        left: What spk could not erase, for somebody to look after.
        checks: How it was looked for.
        audit: The rows of the audit log about the erasure, one a person.
        public_key: Ed25519, in hexadecimal digits.
        signature: Of all that stands before it, in hexadecimal digits.
    """

    id: UUID
    gallery: UUID
    speakers: tuple[UUID, ...]
    at: datetime
    user: str
    counts: ErasedCounts
    engine: Literal["done", "pending"]
    left: tuple[str, ...]
    checks: tuple[Check, ...]
    audit: tuple[AuditHead, ...]
    public_key: str = ""
    signature: str = ""

    @property
    def proved(self) -> bool:
        """Whether everything was looked for and nothing was found."""
        return self.engine == "done" and not any(check.found for check in self.checks)

    @property
    def sha256(self) -> str:
        """Of the receipt as it is written: it stands in the audit log."""
        return hashlib.sha256(self.serialize().encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "format": FORMAT,
            "proved": self.proved,
            **asdict(self),
            "id": str(self.id),
            "gallery": str(self.gallery),
            "speakers": [str(speaker) for speaker in self.speakers],
            "at": self.at.isoformat(),
            "counts": {name: count for name, count in asdict(self.counts).items() if count is not None},
        }

    def serialize(self) -> str:
        """As text: of this the hash stands in the audit log, and the signature is of it without its own digits."""
        return json.dumps(self.to_json(), indent=2) + "\n"

    @classmethod
    def parse(cls, text: str, *, source: str = "receipt") -> Self:
        """What `serialize` gave, or the same in one line; the signature is compared with the key that stands in it.

        Raises:
            FormatError: it is no receipt, or not as it was signed.
        """
        try:
            record = json.loads(text)
            if not isinstance(record, Mapping) or record.get("format") != FORMAT:
                raise FormatError(source, f"no receipt of an erasure ({FORMAT}): name the file of `spk speakers erase`")
            values = {field.name: record[field.name] for field in fields(cls)}
            receipt = cls(
                **{
                    **values,
                    **{name: UUID(values[name]) for name in ("id", "gallery")},
                    "speakers": tuple(map(UUID, values["speakers"])),
                    "at": datetime.fromisoformat(values["at"]),
                    "counts": ErasedCounts(**values["counts"]),
                    "left": tuple(values["left"]),
                    "checks": tuple(Check(**{**one, "found": tuple(one["found"])}) for one in values["checks"]),
                    "audit": tuple(AuditHead(**one) for one in values["audit"]),
                }
            )
            # In these ways it is written, and in no other: nothing can stand in it twice.
            texts = (json.dumps(receipt.to_json(), **form) for form in ({"indent": 2}, {}, {"ensure_ascii": False}))
            whole = text.strip() in texts and receipt._is_signed()
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise FormatError(source, f"no receipt, or a damaged one ({error}): ask for it again") from error
        if not whole:
            raise FormatError(source, "was altered since it was signed: do not rely on it, ask for it again")
        return receipt

    def signed(self, key: SigningKey) -> Self:
        """The receipt with its signature."""
        unsigned = replace(self, public_key=key.public, signature="")
        return replace(unsigned, signature=key.sign(unsigned.serialize().encode()).hex())

    def check_audit(self, log: list[AuditEntry], source: str = "receipt") -> None:
        """See that a home's audit log, the chain of which was verified, knows the erasure and this receipt.

        Raises:
            StoreError: it does not.
        """
        rows = {entry.sequence: entry for entry in log}
        for head, speaker in zip(self.audit, self.speakers, strict=True):
            entry = rows.get(head.sequence)
            if entry is None or entry.hash != head.hash or entry.detail.get("speaker") != str(speaker):
                raise StoreError(
                    f"{source}: row {head.sequence} of the audit log is not about this erasure: is it another home's?"
                )
        about = (entry for entry in log if entry.action in (PROVED, NOT_PROVED))
        if not any(entry.detail.get("receipt") == self.sha256 for entry in about):
            raise StoreError(f"{source}: the audit log has another receipt of this erasure, or none")

    def _is_signed(self) -> bool:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        unsigned = replace(self, signature="").serialize().encode()
        try:
            Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.public_key)).verify(
                bytes.fromhex(self.signature), unsigned
            )
        except InvalidSignature:
            return False
        return True


class SigningKey:
    """The key of a home, which signs its receipts: ``signing.key``, made when it is first asked for.

    Raises:
        StoreError: the file cannot be read or written, or holds no such key.
    """

    def __init__(self, home: Path, *, create: bool = True) -> None:
        self._path = home / "signing.key"
        with explained(self._path):
            if create and not self._path.exists():
                self._make()
            self._key = self._load(self._path.read_bytes())

    @property
    def public(self) -> str:
        """What signatures are checked by, in hexadecimal digits."""
        return self._key.public_key().public_bytes_raw().hex()

    def sign(self, content: bytes) -> bytes:
        """The signature of some bytes."""
        return self._key.sign(content)

    def _make(self) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        key = Ed25519PrivateKey.generate()
        text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        unfinished = temporary(self._path.parent)
        write_through(unfinished, [text])
        try:
            self._path.hardlink_to(unfinished)  # unlike a new name, it never replaces another process's key
        except FileExistsError:
            pass
        finally:
            unfinished.unlink()
        sync_folder(self._path.parent)

    def _load(self, text: bytes) -> Ed25519PrivateKey:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            key = load_pem_private_key(text, None)
        except (ValueError, TypeError) as error:
            raise StoreError(f"{self._path}: holds no key: restore it from a backup, or remove it") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise StoreError(f"{self._path}: holds a key of another kind: restore it from a backup, or remove it")
        return key
