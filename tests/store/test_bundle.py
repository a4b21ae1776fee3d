"""Bundles: a gallery goes through a file and is the same; whatever else a file holds is refused."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import zipfile
from contextlib import closing, suppress
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, save

from spk.errors import ConflictError, FingerprintError, FormatError, InputError, SpkError, StoreError
from spk.store import CalibrationRecord, Store, Voiceprint
from spk.store.bundles import Bundle
from spk.store.bundles.manifest import checksum
from spk.store.bundles.rows import KINDS
from spk.timeline import Segment

CLIP, OTHER_CLIP = b"fLaC of a voice", b"fLaC of another"


@pytest.fixture
def full(store, gallery, sample):
    """A gallery with all there can be: two models, a stranger, a recording of two people, one clip of two samples."""
    names = store.enroll(
        gallery,
        "Zoë, or \U0001f98a",
        [
            sample("talk", 0, 10, clip=CLIP, parts=(Segment(0.1, 4.0), Segment(5.25, 10.0)), forced=("noise",)),
            sample("b", models=("a model", "another model"), quality={"snr_db": 0.1 + 0.2, "clipped": 0}),
        ],
    )
    store.enroll(gallery, "bob", [sample("talk", 20, 30, clip=OTHER_CLIP)])
    store.enroll(gallery, None, [sample("d", clip=OTHER_CLIP)])
    record = CalibrationRecord("0123456789abcdef", "a model", "ecapa", "cosine", '{"slope": 0.1}')
    store.keep_calibration(gallery, record)
    store.keep_calibration(gallery, replace(record, id="fedcba9876543210"))
    store.use_calibration(gallery, "0123")
    return names.speaker


@pytest.fixture
def bundle(full, store, gallery, tmp_path) -> Path:
    store.export_bundle(gallery, tmp_path / "team.spk")
    return tmp_path / "team.spk"


def everything(store: Store, name: str = "default") -> list:
    """All that the store hands out of a gallery, in comparable form."""
    gallery = store.gallery(name)
    people = store.speakers(gallery)
    prints = sorted((one for person in people for one in store.voiceprints(person)), key=lambda one: one.id)
    return [
        [replace(person, gallery=None) for person in people],
        [replace(one, recording=replace(one.recording, gallery=None)) for one in store.samples(gallery)],
        [(one.id, one.sample, one.model, one.vector.tobytes()) for one in prints],
        [(one, one.created, one.in_use) for one in store.calibrations(gallery)],
        [[path.read_bytes() for path in store.clips(person)] for person in people],
    ]


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def without_times(path: Path) -> list[object]:
    held = members(path)
    manifest = json.loads(held.pop("manifest.json"))
    assert held.pop("manifest.json.sha256") == checksum(members(path)["manifest.json"])
    return [{key: value for key, value in manifest.items() if key != "created"}, held]


def forged(path: Path, change, method: int = zipfile.ZIP_STORED) -> Path:
    """A bundle of another program, whose checksums are right, though not its content."""
    held = members(path)
    manifest = json.loads(held.pop("manifest.json"))
    held.pop("manifest.json.sha256")
    change(manifest, held)
    for name, content in held.items():
        if name in manifest["members"]:
            manifest["members"][name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    text = json.dumps(manifest, ensure_ascii=False).encode()
    target = path.with_name("forged.spk")
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in {**held, "manifest.json": text, "manifest.json.sha256": checksum(text)}.items():
            archive.writestr(name, content)
    return target


def same(one: Bundle, other: Bundle) -> bool:
    """Whether two bundles hold the same."""
    vectors = [
        [(prints.model, prints.ids.tobytes(), prints.samples.tobytes(), prints.vectors.tobytes()) for prints in each]
        for each in (one.voiceprints, other.voiceprints)
    ]
    rows = [(each.gallery, each.created, *(getattr(each, kind) for kind in KINDS)) for each in (one, other)]
    clips = [{sha256: each.clip(sha256) for sha256 in each.clips} for each in (one, other)]
    return all(left == right for left, right in (vectors, rows, clips))


def nothing_stored(home: Path) -> bool:
    with Store.open(home) as store:
        return not store.galleries() and not list(store.audit_log()) and not list((home / "clips").iterdir())


# There and back


def test_the_round_trip_is_exact(bundle, store, tmp_path):
    with Store.open(tmp_path / "other") as other:
        imported = other.import_bundle(bundle)
        assert (imported.gallery.name, imported.clips, imported.left_out) == ("default", 2, 0)
        assert everything(other) == everything(store)
        other.export_bundle(imported.gallery, tmp_path / "again.spk")
        assert without_times(tmp_path / "again.spk") == without_times(bundle)
        assert [entry.action for entry in other.audit_log()] == ["create gallery", "import", "export"]
        other.verify_audit()


@pytest.mark.parametrize("either_database", ["postgresql"], indirect=True)
def test_it_moves_to_another_database_and_back(either_database, bundle, store, tmp_path):
    with Store.open(tmp_path / "lite", database=None) as lite:
        gallery = lite.import_bundle(bundle).gallery
        assert (tmp_path / "lite" / "spk.db").exists()
        assert everything(lite) == everything(store)
        lite.export_bundle(gallery, tmp_path / "lite.spk")
        assert without_times(tmp_path / "lite.spk") == without_times(bundle)
    with Store.open(tmp_path / "other") as other:
        other.import_bundle(tmp_path / "lite.spk")
        assert everything(other) == everything(store)
        with pytest.raises(ConflictError, match="kept in this home already"):
            other.import_bundle(bundle)


def test_the_people_are_found_there(bundle, full, tmp_path, sample):
    with Store.open(tmp_path / "other") as other:
        gallery = other.import_bundle(bundle, "team").gallery
        assert gallery.name == "team"
        vector = sample("talk", 0, 10).vectors["a model"]
        assert other.candidates(gallery, "a model", vector, 1)[0].speaker == full.id
        again = other.enroll(gallery, full.name, [sample("talk", 0, 10)])
        assert not again.added, "the same audio is known"


def test_the_same_gallery_gives_the_same_file(bundle, store, gallery, tmp_path):
    store.export_bundle(gallery, tmp_path / "again.spk")
    assert without_times(tmp_path / "again.spk") == without_times(bundle)


def test_what_is_read_writes_the_same_file(bundle, tmp_path):
    sha256 = Bundle.read(bundle).write(tmp_path / "again.spk")
    assert (tmp_path / "again.spk").read_bytes() == bundle.read_bytes()
    assert sha256 == hashlib.sha256(bundle.read_bytes()).hexdigest()
    assert (tmp_path / "again.spk").stat().st_mode & 0o777 == 0o600


def test_an_empty_gallery(store, gallery, tmp_path):
    exported = store.export_bundle(gallery, tmp_path / "empty.spk")
    assert len(exported.bundle.speakers) == 0
    with Store.open(tmp_path / "other") as other:
        assert other.speakers(other.import_bundle(tmp_path / "empty.spk").gallery) == []


def test_any_zip_program_reads_it(bundle):
    held = members(bundle)
    manifest = json.loads(held["manifest.json"])
    assert list(held) == [*manifest["members"], "manifest.json", "manifest.json.sha256"]
    for name, about in manifest["members"].items():
        assert about == {"bytes": len(held[name]), "sha256": hashlib.sha256(held[name]).hexdigest()}
    assert manifest["counts"] == {"speakers": 3, "recordings": 3, "samples": 4, "calibrations": 2}
    assert [model["voiceprints"] for model in manifest["models"]] == [4, 1]


def test_the_vectors_are_a_safetensors_file(bundle, store, gallery):
    tensors = load(members(bundle)["voiceprints-0.safetensors"])
    prints: list[Voiceprint] = [one for who in store.speakers(gallery) for one in store.voiceprints(who)]
    prints = sorted((one for one in prints if one.model == "a model"), key=lambda one: one.id)
    assert [row.tobytes() for row in tensors["ids"]] == [one.id.bytes for one in prints]
    assert [row.tobytes() for row in tensors["samples"]] == [one.sample.bytes for one in prints]
    assert np.array_equal(tensors["vectors"], [one.vector for one in prints])


def test_an_export_is_noted(bundle, store, gallery, home):
    store.export_bundle(gallery, bundle)
    with closing(sqlite3.connect(home / "spk.db")) as database:
        [(path, sha256)] = database.execute("SELECT path, sha256 FROM exports").fetchall()
    assert (path, sha256) == (str(bundle), hashlib.sha256(bundle.read_bytes()).hexdigest())
    assert str(bundle.name) not in str(list(store.audit_log())), "the name of a file may be somebody's"


def test_an_export_that_fails_leaves_what_was_there(bundle, store, gallery, home):
    before = bundle.read_bytes()
    store.clips(store.speaker(gallery, "bob"))[0].write_bytes(b"fLaC, other bits")
    with pytest.raises(StoreError, match="damaged"):
        store.export_bundle(gallery, bundle)
    assert bundle.read_bytes() == before
    assert [path.name for path in bundle.parent.iterdir() if path.suffix in (".spk", ".tmp")] == ["team.spk"]


def test_a_clip_that_somebody_removed_is_left_out(bundle, store, gallery, tmp_path):
    store.clips(store.speaker(gallery, "bob"))[0].unlink()
    store.export_bundle(gallery, bundle)
    assert set(Bundle.read(bundle).clips) == {hashlib.sha256(CLIP).hexdigest()}


def test_no_clips_are_taken_where_none_are_kept(bundle, tmp_path):
    with Store.open(tmp_path / "other") as other:
        assert other.import_bundle(bundle, keep_clips=False).clips == 0
        assert not list((tmp_path / "other" / "clips").iterdir())


# Without somebody


def test_without_a_person(bundle, full, store, gallery, tmp_path):
    less = tmp_path / "less.spk"
    Bundle.read(bundle).without(full.id).write(less)
    text = less.read_bytes()
    for vector in (one.vector for one in store.voiceprints(full)):
        assert vector.tobytes() not in text
    assert full.name.encode() not in text
    assert CLIP not in text
    left = Bundle.read(less)
    assert [len(getattr(left, kind)) for kind in KINDS] == [2, 2, 2, 2, 0]
    assert [prints.model for prints in left.voiceprints] == ["a model"]
    store.delete(full)
    with Store.open(tmp_path / "other") as other:
        other.import_bundle(left)
        assert everything(other) == everything(store)


def test_without_a_clip_that_others_have_too(bundle, store, gallery):
    bob = store.speaker(gallery, "bob")
    assert len(Bundle.read(bundle).without(bob.id).clips) == 2


def test_without_nobody(bundle, gallery, tmp_path):
    Bundle.read(bundle).without(gallery.id).write(tmp_path / "same.spk")
    assert (tmp_path / "same.spk").read_bytes() == bundle.read_bytes()


def test_who_was_erased_stays_erased(bundle, store, gallery, tmp_path):
    copy = shutil.copy(bundle, tmp_path / "copy.spk")  # which the erasure does not know
    for person in store.speakers(gallery):
        store.delete(person)
    imported = store.import_bundle(copy, "restored")
    assert imported.left_out == 3
    assert store.speakers(imported.gallery) == []


def test_nobody_is_erased_while_it_is_written(full, store, gallery, tmp_path, monkeypatch):
    stage = Bundle.stage

    def erasing(*arguments):
        staged = stage(*arguments)
        store.delete(full)
        return staged

    monkeypatch.setattr(Bundle, "stage", erasing)
    with pytest.raises(ConflictError, match="erased just now"):
        store.export_bundle(gallery, tmp_path / "team.spk")
    assert not list(tmp_path.glob("*.spk")) + list(tmp_path.glob("*.tmp"))


# What is there already


def test_the_same_bundle_twice_is_refused(bundle, tmp_path):
    with Store.open(tmp_path / "other") as other:
        other.import_bundle(bundle)
        before = everything(other), other.verify_audit()
        with pytest.raises(ConflictError, match=r"bob.*kept in this home already"):
            other.import_bundle(bundle)
        with pytest.raises(ConflictError, match="kept in this home already"):
            other.import_bundle(bundle, "another gallery")
        assert (everything(other), other.verify_audit()) == before


def test_samples_that_were_merged_meanwhile(bundle, full, store, gallery):
    store.merge(full, store.speaker(gallery, "bob"))
    with pytest.raises(ConflictError, match="bob"):
        store.import_bundle(bundle, "another")


def test_a_taken_name_is_named(bundle, tmp_path, sample):
    with Store.open(tmp_path / "other") as other:
        gallery = other.gallery("default", create=True)
        other.enroll(gallery, "bob", [sample("x")])
        with pytest.raises(ConflictError, match=r"^bob: in the gallery .default. already.*--gallery"):
            other.import_bundle(bundle)
        other.import_bundle(bundle, "another")


def test_a_recording_of_both_is_named(bundle, tmp_path, sample):
    with Store.open(tmp_path / "other") as other:
        gallery = other.gallery("default", create=True)
        other.enroll(gallery, "carla", [sample("talk", 50, 60)])
        with pytest.raises(ConflictError, match=r"^talk\.wav: in the gallery"):
            other.import_bundle(bundle)


def test_people_join_others(bundle, store, tmp_path, sample):
    with Store.open(tmp_path / "other") as other:
        gallery = other.gallery("default", create=True)
        other.enroll(gallery, "carla", [sample("x")])
        record = CalibrationRecord("00000000000000aa", "a model", "ecapa", "cosine", "{}")
        other.keep_calibration(gallery, record)
        other.use_calibration(gallery, "00")
        other.import_bundle(bundle)
        assert len(other.speakers(gallery)) == 4
        assert other.calibration(gallery) == record, "what the gallery is judged by, it is judged by still"
        assert len(other.calibrations(gallery)) == 3


def test_a_model_of_another_length_is_refused(bundle, tmp_path, sample, vector):
    home = tmp_path / "other"
    with Store.open(home) as other:
        gallery = other.gallery("mine", create=True)
        other.enroll(gallery, "carla", [sample("x", vectors={"another model": vector(1, 8)})])
        before = other.verify_audit()
        with pytest.raises(FingerprintError, match="16 numbers"):
            other.import_bundle(bundle)
        assert other.verify_audit() == before
        assert [one.name for one in other.galleries()] == ["mine"]
    assert not list((home / "clips").iterdir())


# What is no bundle


def test_a_flipped_bit_is_noticed_or_harmless(bundle, tmp_path):
    """Harmless between the members alone: in the version of the zip program, say."""
    whole, read = bundle.read_bytes(), Bundle.read(bundle)
    contents = members(bundle).values()
    starts = {whole.index(content): len(content) for content in contents if content}
    in_contents = {place for start, size in starts.items() for place in range(start, start + size)}
    flipped = tmp_path / "flipped.spk"
    harmless = 0
    for place in [*range(0, len(whole), 7), *(set(range(len(whole))) - in_contents)]:
        content = bytearray(whole)
        content[place] ^= 1 << place % 8
        flipped.write_bytes(content)
        if place in in_contents:
            with pytest.raises(FormatError, match="damaged"):
                Bundle.read(flipped)
        else:
            with suppress(InputError):
                assert same(Bundle.read(flipped), read)
                harmless += 1
    assert harmless


def test_a_cut_file_is_noticed(bundle, tmp_path):
    whole = bundle.read_bytes()
    cut = tmp_path / "cut.spk"
    for end in [*range(0, len(whole), 11), len(whole) - 1]:
        cut.write_bytes(whole[:end])
        with pytest.raises(FormatError, match=r"cut\.spk: is no bundle of spk, or damaged"):
            Bundle.read(cut)


def test_a_damaged_file_stores_nothing(bundle, tmp_path):
    content = bytearray(bundle.read_bytes())
    content[content.index(OTHER_CLIP)] ^= 1
    bundle.write_bytes(content)
    with Store.open(tmp_path / "other") as other, pytest.raises(FormatError, match="clips/"):
        other.import_bundle(bundle)
    assert nothing_stored(tmp_path / "other")


@pytest.mark.parametrize("content", [b"", b"RIFF....WAVE", b"PK\3\4", b"PK\5\6" + b"\0" * 18, b"\0" * 1000])
def test_another_file(tmp_path, content):
    (tmp_path / "x.spk").write_bytes(content)
    with pytest.raises(FormatError, match="is no bundle of spk"):
        Bundle.read(tmp_path / "x.spk")


@pytest.mark.parametrize("name", ["missing.spk", "."])
def test_no_file(tmp_path, name):
    with pytest.raises(InputError, match="cannot be read"):
        Bundle.read(tmp_path / name)


def test_a_zip_of_another_program(bundle):
    assert same(Bundle.read(forged(bundle, lambda *_: None)), Bundle.read(bundle))


def test_nothing_can_be_packed(bundle):
    """What takes room in memory takes room in the file."""
    with pytest.raises(FormatError, match="damaged"):
        Bundle.read(forged(bundle, lambda *_: None, zipfile.ZIP_DEFLATED))


def test_a_member_twice(bundle):
    with zipfile.ZipFile(bundle, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("speakers.jsonl", archive.read("speakers.jsonl"))
    with pytest.raises(FormatError, match="damaged"):
        Bundle.read(bundle)


def test_a_newer_version(bundle):
    newer = forged(bundle, lambda manifest, _: manifest.update(format="spk-bundle/3", more=1))
    with pytest.raises(FormatError, match=r"spk-bundle/3, ours is spk-bundle/2.*upgrade"):
        Bundle.read(newer)


def lines(kind, **fields):
    """Change the first line of a kind."""

    def change(manifest, held):
        first, *rest = held[f"{kind}.jsonl"].splitlines()
        record = {**json.loads(first), **fields}
        text = json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
        held[f"{kind}.jsonl"] = b"".join(line + b"\n" for line in (text, *rest))

    return change


def doubled(kind):
    def change(manifest, held):
        held[f"{kind}.jsonl"] += held[f"{kind}.jsonl"].splitlines(keepends=True)[-1]
        manifest["counts"][kind] += 1

    return change


def tensors(change):
    """Change what stands of the first model: 4 voiceprints of 16 numbers."""

    def changed(manifest, held):
        name = "voiceprints-0.safetensors"
        there = {key: tensor.copy() for key, tensor in load(held[name]).items()}
        held[name] = save(there | change(**there))

    return changed


def vectors(change):
    """Change the vectors of the first model in their place."""

    def changed(vectors, **_):
        change(vectors)
        return {"vectors": vectors}

    return tensors(changed)


def renamed(old, new):
    def change(manifest, held):
        manifest["members"] = {new if name == old else name: one for name, one in manifest["members"].items()}
        held[new] = held.pop(old)

    return change


def put(array, value):
    array[1, 2] = value


def about(change):
    return lambda manifest, _: change(manifest)


def content(change):
    return lambda _, held: change(held)


def replaced(member, old, new):
    return content(lambda held: held.update({member: held[member].replace(old, new)}))


SOMEBODY = "00000000-0000-4000-8000-000000000000"
FORGED = {
    "no more speaker": content(lambda held: held.update({"speakers.jsonl": b""})),
    "other count": about(lambda manifest: manifest["counts"].update(speakers=4)),
    "negative count": about(lambda manifest: manifest["counts"].update(speakers=-1)),
    "count that is none": about(lambda manifest: manifest["counts"].update(speakers=True)),
    "a speaker twice": doubled("speakers"),
    "a sample twice": doubled("samples"),
    "a label for a name": lines("speakers", name="unknown-7f3a", state="enrolled"),
    "no name": lines("speakers", name="", state="enrolled"),
    "another state": lines("speakers", state="gone"),
    "a name that is not normal": lines("speakers", name=" bob", state="enrolled"),
    "no id": lines("speakers", id="me"),
    "a time of no zone": lines("speakers", created="2026-01-01T00:00:00"),
    "another key": lines("speakers", more=1),
    "a number for a text": lines("recordings", source=5),
    "a text that is none": lines("recordings", source="\ud800"),
    "no sha256": lines("recordings", sha256="00"),
    "an endless recording": lines("recordings", duration=float("inf")),
    "a sample of nobody": lines("samples", speaker=SOMEBODY),
    "a sample of no recording": lines("samples", recording=SOMEBODY),
    "a sample that ends before": lines("samples", end=-1.0),
    "parts that are none": lines("samples", parts=[[1]]),
    "parts of nothing": lines("samples", parts=None),
    "no quality": lines("samples", quality=[]),
    "quality that is none": lines("samples", quality={"snr": "good"}),
    "another origin": lines("samples", origin="stolen"),
    "forced by nobody": lines("samples", forced=[1]),
    "a clip that is missing": lines("samples", clip="0" * 64),
    "a path for a clip": lines("samples", clip="../../spk.db"),
    "no calibration's id": lines("calibrations", id="x"),
    "in use perhaps": lines("calibrations", in_use=1),
    "two in use": replaced("calibrations.jsonl", b'"in_use":false', b'"in_use":true'),
    "no JSON": content(lambda held: held.update({"samples.jsonl": b"{\n" * 4})),
    "deep JSON": content(lambda held: held.update({"samples.jsonl": b"[" * 100_000 + b"\n"})),
    "a time before all time": lines("speakers", created="0001-01-01T00:00:00+10:00"),
    "a text with a zero": lines("recordings", source="a\0b"),
    "a name twice": replaced("speakers.jsonl", "Zoë, or \U0001f98a".encode(), b"bob"),
    "a recording twice": lambda manifest, held: lines(
        "recordings", sha256=json.loads(held["recordings.jsonl"].splitlines()[1])["sha256"]
    )(manifest, held),
    "a number without end": lines("recordings", duration=10**400),
    "a recording of less than nothing": lines("recordings", duration=-1.0),
    "speech of less than nothing": lines("samples", net_seconds=-0.5),
    "no safetensors": content(lambda held: held.update({"voiceprints-0.safetensors": b"\x08" + b"\0" * 30})),
    "a tensor too many": tensors(lambda vectors, **_: {"more": vectors}),
    "other numbers": tensors(lambda vectors, **_: {"vectors": vectors.astype(np.float64)}),
    "a voiceprint twice": tensors(lambda ids, **_: {"ids": ids[[0, 0, 1, 2]]}),
    "two voiceprints of a sample": tensors(lambda samples, **_: {"samples": samples[[0, 0, 1, 2]]}),
    "a voiceprint of no sample": tensors(lambda samples, **_: {"samples": samples ^ 1}),
    "NaN": vectors(lambda array: put(array, np.nan)),
    "infinite": vectors(lambda array: put(array, np.inf)),
    "large": vectors(lambda array: put(array, 3e38)),
    "too long": vectors(lambda array: np.multiply(array, 1.1, out=array)),
    "nothing": vectors(lambda array: np.multiply(array, 0, out=array)),
    "another dimension": about(lambda manifest: manifest["models"][0].update(dim=15)),
    "no dimension": about(lambda manifest: manifest["models"][0].update(dim=0)),
    "enormous": about(lambda manifest: manifest["models"][0].update(voiceprints=1 << 60)),
    "the same model twice": about(lambda manifest: manifest["models"][1].update(fingerprint="a model")),
    "an absolute path": renamed(f"clips/{hashlib.sha256(CLIP).hexdigest()}.flac", "/etc/passwd"),
    "a path upwards": renamed(f"clips/{hashlib.sha256(CLIP).hexdigest()}.flac", "../clip.flac"),
    "a member too many": content(lambda held: held.update({"more.txt": b"hidden"})),
    "a member too few": content(lambda held: held.pop("samples.jsonl")),
    "a member unknown": lambda manifest, held: (
        held.update({"more.txt": b"x"}),
        manifest["members"].update({"more.txt": {"bytes": 1, "sha256": ""}}),
    ),
    "no members": about(lambda manifest: manifest.update(members=[])),
    "no gallery": about(lambda manifest: manifest.update(gallery="\n")),
    "no time": about(lambda manifest: manifest.update(created="today")),
    "another key in the manifest": about(lambda manifest: manifest.update(more=1)),
    "no manifest": about(lambda manifest: manifest.clear() or manifest.update(members={})),
}


@pytest.mark.parametrize("what", FORGED)
def test_a_forged_bundle_stores_nothing(bundle, what, tmp_path):
    try:
        target = forged(bundle, FORGED[what])
    except UnicodeEncodeError:
        pytest.fail("the forgery itself")
    with Store.open(tmp_path / "other") as other, pytest.raises(FormatError) as refused:
        other.import_bundle(target)
    assert "\n" not in str(refused.value)
    assert "forged.spk" in str(refused.value)
    assert nothing_stored(tmp_path / "other")


def an_hour_ahead(_, held):
    """The same times, by another clock."""

    def ahead(line):
        record = json.loads(line)
        at = datetime.fromisoformat(record["created"]).astimezone(timezone(timedelta(hours=1)))
        return json.dumps(record | {"created": at.isoformat()}).encode() + b"\n"

    held["speakers.jsonl"] = b"".join(map(ahead, held["speakers.jsonl"].splitlines()))


HARMLESS = {
    "spaces": replaced("speakers.jsonl", b'":', b'" : '),
    "no last line end": content(lambda held: held.update({"samples.jsonl": held["samples.jsonl"].strip()})),
    "another order": content(
        lambda held: held.update({"speakers.jsonl": b"".join(held["speakers.jsonl"].splitlines(keepends=True)[::-1])})
    ),
    "another clock": an_hour_ahead,
}


@pytest.mark.parametrize("what", HARMLESS)
def test_it_may_be_written_otherwise(bundle, what, tmp_path):
    with Store.open(tmp_path / "one") as one, Store.open(tmp_path / "other") as other:
        one.import_bundle(bundle)
        other.import_bundle(forged(bundle, HARMLESS[what]))
        assert everything(one) == everything(other)


def test_what_is_wrong_is_named(bundle):
    with pytest.raises(FormatError, match=r"forged\.spk: .*\(samples\.jsonl, line 1: net_seconds: .* valid number\)"):
        Bundle.read(forged(bundle, lines("samples", net_seconds="long")))


def test_importing_is_all_or_nothing(bundle, tmp_path, monkeypatch):
    """The disk is full at the last row."""
    home = tmp_path / "other"
    with Store.open(home) as other:
        with closing(sqlite3.connect(home / "spk.db")) as database:
            database.execute(
                "CREATE TRIGGER full BEFORE INSERT ON outbox WHEN (SELECT count(*) FROM outbox) > 3 "
                "BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
            )
            database.commit()
        with pytest.raises(StoreError, match="full"):
            other.import_bundle(bundle)
    with closing(sqlite3.connect(home / "spk.db")) as database:
        database.execute("DROP TRIGGER full")
        database.commit()
    assert nothing_stored(home)


def test_killed_while_it_imports(bundle, tmp_path, start):
    """Whoever is killed has stored all of it or nothing, and it can be imported again, or is there."""
    home = tmp_path / "other"
    code = """
from spk.store.bundles import sql
put = sql.put
def killed(*arguments):
    put(*arguments)
    os.kill(os.getpid(), 9)
sql.put = killed
Store.open(home).import_bundle(Path(sys.argv[2]))
"""
    process = start(code, home, bundle)
    assert process.wait() == -9
    process.communicate()
    with Store.open(home) as other:
        assert other.galleries() == []
        assert other.import_bundle(bundle).clips == 2
        other.verify_audit()


def test_it_works_between_copies_of_a_home(bundle, home, store, tmp_path):
    """A backup that is older than the home: who is new since then stays."""
    shutil.copytree(home, tmp_path / "copy")
    with Store.open(tmp_path / "copy") as copy, pytest.raises(SpkError, match="kept in this home"):
        copy.import_bundle(bundle)
