"""The main job on a PostgreSQL server."""

from __future__ import annotations

from servers.postgresql import Server

from .conftest import BOB, Demo, Spk


def test_the_main_job_on_postgresql(spk: Spk, demo: Demo, postgresql: Server) -> None:
    postgresql.execute("postgres", "CREATE DATABASE commands OWNER spk")
    there = {"SPK_DATABASE": postgresql.address("commands")}
    spk("enroll", "--turns", demo.turns, demo.recording, "--map", "speaker90=ann", "--map", "speaker91=bob", **there)
    probe = demo.cut(spk.folder / "probe.wav", BOB[1])
    [found] = spk("identify", "--single", probe, "--json", **there).records
    assert found["speakers"][0]["name"] == "bob"
    assert not (spk.home / "spk.db").exists()
    first = spk("store", "status", **there).lines[0]
    assert first.startswith("database  postgresql://spk:***@127.0.0.1:")
    assert spk("store", "verify", **there).lines[-1] == "all is well"
    assert spk("speakers", "erase", "ann", "--yes", **there).lines[0].startswith("ann is erased")
    assert spk("store", "export", "all.spk", **there).lines[0].startswith("default: 1 ")
    assert "set SPK_DATABASE" in spk("speakers", "list", status=2).err, "the home belongs to that database"
    spk("store", "import", "all.spk", "--home", "another")
    assert spk("speakers", "list", "--home", "another").lines[1].startswith("bob")
