"""What can be asked about consent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from spk.desk.paging import number, word
from spk.messages.base import Page
from spk.messages.consents import ConsentInfo, ConsentRequired, PersonWithout

if TYPE_CHECKING:
    from spk.store import Consent, Speaker
    from spk.workbench import Workbench

__all__ = ["Consents"]


class Consents:
    """What the people of a gallery consented to.

    Args:
        bench: What to work with.
    """

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench

    def list(self, who: str | None = None) -> Sequence[ConsentInfo]:
        """What somebody, or everybody, consented to, ended or not, oldest first.

        Raises:
            NotFoundError: nobody is called so.
        """
        store, gallery = self.bench.store, self.bench.gallery
        if who is None:
            return _told(store.consents(gallery), {person.id: person for person in store.speakers(gallery)})
        speaker = store.speaker(gallery, who)
        return _told(store.consents(speaker), {speaker.id: speaker})

    def page(self, *, limit: int = 100, after: str | None = None) -> Page[ConsentInfo]:
        """Some of what everybody consented to, in the same order.

        Args:
            limit: How many at most.
            after: ``next`` of the page before.

        Raises:
            InputError: ``after`` is no such thing.
        """
        store, start = self.bench.store, 0 if after is None else number(after)
        found, end = store.consents(self.bench.gallery), start + limit
        some = found[start:end]
        people = {person.id: person for person in store.people({one.speaker for one in some})}
        return Page[ConsentInfo](items=_told(some, people), next=word(end) if end < len(found) else None)

    def expiring(self, within_days: float) -> Sequence[ConsentInfo]:
        """What runs out within so many days and is not followed by another consent, soonest first."""
        found = self.bench.store.expiring(self.bench.gallery, within_days)
        people = self.bench.store.people({one.speaker for one in found})
        return _told(found, {person.id: person for person in people})

    def give(
        self,
        who: str,
        purpose: str | None = None,
        *,
        given_by: str | None = None,
        given: datetime | None = None,
        until: datetime | None = None,
        reference: str | None = None,
    ) -> ConsentInfo:
        """Note that somebody consents; a new name makes somebody new, who has no samples yet.

        Args:
            who: A name, a label, or an id.
            purpose: What for; what the gallery requires, if None.
            given_by: Who gave it for the person; None where the person did.
            given: When; now, if None.
            until: When it runs out; never, if None.
            reference: Where what was signed lies.

        Raises:
            InputError: no purpose is given and the gallery requires none, or the dates are impossible.
            NotFoundError: nobody has that label.
        """
        from spk.store import NewConsent

        self.bench.make_gallery()
        store, gallery = self.bench.store, self.bench.gallery
        consent = store.give_consent(gallery, who, NewConsent(purpose, given_by, given, until, reference))
        return _told([consent], {person.id: person for person in store.people([consent.speaker])})[0]

    def withdraw(self, who: str, purpose: str | None = None) -> Sequence[ConsentInfo]:
        """End what somebody consented to, for one purpose or for all; what is ended now.

        Raises:
            NotFoundError: nobody is called so, or there is nothing to end.
        """
        store = self.bench.store
        speaker = store.speaker(self.bench.gallery, who)
        return _told(store.withdraw_consent(speaker, purpose), {speaker.id: speaker})

    def require(self, purpose: str | None) -> ConsentRequired:
        """Require consent to a purpose from everybody of the gallery, or to nothing (None).

        Raises:
            InputError: an impossible purpose.
        """
        if purpose is not None:
            self.bench.make_gallery()
        self.bench.store.require_consent(self.bench.gallery, purpose)
        return self.required()

    def required(self) -> ConsentRequired:
        """What the gallery requires, and who lacks it."""
        store, gallery = self.bench.store, self.bench.gallery
        without = sorted(store.lacking_consent(gallery), key=lambda person: person.label)
        return ConsentRequired(
            gallery=gallery.name,
            purpose=store.required_consent(gallery),
            without=[PersonWithout(name=person.label, speaker_id=person.id) for person in without],
        )


def _told(consents: Iterable[Consent], people: Mapping[UUID, Speaker]) -> list[ConsentInfo]:
    """Consents of some people; those left out who were erased meanwhile."""
    return [
        ConsentInfo(
            consent_id=one.id,
            name=people[one.speaker].label,
            speaker_id=one.speaker,
            purpose=one.purpose,
            state=one.state(),
            given_by=one.given_by,
            given=one.given,
            until=one.until,
            reference=one.reference,
            recorded=one.recorded,
            recorded_by=one.recorded_by,
            withdrawn=one.withdrawn,
            withdrawn_by=one.withdrawn_by,
        )
        for one in consents
        if one.speaker in people
    ]
