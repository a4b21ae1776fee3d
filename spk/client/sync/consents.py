"""What can be asked about consent."""

from __future__ import annotations

import builtins
from datetime import datetime

from spk.client.sync.gallery import Gallery
from spk.messages.base import Page
from spk.messages.consents import ConsentInfo, ConsentRequired

__all__ = ["Consents"]


class Consents:
    """What the people of a gallery consented to; see `spk.desk.consents.Consents`."""

    def __init__(self, gallery: Gallery) -> None:
        self._gallery = gallery

    def list(self, who: str | None = None) -> list[ConsentInfo]:
        """What somebody, or everybody, consented to, ended or not, oldest first."""
        if who is not None:
            place = ("speakers", self._gallery.known(who), "consents")
            return self._gallery.get(place, list[ConsentInfo])
        items: list[ConsentInfo] = []
        after: str | None = None
        while True:
            page = self.page(limit=500, after=after)
            items += page.items
            if (after := page.next) is None:
                return items

    def page(self, *, limit: int = 100, after: str | None = None) -> Page[ConsentInfo]:
        """Some of what everybody consented to, in the same order."""
        return self._gallery.get(("consents",), Page[ConsentInfo], params={"limit": limit, "after": after})

    def expiring(self, within_days: float) -> builtins.list[ConsentInfo]:
        """What runs out within so many days and is not followed by another consent, soonest first."""
        wanted = builtins.list[ConsentInfo]
        return self._gallery.get(("consents", "expiring"), wanted, params={"days": within_days})

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
        """Note that somebody consents; a new name makes somebody new, who has no samples yet."""
        body = {
            "purpose": purpose,
            "given_by": given_by,
            "given": None if given is None else given.isoformat(),
            "until": None if until is None else until.isoformat(),
            "reference": reference,
        }
        place = ("speakers", self._gallery.known(who), "consents")
        return self._gallery.post(place, ConsentInfo, body=body)

    def withdraw(self, who: str, purpose: str | None = None) -> builtins.list[ConsentInfo]:
        """End what somebody consented to, for one purpose or for all; what is ended now."""
        place = ("speakers", self._gallery.known(who), "consents", "withdraw")
        return self._gallery.post(place, builtins.list[ConsentInfo], body={"purpose": purpose})

    def require(self, purpose: str | None) -> ConsentRequired:
        """Require consent to a purpose from everybody of the gallery, or to nothing (None)."""
        return self._gallery.put(("consents", "required"), ConsentRequired, body={"purpose": purpose})

    def required(self) -> ConsentRequired:
        """What the gallery requires, and who lacks it."""
        return self._gallery.get(("consents", "required"), ConsentRequired)
