"""`spk keys`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

KEY = r"spk_([0-9a-f]{12})_[0-9a-f]{64}"


def test_a_key_is_made_listed_and_revoked(spk):
    made = spk("keys", "create", "front-desk", "--scopes", "identify, review", "--galleries", "default")
    key, about = made.lines
    which = re.fullmatch(KEY, key)[1]
    assert about.startswith(f"front-desk ({which}): identify, review in the galleries default, until ")
    (listed,) = spk("keys", "list", "--json").records
    assert listed | {"created": 0, "expires": 0} == {
        "id": which,
        "name": "front-desk",
        "scopes": ["identify", "review"],
        "galleries": ["default"],
        "valid": True,
        "created": 0,
        "expires": 0,
        "used": None,
        "revoked": None,
    }
    assert key.rpartition("_")[2] not in spk("keys", "list").out
    assert spk("keys", "revoke", which).lines == [
        f"front-desk ({which}) was revoked and opens nothing any more.",
        "It was the last key: until there is another one, the service refuses everybody.",
    ]
    assert "revoked" in spk("keys", "list").lines[1]
    assert not spk("keys", "list", "--json").records[0]["valid"]
    assert [entry["action"] for entry in spk("audit", "show", "--json").records][-2:] == ["create key", "revoke key"]


def test_a_key_for_scripts(spk):
    assert re.fullmatch(KEY, spk("keys", "create", "ci", "--scopes", "admin", "-q").out.strip())
    made = spk("keys", "create", "ci-2", "--scopes", "admin", "--expires", "never", "--json").records[0]
    assert re.fullmatch(KEY, made["key"])[1] == made["id"]
    assert (made["expires"], made["galleries"]) == (None, None)
    assert not spk("keys", "revoke", "ci", "-q").out


@pytest.mark.parametrize(("given", "hours"), [("12h", 12), ("90d", 2160), ("2w", 336), ("1y", 8760)])
def test_when_a_key_ends(spk, given, hours):
    made = spk("keys", "create", "x", "--scopes", "admin", "--expires", given, "--json").records[0]
    ends = datetime.fromisoformat(made["expires"]) - datetime.now(UTC)
    assert abs(ends - timedelta(hours=hours)) < timedelta(minutes=5)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("x", "--scopes", "read"), "there is no scope 'read'"),
        (("x", "--scopes", ","), "without a scope"),
        (("x",), "--scopes"),
        (("a b", "--scopes", "admin"), "a key's name"),
        (("x", "--scopes", "admin", "--galleries", "staff"), 'no gallery "staff"'),
        (("x", "--scopes", "admin", "--galleries", ","), "for no gallery"),
        (("x", "--scopes", "admin", "--expires", "soon"), "is no time"),
        (("x", "--scopes", "admin", "--expires", "2020-01-01"), "already"),
        (("x", "--scopes", "admin", "--expires", "999999y"), "is no time"),
    ],
)
def test_what_cannot_be(spk, arguments, says):
    failed = spk("keys", "create", *arguments, status=2)
    assert says in failed.complaints[-1]
    assert not failed.out
    assert spk("keys", "list", "--json").records == []


def test_a_name_is_given_once(spk):
    spk("keys", "create", "x", "--scopes", "admin")
    assert "x-2" in spk("keys", "create", "x", "--scopes", "admin", status=2).err
    assert "'y': there is no such key" in spk("keys", "revoke", "y", status=2).err
