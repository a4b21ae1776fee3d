"""What tests and doctests share: SpeechBrain and Hypothesis in one process."""

from __future__ import annotations

import sys

import pytest


def _hide_lazy_modules() -> None:
    """Keep SpeechBrain's lazy modules from being imported by whoever looks at them.

    Importing SpeechBrain leaves stand-ins in ``sys.modules`` that import what is not installed at the first look,
    and Hypothesis looks for the file of every loaded module.
    """
    if lazy := sys.modules.get("speechbrain.utils.importutils"):
        lazy.LazyModule.__file__ = None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems() -> None:
    """Before Hypothesis looks for the first time: collecting doctests imports everything."""
    _hide_lazy_modules()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Before each test: the one before may have imported SpeechBrain."""
    _hide_lazy_modules()
