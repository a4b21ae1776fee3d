"""Processes that work on one home at once, and processes that are killed at work."""

from __future__ import annotations

import random
import subprocess
import time
from pathlib import Path

import pytest

from .conftest import ANN, BOB, Demo, Spk

KILLS = 30
ROUND = 6  # people in the table of one process
# Moments from which somebody speaks for a second and a half without a pause.
STARTS = (*(10.7 + 0.2 * number for number in range(11)), *(21.9 + 0.2 * number for number in range(22)))


def table(path: Path, demo: Demo, run: int) -> dict[str, int]:
    """Write a table of people of this run; how many recordings each has.

    All of them have the voices of the dialogue, so they are enrolled by force.
    """
    rows = []
    people = {f"person {run}-{number}": 2 + number % 2 for number in range(ROUND)}
    for number, (person, count) in enumerate(people.items()):
        for piece in range(count):
            start = STARTS[(run * 7 + number * 3 + piece * 5) % len(STARTS)] + 0.005 * run  # new in every run
            rows.append(f"{person},{demo.recording},{start:.3f},{start + 1.3:.3f}")
    path.write_text("speaker,file,start,end\n" + "\n".join(rows) + "\n")
    return people


def test_killed_at_any_moment(spk: Spk, demo: Demo) -> None:
    """What was acknowledged is there, nothing is half there, and the home opens every time."""
    chance = random.Random(20)  # noqa: S311 - no secret
    expected: dict[str, int] = {}
    acknowledged: set[str] = set()
    killed_at_work = 0
    for run in range(KILLS):
        path = spk.folder / f"{run}.csv"
        people = table(path, demo, run)
        expected |= people
        process = spk.start("enroll", "--manifest", path, "--force", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        # Most are killed at work, somewhere between two people; some while they start.
        said = [process.stdout.readline() for _ in range(chance.randrange(1, ROUND))] if run % 5 else []
        time.sleep(chance.uniform(0, 0.1 if said else 1.0))
        process.kill()
        out, err = process.communicate()
        assert not err
        said += out.splitlines(keepends=True)
        done = {line.split(":")[0] for line in said if line.endswith("\n")}
        acknowledged |= done
        killed_at_work += 0 < len(done) < len(people)
        samples = stored(spk)
        assert acknowledged <= set(samples), f"lost after kill {run}"
        assert {name: count for name, count in samples.items() if count != expected[name]} == {}, f"half there: {run}"
    assert killed_at_work >= KILLS / 3

    people = spk.people()
    assert acknowledged <= set(people)
    assert all(person["samples"] == expected[name] for name, person in people.items())
    counts = spk.stored()
    assert counts["voiceprints"] == counts["samples"] == sum(stored(spk).values())
    from spk.store import Store

    with Store.open(spk.home) as store:
        store.verify_audit()
    spk("verify", "person 0-0" if "person 0-0" in people else next(iter(people)), demo.recording, status=None)


def stored(spk: Spk) -> dict[str, int]:
    """How many samples each person has; opening the home by spk must work."""
    from spk.store import Store

    if not (spk.home / "spk.db").exists():
        return {}
    with Store.open(spk.home) as store:
        gallery = store.gallery("default", create=True)
        names = {speaker.id: speaker.label for speaker in store.speakers(gallery)}
        samples = dict.fromkeys(names.values(), 0)
        for sample in store.samples(gallery):
            samples[names[sample.speaker]] += 1
    return samples


def test_two_processes_enroll_into_one_home(spk: Spk, demo: Demo) -> None:
    """Both make the home, and both succeed; while they work, others read."""
    one, other = (table(spk.folder / f"{run}.csv", demo, run) for run in range(2))
    processes = [
        spk.start("enroll", "--manifest", f"{run}.csv", "--force", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for run in range(2)
    ]
    readers = [spk("speakers", "list", "--json").records for _ in range(3)]
    for process, people in zip(processes, (one, other), strict=True):
        out, err = process.communicate(timeout=300)
        assert (process.returncode, err) == (0, "")
        assert [line.split(":")[0] for line in out.splitlines()] == list(people)
    assert stored(spk) == one | other
    assert all(person["samples"] for reader in readers for person in reader)


def test_two_processes_enroll_one_person(spk: Spk, demo: Demo) -> None:
    """Samples of one name go to one person, whoever is first."""
    files = [demo.cut(spk.folder / f"{number}.wav", part) for number, part in enumerate(ANN)]
    processes = [spk.start("enroll", "ann", file, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for file in files]
    for process in processes:
        assert process.communicate(timeout=300)[1] == ""
    assert {name: person["samples"] for name, person in spk.people().items()} == {"ann": 2}


def test_the_same_stranger_in_two_processes_is_one_at_least(spk: Spk, demo: Demo) -> None:
    """Two processes that meet the same recording's stranger at once keep the speech once."""
    file = demo.cut(spk.folder / "bob.wav", *BOB)
    processes = [
        spk.start("identify", "--single", "--enroll-unknown", file, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    for process in processes:
        assert process.communicate(timeout=300)[1] == ""
    [stranger] = spk.people()
    assert spk("speakers", "list", "--json").records[0]["samples"] == 1, stranger


def test_interrupted(spk: Spk, demo: Demo) -> None:
    """Ctrl-C ends it with one word."""
    table(spk.folder / "people.csv", demo, 0)
    process = spk.start("enroll", "--manifest", "people.csv", "--force", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.readline()
    process.send_signal(2)
    err = process.communicate(timeout=60)[1]
    if process.returncode == 0:
        pytest.skip("it was done before it could be stopped")
    assert (process.returncode, err) == (130, "spk: stopped\n")


def test_a_reader_that_goes_away(enrolled: Spk) -> None:
    """`spk … | head -1`: no complaint."""
    process = enrolled.start("speakers", "export", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert process.stderr.read() == ""
    process.wait()
    process.stderr.close()
