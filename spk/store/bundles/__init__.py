"""Galleries as files: what stands in a bundle is described in docs/reference/bundle.md.

``rows`` and ``vectors`` are its parts, ``manifest`` what it says of itself, ``bundle`` the file as a whole, and ``sql``
reads it out of the tables and stores it in them.
"""

from __future__ import annotations

from spk.store.bundles.bundle import Bundle, Reporter, StagedBundle

__all__ = ["Bundle", "Reporter", "StagedBundle"]
