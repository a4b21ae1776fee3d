"""`spk audit`: the log is shown, and whoever changes it is noticed."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from .conftest import Spk


@pytest.fixture
def home(enrolled: Spk, tmp_path: Path) -> Spk:
    return enrolled.copy(tmp_path / "home")


def tamper(spk: Spk, statement: str) -> None:
    with closing(sqlite3.connect(spk.home / "spk.db")) as database:
        for trigger in ("audit_no_update", "audit_no_delete"):
            database.execute(f"DROP TRIGGER IF EXISTS {trigger}")
        database.execute(statement)
        database.commit()


def test_it_is_whole(home: Spk):
    [line] = home("audit", "verify").lines
    found = re.fullmatch(r"3 rows, none changed; head ([0-9a-f]{64})", line)
    assert found
    assert home("audit", "verify", "--json").records == [{"entries": 3, "head": found[1]}]
    assert not home("audit", "verify", "--quiet").out


@pytest.mark.parametrize(
    ("statement", "row"),
    [
        ("UPDATE audit SET entry = replace(entry, '\"already\":0', '\"already\":1') WHERE sequence = 2", 2),
        ("UPDATE audit SET hash = replace(hash, substr(hash, 1, 1), 'x') WHERE sequence = 3", 3),
        ("DELETE FROM audit WHERE sequence = 2", 2),
    ],
)
def test_a_changed_row_is_named(home: Spk, statement: str, row: int):
    tamper(home, statement)
    result = home("audit", "verify", status=2)
    assert result.complaints == [f"spk: the audit log was tampered with at row {row}: what follows cannot be trusted"]
    assert not result.out


def test_a_cut_end_is_noticed_by_the_head(home: Spk):
    [whole] = home("audit", "verify", "--json").records
    tamper(home, "DELETE FROM audit WHERE sequence = 3")
    assert home("audit", "verify", "--json").records[0]["entries"] == 2
    [complaint] = home("audit", "verify", "--head", whole["head"], status=2).complaints
    assert "cut or written anew: it holds 2 rows" in complaint
    [complaint] = home("audit", "verify", "--head", "here", status=2).complaints
    assert "64 hexadecimal digits" in complaint


def test_what_is_noted_stays_good(home: Spk):
    [before] = home("audit", "verify", "--json").records
    home("speakers", "rename", "ann", "anna")
    [after] = home("audit", "verify", "--head", before["head"], "--json").records
    assert after["entries"] == 4


def test_it_is_shown(home: Spk):
    lines = home("audit", "show").lines
    assert [re.split(r"\s{2,}", line)[-1].partition(":")[0] for line in lines] == ["create gallery", "enroll", "enroll"]
    records = home("audit", "show", "--json").records
    assert [record["sequence"] for record in records] == [1, 2, 3]
    assert list(records[0]) == ["sequence", "at", "user", "action", "detail", "hash"]
    assert records[-1]["hash"] == home("audit", "verify", "--json").records[0]["head"]


def test_some_of_it_is_shown(home: Spk):
    ann = home.people()["ann"]["speaker_id"]
    home("speakers", "rename", "ann", "anna")
    home("speakers", "delete", "anna", "--yes")

    def shown(*options: str) -> list[str]:
        return [record["action"] for record in home("audit", "show", "--json", *options).records]

    assert shown("--speaker", ann) == ["enroll", "rename", shown("--limit", "1")[0]]
    assert shown("--speaker", "bob") == ["enroll"]
    assert shown("--action", "rename") == ["rename"]
    assert shown("--limit", "2") == shown()[-2:]
    assert shown("--since", "2000-01-01") == shown()
    assert shown("--since", "2999-01-01") == []
    assert "anna" not in home("audit", "show").out


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--speaker", "nobody"), 'no speaker "nobody"'),
        (("--since", "yesterday"), "--since yesterday: is no date"),
        (("--since", "9999-01-01T23:59"), ""),
        (("--limit", "0"), "--limit"),
    ],
)
def test_what_cannot_be_asked(home: Spk, options: tuple[str, str], text: str):
    result = home("audit", "show", *options, status=None)
    assert text in result.err
    assert result.status == (2 if text else 0)
