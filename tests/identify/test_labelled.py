"""Labelled material: read from tables, folders and turns, heard, and taken from a gallery."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from spk.embed.fake import FakeEmbedder
from spk.errors import FormatError, InputError, NotFoundError
from spk.identify.labelled import CUTS, from_gallery, hear, pieces, read_labels
from spk.store.records import NewRecording, NewSample, Origin
from spk.timeline import Segment


@pytest.fixture
def write(tmp_path: Path, voice):
    """Writes a recording of a voice, and says where."""

    def write(name: str, hertz: float, seconds: float = 4.0, seed: int = 0) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, voice(hertz, seconds, seed).samples, 16_000)
        return path

    return write


def everything(audio):
    return (Segment(0.0, audio.duration),) if audio.samples.any() else ()


def test_a_table_with_sessions_and_rows_that_are_nobodys(tmp_path, write) -> None:
    for name in ("a1.wav", "a2.wav", "b1.wav", "rain.wav"):
        write(name, 300)
    (tmp_path / "people.csv").write_text(
        "file,speaker,session,role\na1.wav,ann,monday,enroll\na2.wav,ann,,test\nb1.wav,bo,monday,cohort\n"
        "rain.wav,,,noise\nrain.wav,,,diarization-mix\n"
    )
    labels = read_labels([tmp_path / "people.csv"])
    assert [(clip.speaker, clip.file.name) for clip in labels.clips] == [
        ("ann", "a1.wav"),
        ("ann", "a2.wav"),
        ("bo", "b1.wav"),
    ]
    assert [clip.session for clip in labels.clips] == ["monday", str(tmp_path / "a2.wav"), "monday"]
    assert labels.left_out == {"noise": 1, "diarization-mix": 1}
    material = hear(labels, everything, [FakeEmbedder()])
    assert material.cohort[material.speaker == 1].all()
    assert not material.cohort[material.speaker == 0].any()


def test_a_folder_for_each_speaker(tmp_path, write) -> None:
    for name in ("ann/1.wav", "ann/deep/2.wav", "bo/1.wav"):
        write(name, 300)
    labels = read_labels([tmp_path])
    assert [(clip.speaker, clip.file.name) for clip in labels.clips] == [
        ("ann", "1.wav"),
        ("ann", "2.wav"),
        ("bo", "1.wav"),
    ]


def test_turns_beside_recordings(tmp_path, write) -> None:
    """What somebody says alone is theirs; a recording is a session."""
    talk = write("talk.wav", 300, seconds=10)
    (tmp_path / "talk.rttm").write_text(
        "SPEAKER talk 1 0 4 <NA> <NA> ann <NA> <NA>\nSPEAKER talk 1 3 5 <NA> <NA> bo <NA> <NA>\n"
        "SPEAKER talk 1 9 0.1 <NA> <NA> cy <NA> <NA>\n"
    )
    for given_ in ([tmp_path], [talk], [talk, tmp_path / "talk.rttm"]):
        labels = read_labels(given_)
        assert {clip.speaker: clip.turns for clip in labels.clips} == {
            "ann": (Segment(0, 3),),
            "bo": (Segment(4, 8),),
        }
    material = hear(labels, everything, [FakeEmbedder()])
    natural = material.natural
    assert material.net_seconds[natural].tolist() == [3.0, 4.0]
    assert material.recordings().tolist() == [1, 1]  # of one recording nobody is compared with themselves


def test_labels_that_nobody_corrected(tmp_path, write) -> None:
    """SPEAKER_00 of two recordings is not one person."""
    turns = "SPEAKER {0} 1 0 4 <NA> <NA> {1} <NA> <NA>\nSPEAKER {0} 1 4 4 <NA> <NA> SPEAKER_01 <NA> <NA>\n"
    for name, first in (("one", "ann"), ("two", "SPEAKER_00")):
        write(f"{name}.wav", 300, seconds=8)
        (tmp_path / f"{name}.rttm").write_text(turns.format(name, first))
    labels = read_labels([tmp_path])
    assert [clip.speaker for clip in labels.clips] == ["ann"]
    skipped = hear(labels, everything, [FakeEmbedder()]).skipped
    assert [line.split(": ")[1].split()[0] for line in skipped] == ["SPEAKER_01", "SPEAKER_00", "SPEAKER_01"]
    with pytest.raises(InputError, match="no voice of these recordings has a name"):
        read_labels([tmp_path / "two.wav"])


def test_what_is_not_there_is_named_all_at_once(tmp_path, write) -> None:
    write("here.wav", 300)
    (tmp_path / "people.csv").write_text("speaker,file\nann,gone.wav\nann,here.wav\nbo,lost.wav\n")
    with pytest.raises(NotFoundError, match=r"2 of the files .*gone\.wav, .*lost\.wav"):
        read_labels([tmp_path / "people.csv"])
    with pytest.raises(NotFoundError, match=r"nothing\.wav"):
        read_labels([tmp_path / "nothing.wav"])


def test_recordings_without_labels_are_refused(tmp_path, write) -> None:
    path = write("talk.wav", 300)
    with pytest.raises(InputError, match="whose voice is it"):
        read_labels([path])
    with pytest.raises(InputError, match="a folder for each speaker"):
        read_labels([tmp_path])
    (tmp_path / "empty.csv").write_text("speaker,file\n")
    with pytest.raises(InputError, match="no labelled speech"):
        read_labels([tmp_path / "empty.csv"])
    (tmp_path / "wrong.csv").write_text("name,path\nann,a.wav\n")
    with pytest.raises(FormatError, match="no column"):
        read_labels([tmp_path / "wrong.csv"])
    with pytest.raises(InputError, match="nothing was named"):
        read_labels([])


def test_hearing_embeds_clips_and_pieces_by_every_model(tmp_path, write) -> None:
    write("ann/1.wav", 300, seconds=6)
    write("ann/2.wav", 300, seconds=6, seed=1)
    soundfile.write(tmp_path / "ann" / "silence.wav", np.zeros(16_000), 16_000)
    (tmp_path / "ann" / "text.wav").write_text("This is no recording.")
    write("ann/twice.wav", 300, seconds=6)
    seen = []
    material = hear(read_labels([tmp_path]), everything, [FakeEmbedder()], progress=lambda *done: seen.append(done))
    assert seen[-1][:2] == (5, 5)
    assert [Path(file).name for file in material.files] == ["1.wav", "2.wav"]
    assert sorted(material.kind) == ["cut"] * 4 + ["natural"] * 2
    assert len(material.skipped) == 3
    assert any("holds no speech" in line for line in material.skipped)
    assert any("same audio" in line for line in material.skipped)
    files = (tmp_path / "ann").glob("[12].wav")
    whole = {file.name: FakeEmbedder()([soundfile.read(file, dtype="float32")[0]])[0] for file in files}
    for row in np.flatnonzero(material.natural):
        assert np.allclose(material.vectors["fake"][row], whole[Path(material.files[material.file[row]]).name])
    again = hear(read_labels([tmp_path]), everything, [FakeEmbedder()])
    assert np.array_equal(again.vectors["fake"], material.vectors["fake"])  # the same pieces every time
    silent = replace(read_labels([tmp_path]), clips=read_labels([tmp_path]).clips[2:3])
    with pytest.raises(InputError, match="none of the 1 clips"):
        hear(silent, everything, [FakeEmbedder()])


def test_an_embedding_that_is_not_finite_names_its_file(tmp_path, write) -> None:
    class Broken(FakeEmbedder):
        def __call__(self, batch):
            return super().__call__(batch) * np.nan

    write("ann/1.wav", 300)
    with pytest.raises(InputError, match=r"1\.wav: the embedding by fake is not finite"):
        hear(read_labels([tmp_path]), everything, [Broken()])


@given(st.floats(0.1, 8), st.integers(0, 4), st.integers(0, 99))
def test_pieces_are_parts_of_the_clip(seconds: float, count: int, seed: int) -> None:
    samples = np.arange(round(seconds * 16_000), dtype=np.float32)
    found = list(pieces(samples, count, np.random.default_rng(seed)))
    assert len(found) <= count
    assert len({len(piece) for piece in found}) == len(found)
    for piece in found:
        assert len(piece) / 16_000 in CUTS
        assert len(piece) < len(samples)
        assert np.array_equal(piece, samples[int(piece[0]) : int(piece[0]) + len(piece)])


def test_the_samples_of_a_gallery(toy) -> None:
    """Recordings are sessions; strangers and people by other models are left out."""
    model = toy.embedder.model
    rng = np.random.default_rng(0)

    def sample(recording: str, number: int) -> NewSample:
        vector = rng.normal(size=toy.embedder.dim).astype(np.float32)
        return NewSample(
            recording=NewRecording(recording * 64, f"{recording}.wav", 60.0),
            segment=Segment(number * 10.0, number * 10 + 5.0),
            sha256=f"{recording}{number}" * 32,
            net_seconds=5.0,
            quality={},
            origin=Origin.ENROLLED,
            vectors={model.fingerprint: vector / np.linalg.norm(vector)},
        )

    toy.store.enroll(toy.gallery, "ann", [sample("a", 0), sample("a", 1), sample("b", 0)])
    toy.store.enroll(toy.gallery, "bo", [sample("c", 0), sample("c", 1)])
    toy.store.enroll(toy.gallery, None, [sample("d", 0)])
    material = from_gallery(toy.store, toy.gallery, [model])
    assert sorted(material.people) == ["ann", "bo"]
    assert len(material) == 5
    assert dict(zip(material.people, material.paired().tolist(), strict=True)) == {"ann": True, "bo": False}
    with pytest.raises(NotFoundError, match="has voiceprints by other"):
        from_gallery(toy.store, toy.gallery, [type(model)("other", "0" * 64)])
