import numpy as np
import pytest

from spk.audio import SAMPLE_RATE, Audio, load
from spk.embed import Speech, embed_pieces, embed_speech, embed_turns
from spk.embed.fake import FakeEmbedder
from spk.embed.speech import PIECE, SHORT
from spk.errors import AudioError
from spk.formats.rttm import read_rttm
from spk.timeline import Segment


class Counting(FakeEmbedder):
    """Remembers how long the clips were that it was given, in seconds."""

    lengths: tuple[float, ...] = ()

    def __call__(self, batch):
        object.__setattr__(self, "lengths", tuple(len(clip) / SAMPLE_RATE for clip in batch))
        return super().__call__(batch)


@pytest.fixture
def counting():
    return Counting()


def test_a_short_clip_of_one_voice_is_taken_whole(voice, counting):
    speech = Speech(voice(300, 4.0), (Segment(1, 2), Segment(3, 3.5)), alone=True)
    assert speech.joined() is speech.audio
    assert (speech.net_seconds, speech.span) == (1.5, Segment(1, 3.5))
    embed_speech(counting, [speech])
    assert counting.lengths == (4,)


def test_a_long_clip_is_trimmed(voice):
    speech = Speech(voice(300, SHORT + 1), (Segment(1, 2), Segment(3, 3.5)), alone=True)
    assert speech.joined().duration == 1.5


def test_one_voice_of_several_is_cut_out(voice):
    audio = Audio(np.concatenate((voice(300).samples, voice(5000).samples)), "two.wav")
    embedder = FakeEmbedder()
    ann, bob = embed_speech(embedder, [Speech(audio, (Segment(0, 4),)), Speech(audio, (Segment(4, 8),))])
    alone = embedder([voice(300).samples, voice(5000).samples])
    assert ann @ alone[0] > 0.999
    assert bob @ alone[1] > 0.999
    assert ann @ bob < 0.5


@pytest.mark.parametrize("seconds", [PIECE, PIECE + 0.01, 2.5 * PIECE])
def test_long_speech_goes_in_equal_pieces(voice, counting, seconds):
    [vector] = embed_speech(counting, [Speech(voice(300, seconds), (Segment(0, seconds),))])
    assert len(counting.lengths) == np.ceil(seconds / PIECE)
    assert max(counting.lengths) - min(counting.lengths) < 0.001
    assert max(counting.lengths) <= PIECE
    assert np.linalg.norm(vector) == pytest.approx(1)
    assert vector @ FakeEmbedder()([voice(300).samples])[0] > 0.99


def test_pieces_say_where_they_lie(voice):
    audio = Audio(np.concatenate((voice(300, 12.0).samples, voice(5000, 12.0).samples)), "two.wav")
    speech = Speech(audio, (Segment(1, 5), Segment(6, 12), Segment(14, 30)))  # the end is past the recording's
    [embedded] = embed_pieces(FakeEmbedder(), [speech])
    assert [piece.parts for piece in embedded.pieces] == [
        (Segment(1, 5), Segment(6, 12)),
        (Segment(14, 24),),
    ]
    ann, carol = FakeEmbedder()([voice(300).samples, voice(5000).samples])
    first, second = (piece.vector for piece in embedded.pieces)
    assert first @ ann > 0.99
    assert second @ carol > 0.99
    assert embedded.vector @ (first + second) == pytest.approx(np.linalg.norm(first + second))
    seconds = sum(part.duration for piece in embedded.pieces for part in piece.parts)
    assert seconds == pytest.approx(speech.joined().duration)


def test_a_speech_of_one_piece(voice):
    speech = Speech(voice(300, 4.0), (Segment(1, 2), Segment(3, 3.5)), alone=True)
    [embedded] = embed_pieces(FakeEmbedder(), [speech])
    [piece] = embedded.pieces
    assert piece.parts == speech.parts
    assert np.allclose(piece.vector, embedded.vector)
    assert embed_pieces(FakeEmbedder(), []) == []


def test_each_speech_has_its_own_vector(voice, counting):
    speeches = [Speech(voice(hertz, seconds), (Segment(0, seconds),)) for hertz, seconds in ((300, 70.0), (5000, 2.0))]
    together = embed_speech(counting, speeches)
    apart = np.concatenate([embed_speech(counting, [speech]) for speech in speeches])
    assert together.shape == (2, 32)
    assert together.dtype == np.float32
    assert np.allclose(together, apart)


def test_nothing_to_embed(counting):
    assert embed_speech(counting, []).shape == (0, 32)


def test_too_short_for_the_model(voice, counting):
    with pytest.raises(AudioError, match=r"300-0\.wav: 0\.20 s of speech are too short for fake, which needs 0\.25 s"):
        embed_speech(counting, [Speech(voice(300), (Segment(1, 1.2),))])


def test_parts_past_the_end_are_cut(voice, counting):
    [vector] = embed_speech(counting, [Speech(voice(300), (Segment(1, 9),))])
    assert counting.lengths == (3,)
    assert np.isfinite(vector).all()


def test_real_speech_in_pieces_is_the_same_person(demo_audio, demo_rttm, embedder):
    audio = load(demo_audio)
    [turns] = read_rttm(demo_rttm).values()
    one, other = (turns.alone(label) for label in turns.labels)
    long = Speech(Audio(np.tile(audio.take(one).samples, 5), "long.wav"), (Segment(0, 40),))
    ann, again, bob = embed_speech(embedder, [Speech(audio, one), long, Speech(audio, other)])
    assert ann @ again > 0.95
    assert ann @ bob < 0.5


def test_pieces_keep_to_the_turns(voice):
    # A turn alone, two short ones with what follows, a long one in equal shares, a scrap with what came before.
    turns = [(0.0, 2.0), (3.0, 3.5), (4.0, 4.5), (5.0, 7.0), (8.0, 18.0), (19.0, 19.5)]
    speech = Speech(voice(300, 20.0), tuple(Segment(*turn) for turn in turns))
    first, mixed, long, last = embed_turns(FakeEmbedder(), speech)
    assert first.parts == (Segment(0, 2),)
    assert mixed.parts == (Segment(3, 3.5), Segment(4, 4.5), Segment(5, 7))
    assert long.parts == (Segment(8, 13),)
    assert last.parts == (Segment(13, 18), Segment(19, 19.5))


def test_the_vectors_of_turns_are_those_of_their_speech(voice):
    audio = Audio(np.concatenate((voice(300).samples, voice(5000).samples)), "two.wav")
    ann, bob = embed_turns(FakeEmbedder(), Speech(audio, (Segment(0, 4), Segment(4, 8))))
    assert ann.vector @ FakeEmbedder()([voice(300).samples])[0] > 0.999
    assert ann.vector @ bob.vector < 0.5


def test_short_turns_alone_are_one_piece(voice):
    [piece] = embed_turns(FakeEmbedder(), Speech(voice(300), (Segment(0, 0.5), Segment(1, 1.4))))
    assert len(piece.parts) == 2


def test_too_little_speech_has_no_turns(voice):
    with pytest.raises(AudioError, match="too short"):
        embed_turns(FakeEmbedder(), Speech(voice(300), (Segment(0, 0.05),)))
