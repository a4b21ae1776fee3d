"""Routes about galleries."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, status
from pydantic import Field

from spk.api.access import Scope
from spk.api.here import Here, at
from spk.jobs.asked import Asked
from spk.messages import GalleryInfo

__all__ = ["router"]

router = APIRouter(prefix="/v1/galleries", tags=["galleries"])


class NewGallery(Asked):
    """A gallery to make."""

    name: Annotated[str, Field(examples=["newsroom"], max_length=200)]


@router.get("")
def list_galleries(here: Annotated[Here, at()]) -> list[GalleryInfo]:
    """The galleries that the key is for."""
    return [one for one in here.desk().galleries.list() if here.principal.may_see(one.name)]


@router.post("", status_code=status.HTTP_201_CREATED)
def create_gallery(new: NewGallery, here: Annotated[Here, at(Scope.ADMIN, everywhere=True)]) -> GalleryInfo:
    """Make a gallery; one that is there already stays as it is."""
    return here.desk().galleries.create(new.name)
