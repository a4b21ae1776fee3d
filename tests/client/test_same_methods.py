"""A desk and a client answer the same questions, and the client that waits is the one that awaits."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from spk.client import AsyncClient, Client
from spk.desk import Desk

ROOT = Path(__file__).resolve().parents[2]
HERE_ALONE = {
    "calibrations": {"find", "use_file"},  # calibrations themselves, and files of them
    "recordings": {"clip"},  # a file of this machine; a client has `audio`
    "speakers": {"clip"},
    "unknowns": {"clip"},
}
THERE_ALONE = {
    "": {"close", "jobs"},
    "recordings": {"audio"},
    "speakers": {"audio"},
    "unknowns": {"audio"},
}


def members(kind: type) -> dict[str, object]:
    return {name: getattr(kind, name) for name in dir(kind) if not name.startswith("_")}


def parts(kind: type) -> dict[str, type]:
    """The classes of a desk's or a client's parts, by the names of the attributes; its own under no name."""
    found = {"": kind}
    for name, member in members(kind).items():
        if hasattr(member, "func"):  # a cached property
            hints = inspect.get_annotations(member.func, eval_str=False)
            module = sys.modules[kind.__module__]
            found[name] = getattr(module, hints["return"])
    return found


DESK, CLIENT = parts(Desk), parts(Client)


@pytest.mark.parametrize("part", sorted(DESK))
def test_a_client_has_the_methods_of_a_desk(part):
    desk = {name for name in members(DESK[part]) if name not in {"bench", "gallery"}}
    client = set(members(CLIENT[part]))
    assert desk - client == HERE_ALONE.get(part, set())
    assert client - desk == THERE_ALONE.get(part, set())


@pytest.mark.parametrize(
    ("part", "name"),
    [
        (part, name)
        for part, kind in sorted(DESK.items())
        for name, member in members(kind).items()
        if inspect.isfunction(member) and hasattr(CLIENT[part], name)
    ],
)
def test_they_take_the_same_arguments(part, name):
    def taken(kind: type) -> list[tuple[str, object, object]]:
        parameters = inspect.signature(getattr(kind, name)).parameters.values()
        return [(one.name, one.kind, one.annotation) for one in parameters]

    assert taken(CLIENT[part]) == taken(DESK[part])


def test_the_client_that_waits_is_made_from_the_one_that_awaits():
    done = subprocess.run([sys.executable, ROOT / "scripts" / "sync_client.py", "--check"], check=False)
    assert done.returncode == 0, "run scripts/sync_client.py"
    assert set(members(AsyncClient)) == set(members(Client))
