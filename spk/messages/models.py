"""Messages about models."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict
from pydantic.config import JsonDict

from spk.messages.base import Message

__all__ = ["ModelDetail", "ModelFile", "ModelInfo"]

State = Literal["cached", "absent", "damaged"]

_ECAPA: JsonDict = {
    "name": "ecapa",
    "purpose": "voices",
    "bytes": 83316686,
    "licence": "Apache-2.0",
    "default": True,
    "state": "cached",
}


class ModelInfo(Message):
    """A model.

    Attributes:
        name: What it is called.
        purpose: What it is for.
        bytes: The size of all its files.
        licence: Of its weights.
        default: Whether it is needed when nobody names a model.
        state: Whether its weights are there: cached, absent or damaged.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_ECAPA]})

    name: str
    purpose: str
    bytes: int
    licence: str
    default: bool
    state: State


class ModelFile(Message):
    """A file of a model.

    Attributes:
        file: Its name.
        bytes: Its size.
        sha256: Of its content.
        licence: Of it.
        provenance: Who made it, from what.
        sources: Where it is looked for, in this order.
        state: Whether it is there: cached, absent or damaged.
        path: Where it lies on this machine; None where it is not there, or on a server's disk.
    """

    file: str
    bytes: int
    sha256: str
    licence: str
    provenance: str
    sources: list[str]
    state: State
    path: str | None


class ModelDetail(ModelInfo):
    """A model with its files.

    Attributes:
        files: They.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_ECAPA,
                    "files": [
                        {
                            "file": "embedding_model.ckpt",
                            "bytes": 83316686,
                            "sha256": "0575cb64845e6b9a10db9bcb74d5ac32b326b8dc90352671d345e2ee3d0126a2",
                            "licence": "Apache-2.0",
                            "provenance": "SpeechBrain's spkrec-ecapa-voxceleb",
                            "sources": ["a local folder", "the model hub"],
                            "state": "cached",
                            "path": None,
                        }
                    ],
                }
            ]
        }
    )

    files: list[ModelFile]
