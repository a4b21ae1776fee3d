"""The part of the store that keeps what people consented to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from operator import itemgetter
from uuid import UUID, uuid4

from spk.errors import ConflictError, NotFoundError
from spk.store import consenting, enrolling, queries, tables
from spk.store.changes import Journal
from spk.store.database import Database
from spk.store.names import clean_name, stands_for_somebody
from spk.store.records import Consent, Gallery, NewConsent, Speaker

__all__ = ["Consents"]

_NEVER = datetime.max.replace(tzinfo=UTC)
_C = tables.consents.c


class Consents:
    """Consents, and which galleries require them; each method is one transaction.

    A consent is added, and ended; it is never edited, and no undo takes it back. In a gallery that requires consent
    nobody gets a name or samples without it, strangers are not kept, and whoever withdrew it, or let it run out, is
    not matched any more, as if they were not there.
    """

    _database: Database

    def require_consent(self, gallery: Gallery, purpose: str | None) -> list[Speaker]:
        """Require consent to a purpose from everybody of a gallery from now on; None: not any more.

        Returns:
            The people who have not consented, whom voices are not compared with any more.

        Raises:
            InputError: an impossible purpose.
        """
        with self._database.write() as tx:
            consenting.require(tx, gallery, purpose)
            return queries.people(tx, consenting.lacking(tx, gallery.id))

    def required_consent(self, gallery: Gallery) -> str | None:
        """The purpose for which people of a gallery must have consented; None where it is not required."""
        with self._database.read() as tx:
            return consenting.required(tx, gallery.id)

    def check_strangers(self, gallery: Gallery) -> None:
        """See that strangers may be kept.

        Raises:
            ConflictError: the gallery requires consent, which a stranger has not given.
        """
        purpose = self.required_consent(gallery)
        if purpose is not None:
            raise ConflictError(
                f'strangers are not kept, because the gallery "{gallery.name}" requires consent to "{purpose}": '
                "leave out --enroll-unknown, or use another gallery"
            )

    def add_consent(self, speaker: Speaker, consent: NewConsent) -> Consent:
        """Note what somebody consents to.

        Raises:
            InputError: no purpose is given and the gallery requires none, or the dates are impossible.
            ConflictError: it was withdrawn since it was given.
            NotFoundError: the speaker is gone.
        """
        with self._database.write() as tx:
            return consenting.add(tx, queries.same_speaker(tx, speaker), consent)

    def give_consent(self, gallery: Gallery, who: str, consent: NewConsent) -> Consent:
        """As `add_consent`, by a name, label or id; a new name makes somebody new, who has no samples yet.

        Raises:
            InputError: as `add_consent`, or an impossible name.
            NotFoundError: nobody has that label or id.
        """
        with self._database.write() as tx:
            try:
                speaker = queries.find_speaker(tx, gallery, who)
            except NotFoundError:
                if stands_for_somebody(who):
                    raise
                ids = (uuid4() for _ in range(16))
                speaker = enrolling.make_speaker(Journal(tx, gallery.id), gallery, clean_name(who), ids)
            return consenting.add(tx, speaker, consent)

    def withdraw_consent(self, speaker: Speaker, purpose: str | None = None) -> list[Consent]:
        """End what somebody consented to, for one purpose or for all.

        Returns:
            The consents that are ended now.

        Raises:
            NotFoundError: there is nothing to end, or the speaker is gone.
        """
        with self._database.write() as tx:
            return consenting.withdraw(tx, queries.same_speaker(tx, speaker), purpose)

    def consents(self, whose: Speaker | Gallery) -> list[Consent]:
        """What a speaker, or everybody of a gallery, consented to, ended or not, oldest first."""
        mine = _C.speaker if isinstance(whose, Speaker) else _C.gallery
        with self._database.read() as tx:
            return consenting.find(tx, mine == whose.id)

    def expiring(self, gallery: Gallery, within_days: float) -> list[Consent]:
        """The consents of a gallery that run out within so many days and are not followed by others, soonest first."""
        now = datetime.now(UTC)
        valid = [one for one in self.consents(gallery) if one.state(now) == "valid"]
        last: dict[tuple[UUID, str], Consent] = {}
        for one in sorted(valid, key=lambda one: one.until or _NEVER):
            last[one.speaker, one.purpose] = one
        soon = [(one.until, one) for one in last.values() if one.until is not None]
        return [one for until, one in sorted(soon, key=itemgetter(0)) if until <= now + timedelta(days=within_days)]

    def matched_ids(self, gallery: Gallery) -> list[UUID]:
        """The ids of the people whom voices are compared with, in their order: where it is required, who consented."""
        with self._database.read() as tx:
            return queries.matched_ids(tx, gallery.id)

    def lacking_consent(self, gallery: Gallery) -> list[Speaker]:
        """The people of a gallery who are not matched, because it requires a consent that they have not given."""
        with self._database.read() as tx:
            return queries.people(tx, consenting.lacking(tx, gallery.id))
