"""Writers of a store that are killed at random moments: what was acknowledged is there, nothing is half there."""

from __future__ import annotations

import hashlib
import random
import signal
import time

from spk.store import Store

__all__ = ["kill_writers"]

# Enrolls, searches (which writes a snapshot) and erases for ever; says what it begins and what is done.
WRITER = """
import spk.store.inprocess as engines
engines.SMALL = engines.SAVE_AFTER = 0
store = Store.open(home)
gallery = store.gallery("default", create=True)
run, number = sys.argv[2], 0
while True:
    name = f"{run}-{number}"
    new = [sample(f"{name} {take}", clip=f"clip of {name} {take}".encode() * 500) for take in range(3)]
    store.enroll(gallery, name, new)
    print("enrolled", name, flush=True)
    store.candidates(gallery, "a model", new[0].vectors["a model"], 5)
    if number % 4 == 3:
        gone = f"{run}-{number - 2}"
        print("erasing", gone, flush=True)
        store.delete(store.speaker(gallery, gone))
        print("erased", gone, flush=True)
    number += 1
"""


def kill_writers(home, start, kills, seconds=0.15):
    """What they said of each speaker, and how many got as far as to say something; the home is checked each time."""
    dice = random.Random(1)  # noqa: S311 - dice, not secrets
    said: dict[str, str] = {}
    opened = 0
    for run in range(kills):
        writer = start(WRITER, home, run)
        if run % 5:
            said_first = writer.stdout.readline()  # most are killed at work, some while they start
            assert said_first, writer.stderr.read()
            word, name = said_first.split()
            said[name] = word
            opened += 1
        time.sleep(dice.uniform(0.0, seconds))
        writer.send_signal(signal.SIGKILL)
        output, errors = writer.communicate(timeout=30)
        assert errors == ""
        for line in output.splitlines(keepends=True):
            if line.endswith("\n"):  # or it was killed while it said that
                word, name = line.split()
                said[name] = word
        check(home, said)
    return said, opened


def check(home, said):
    with Store.open(home) as store:
        gallery = store.gallery("default", create=True)
        people = {speaker.name: speaker for speaker in store.speakers(gallery)}
        for name, word in said.items():
            if word == "enrolled":
                assert name in people, f"{name} was acknowledged and is lost"
            elif word == "erased":
                assert name not in people, f"{name} was erased and is back"
        samples = store.samples(gallery)
        profiles = store.profiles(gallery, "a model") if people else []
        assert len(samples) == 3 * len(people)
        assert len(profiles) == len(people)
        for profile in profiles:
            assert profile.vectors.shape == (3, 16)
            clips = store.clips(profile.speaker)
            assert len(clips) == 3
            for clip in clips:
                assert hashlib.sha256(clip.read_bytes()).hexdigest() == clip.stem
        found = store.candidates(gallery, "a model", profiles[0].vectors[0], 999) if profiles else []
        assert {candidate.speaker for candidate in found} == {speaker.id for speaker in people.values()}
        store.verify_audit()
        with store._database.read() as tx:
            if tx.dialect.name == "sqlite":
                assert tx.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        assert store._database.damage() == []
        for name, word in said.items():
            if word != "enrolled":
                needle = f"clip of {name} 0".encode()
                left = [path for path in (home / "clips").iterdir() if needle in path.read_bytes()]
                assert name in people or left == [], f"a clip of {name} outlived its erasure"
