"""Two voices in one: made-up vectors, and real speech of one person and of two."""

from __future__ import annotations

import numpy as np
import pytest

from spk.audio import Audio, load
from spk.embed import Speech, embed_turns
from spk.errors import InputError
from spk.identify.mixture import part
from spk.timeline import Segment


def pieces(*people, spread=0.3, seed=0):
    """Unit vectors (n, 32) around those of made-up people, by number."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(7).normal(size=(5, 32))
    rows = centres[list(people)] + spread * rng.normal(size=(len(people), 32))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def among(toy):
    """LLRs of vectors of 32 dimensions."""

    def among(vectors, seconds):
        padded = np.zeros((len(vectors), toy.embedder.dim), np.float32)
        padded[:, :32] = vectors
        return toy.scorer.among(padded, seconds)

    return among


def test_one_person_is_not_mixed(among):
    found = part(pieces(0, 0, 0, 0, 0), [4.0] * 5, among)
    assert not found.mixed
    assert found.llr > 5
    assert sorted(row for group in found.groups for row in group) == [0, 1, 2, 3, 4]


def test_two_people_are_parted(among):
    found = part(pieces(1, 0, 0, 1, 0), [3.0, 4.0, 5.0, 2.0, 4.0], among)
    assert found.mixed
    assert found.llr < -5
    assert found.groups == ((1, 2, 4), (0, 3))
    assert found.seconds == (13.0, 5.0)


def test_the_longer_group_comes_first_whatever_the_pieces(among):
    found = part(pieces(0, 0, 0, 1), [2.0, 2.0, 2.0, 9.0], among)
    assert found.groups == ((3,), (0, 1, 2))


def test_a_piece_alone_cannot_be_parted(among):
    found = part(pieces(0), [7.5], among)
    assert (found.groups, found.seconds, found.llr, found.mixed) == (((0,),), (7.5,), None, False)


def test_equal_pieces_are_one_person(among):
    found = part(np.repeat(pieces(0), 4, axis=0), [4.0] * 4, among)
    assert len(found.groups) == 2
    assert not found.mixed


@pytest.mark.parametrize(("count", "lengths"), [(0, []), (2, [4.0])])
def test_what_does_not_fit_is_refused(among, count, lengths):
    with pytest.raises(InputError, match=f"^{count} pieces with {len(lengths)} lengths"):
        part(pieces(*range(count)), lengths, among)


def test_real_speech(room, corpus):
    """Utterances in turn of one person, and of two."""
    one, other = ([load(path) for path in corpus.files("test", who)[:5]] for who in ("ls_1688", "ls_3005"))

    def voice(clips):
        ends = np.cumsum([clip.duration for clip in clips]).tolist()
        turns = tuple(Segment(start, end) for start, end in zip([0.0, *ends], ends, strict=False))
        audio = Audio(np.concatenate([clip.samples for clip in clips]), "joined.wav")
        some = embed_turns(room.embedder, Speech(audio, turns))
        net = [sum(place.duration for place in piece.parts) for piece in some]
        return part(np.stack([piece.vector for piece in some]), net, room.scorer.among)

    assert not voice(one).mixed
    assert not voice(other).mixed
    assert voice([one[0], other[0], one[1], one[2], other[1]]).mixed
