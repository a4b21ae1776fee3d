"""What can be asked about models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from spk.messages.models import ModelDetail, ModelFile, ModelInfo

if TYPE_CHECKING:
    from spk.embed.weights import Artefact, Manifest

__all__ = ["Models"]


class Models:
    """The models that there are, and which of their weights this machine has."""

    def list(self, *, verify: bool = False) -> Sequence[ModelInfo]:
        """Every model.

        Args:
            verify: Hash the files instead of trusting their size.
        """
        from spk.embed.weights import MANIFESTS

        return [ModelInfo(**_about(entry, verify=verify)) for entry in MANIFESTS.values()]

    def show(self, name: str, *, verify: bool = False) -> ModelDetail:
        """One model, with its files.

        Raises:
            NotFoundError: no model has such a name.
        """
        from spk.embed.weights import manifest

        entry = manifest(name)
        files = [_file(artefact, verify=verify) for artefact in entry.artefacts]
        return ModelDetail(**_about(entry, verify=verify), files=files)


def _about(entry: Manifest, *, verify: bool) -> dict[str, Any]:
    from spk.embed.weights import state

    states = {state(artefact, verify=verify) for artefact in entry.artefacts}
    return {
        "name": entry.name,
        "purpose": entry.purpose,
        "bytes": entry.bytes,
        "licence": entry.licence,
        "default": entry.default,
        "state": next(found for found in ("damaged", "absent", "cached") if found in states),
    }


def _file(artefact: Artefact, *, verify: bool) -> ModelFile:
    from spk.embed.weights import cached, state

    path = cached(artefact, verify=verify)
    return ModelFile(
        file=artefact.file,
        bytes=artefact.bytes,
        sha256=artefact.sha256,
        licence=artefact.licence,
        provenance=artefact.provenance,
        sources=[str(source) for source in artefact.sources],
        state=state(artefact, verify=verify),
        path=str(path) if path else None,
    )
