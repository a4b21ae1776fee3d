"""What can be asked about how well people are enrolled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from spk.messages.base import Page
from spk.messages.health import Checkup

if TYPE_CHECKING:
    from spk.desk.speakers import Speakers
    from spk.store import Speaker
    from spk.workbench import Workbench

__all__ = ["Health"]


class Health:
    """Profiles, examined by what is stored of them.

    Args:
        bench: What to work with.
        speakers: The people of the same gallery.
    """

    def __init__(self, bench: Workbench, speakers: Speakers) -> None:
        self.bench = bench
        self._speakers = speakers

    def of(self, who: str, *, seconds: float = 3.0) -> Checkup:
        """One person, examined.

        Args:
            who: A name, a label, or an id.
            seconds: Net speech in the clips that are identified.

        Raises:
            NotFoundError: there is nobody of that name.
            InputError: an impossible number of seconds.
        """
        return self._examined([self.bench.store.speaker(self.bench.gallery, who)], seconds)[0]

    def list(self, *, seconds: float = 3.0, limit: int = 20, after: str | None = None) -> Page[Checkup]:
        """Some people who are enrolled by name, in the order of the names, and of each page the worst first.

        Args:
            seconds: Net speech in the clips that are identified.
            limit: How many at most; each takes some hundredths of a second.
            after: ``next`` of the page before.

        Raises:
            InputError: ``after`` is no such thing, or an impossible number of seconds.
        """
        page = self._speakers.list(state="enrolled", limit=limit, after=after)
        people = self.bench.store.people(one.speaker_id for one in page.items)
        return Page[Checkup](items=list(self._examined(people, seconds)), next=page.next)

    def everybody(self, *, seconds: float = 3.0) -> Sequence[Checkup]:
        """Everybody who is enrolled by name, the worst first: of a large gallery that takes its time.

        Raises:
            InputError: an impossible number of seconds.
        """
        return self._examined(None, seconds)

    def _examined(self, people: Sequence[Speaker] | None, seconds: float) -> Sequence[Checkup]:
        from spk.evaluate.doctor import examine

        bench = self.bench
        found = examine(bench.scorer(), bench.point, people, seconds=seconds, progress=bench.progress)
        return [Checkup.model_validate(one.to_json()) for one in found]
