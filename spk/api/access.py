"""Who asks, and what they may do: principals, and what a route needs of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from spk.errors import AccessError, NotFoundError
from spk.store import audit
from spk.store.keys import KeyRecord, Scope
from spk.store.names import clean_name

__all__ = ["Principal", "Scope", "needs"]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks.

    >>> clerk = Principal("front-desk", "3f9a01c27b4e", frozenset({Scope.IDENTIFY}), frozenset({"staff"}))
    >>> clerk.may(Scope.IDENTIFY), clerk.may(Scope.REVIEW, Scope.ENROLL), clerk.may_see("board")
    (True, False, False)
    >>> Principal.anybody().may(Scope.REVIEW), Principal.anybody().may_see("board")
    (True, True)

    Attributes:
        name: The key's; empty where the store has no keys.
        key_id: The key's; None where the store has no keys.
        scopes: What they may do; `Scope.ADMIN` is everything.
        galleries: The names of those they may work on; None for all.
    """

    name: str
    key_id: str | None
    scopes: frozenset[Scope]
    galleries: frozenset[str] | None

    @classmethod
    def anybody(cls) -> Principal:
        """Whoever works on this machine while the store has no keys: they may do everything, as with the commands."""
        return cls("", None, frozenset({Scope.ADMIN}), None)

    @classmethod
    def of(cls, key: KeyRecord) -> Principal:
        """Whoever has a key."""
        return cls(key.name, key.id, key.scopes, None if key.galleries is None else frozenset(key.galleries))

    @property
    def who(self) -> str:
        """What the audit log calls them."""
        return f"key:{self.name}" if self.key_id is not None else audit.user()

    def may(self, *scopes: Scope) -> bool:
        """Whether they have one of the scopes; where none is named, everybody may."""
        return not scopes or Scope.ADMIN in self.scopes or not self.scopes.isdisjoint(scopes)

    def may_see(self, gallery: str) -> bool:
        """Whether they may know of a gallery.

        Raises:
            InputError: none can have the name.
        """
        return self.galleries is None or clean_name(gallery) in self.galleries

    def see(self, gallery: str) -> None:
        """Refuse a gallery that is not theirs as one that is not there: its name alone may say who is a customer.

        Raises:
            InputError: none can have the name.
            NotFoundError: they may not know of it.
        """
        if not self.may_see(gallery):
            raise NotFoundError(f'no gallery "{clean_name(gallery)}": check the spelling, or ask what this key is for')


def needs(*scopes: Scope, everywhere: bool = False) -> Callable[..., Awaitable[Principal]]:
    """A dependency: the caller, who has one of the scopes and may see the path's ``{gallery}``.

    Written as ``who: Annotated[Principal, Depends(needs(Scope.REVIEW))]``.

    Args:
        scopes: One of them is enough, and so is `Scope.ADMIN`; with none, any key is.
        everywhere: The key must be for all galleries, since what the route tells is not of one of them.

    Raises:
        AccessError: when called, by a key that may not.
        NotFoundError: when called, with a gallery that the key is not for.
    """

    async def allowed(
        request: Request,
        _: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)],  # for the OpenAPI document
    ) -> Principal:
        who: Principal = request.state.principal  # `spk.api.gate.Gate` lets nobody else in
        if (gallery := request.path_params.get("gallery")) is not None:
            who.see(gallery)
        if not who.may(*scopes):
            wanted = " or ".join(sorted({*scopes, Scope.ADMIN}))
            raise AccessError(f'the key "{who.name}" may not do this: it takes one with the scope {wanted}')
        if everywhere and who.galleries is not None:
            raise AccessError(f'the key "{who.name}" is for some galleries, and this is about all: use another key')
        return who

    return allowed


_BEARER = HTTPBearer(auto_error=False, scheme_name="key", description="`spk keys create` makes one.")
