"""Who said which word."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from spk.formats.transcripts.labelling import label
from spk.formats.transcripts.transcript import Line, Span, Transcript, Word, split_words
from spk.timeline import Segment, Timeline, Turn


def turns(*each: tuple[float, float, str]) -> Timeline:
    return Timeline(Turn(Segment(start, end), who) for start, end, who in each)


def said(*words: tuple[str, float, float]) -> Transcript:
    spoken = tuple(Word(f"{text} ", Span(start, end)) for text, start, end in words)
    return Transcript("whisper", (Line(Span(words[0][1], words[-1][2]), spoken),))


def speakers(transcript: Transcript, timeline: Timeline) -> list[str | None]:
    return [word.speaker for line in label(transcript, timeline).lines for word in line.words]


def shown(transcript: Transcript, timeline: Timeline) -> list[tuple[str | None, str]]:
    return [(line.speaker, line.text.strip()) for line in label(transcript, timeline).lines]


def test_a_line_is_split_where_the_speaker_changes() -> None:
    words = said(("How", 0, 0.3), ("so?", 0.4, 0.9), ("Well,", 1.2, 1.5), ("it", 1.6, 1.8), ("is.", 1.8, 2))
    found = label(words, turns((0, 1, "a"), (1.1, 2, "b"))).lines
    assert [(line.speaker, line.text.strip(), line.part) for line in found] == [
        ("a", "How so?", 0),
        ("b", "Well, it is.", 1),
    ]
    assert [line.span for line in found] == [Span(0, 0.9), Span(1.2, 2)]


def test_who_speaks_for_most_of_a_word() -> None:
    assert speakers(said(("yes", 0, 1)), turns((0, 0.4, "a"), (0.4, 2, "b"))) == ["b"]
    parts = turns((0, 0.3, "a"), (0.3, 0.65, "b"), (0.65, 1, "a"))
    assert speakers(said(("yes", 0, 1)), parts) == ["a"]  # all of his turns count


def test_two_at_once() -> None:
    words = said(("one", 0, 0.5), ("two", 1, 1.5), ("three", 2, 2.5))
    assert speakers(words, turns((0, 3, "b"), (0.9, 3, "a"))) == ["b", "b", "b"]
    assert speakers(words, turns((0, 3, "b"), (0, 1.8, "a"))) == ["b", "b", "b"]  # by what follows
    lines = said(("one", 0, 0.5)).lines + said(("two", 1, 1.5)).lines
    assert speakers(Transcript("whisper", lines), turns((0, 3, "b"), (0.9, 3, "a"))) == ["b", "b"]
    assert speakers(said(("one", 0, 1)), turns((0, 1, "b"), (0, 1, "a"))) == ["a"]


def test_outside_all_turns() -> None:
    near = turns((2, 3, "a"), (5, 6, "b"))
    assert speakers(said(("so", 1, 1.5)), near) == ["a"]
    assert speakers(said(("so", 4.1, 4.8)), near) == ["b"]
    assert speakers(said(("so", 7.1, 7.5)), near) == [None]
    assert speakers(said(("so", 1, 1.5)), Timeline()) == [None]


def test_words_of_nobody_split_no_line() -> None:
    words = said(("It", 0, 0.5), ("is", 3, 3.5), ("so", 6, 6.5))
    assert shown(words, turns((0, 1, "a"), (6, 7, "a"))) == [("a", "It is so")]
    assert shown(words, turns((0, 1, "a"), (6, 7, "b"))) == [("a", "It is"), ("b", "so")]


def test_a_lone_word_at_the_edge_of_a_turn_follows_its_sentence() -> None:
    words = said(("I", 0, 0.4), ("think", 0.5, 0.8), ("so.", 1.02, 1.2), ("Yes.", 1.5, 1.9))
    timeline = turns((0, 1, "a"), (1, 2, "b"))
    assert shown(words, timeline) == [("a", "I think so."), ("b", "Yes.")]


def test_a_lone_word_far_from_its_sentence_does_not() -> None:
    words = said(("I", 0, 0.4), ("think", 0.5, 0.8), ("no", 1.5, 1.8), ("so", 2.6, 3), ("it", 3, 3.2), ("is", 3.2, 4))
    timeline = turns((0, 1, "a"), (1.3, 2, "b"), (2.5, 4, "a"))
    assert shown(words, timeline) == [("a", "I think"), ("b", "no"), ("a", "so it is")]


def test_a_sentence_of_one_word_stays() -> None:
    words = said(("Really?", 0, 0.5), ("Yes.", 0.95, 1.1), ("Why", 1.2, 1.5), ("not?", 1.5, 2))
    assert shown(words, turns((0, 1, "a"), (1, 1.15, "b"), (1.15, 3, "a")))[1] == ("b", "Yes.")


def untimed(text: str, end: float = 4.0) -> Transcript:
    return Transcript("srt", (Line(Span(0, end), split_words(text)),))


def test_lines_without_times_of_words_are_split_between_sentences() -> None:
    timeline = turns((0, 2, "a"), (2, 4, "b"))
    assert shown(untimed("How are you now? I am well, thanks."), timeline) == [
        ("a", "How are you now?"),
        ("b", "I am well, thanks."),
    ]
    assert shown(untimed("- how are you now\n- I am so well"), timeline) == [
        ("a", "- how are you now"),
        ("b", "- I am so well"),
    ]
    assert shown(untimed("how are you now and then I said"), timeline) == [("a", "how are you now and then I said")]
    assert shown(untimed("Mr. Smith is here, and he is well"), turns((0, 0.3, "b"), (0.3, 4, "a"))) == [
        ("a", "Mr. Smith is here, and he is well")
    ]


def test_times_between_and_around() -> None:
    words = (Word("a "), Word("b ", Span(1, 2)), Word("cc "), Word("d "), Word("e ", Span(5, 5)), Word("f"))
    assert Line(Span(0, 6), words).times == (Span(0, 1), Span(1, 2), Span(2, 4), Span(4, 5), Span(5, 5), Span(5, 6))
    assert Line(Span(3, 3), (Word("a"), Word("b", Span(1, 1)))).times == (Span(3, 3), Span(1, 1))


TIMES = st.floats(-2, 30)
SPANS = st.builds(lambda start, length: Span(start, start + length), TIMES, st.floats(0, 5))
WORD = st.builds(Word, st.sampled_from(["a ", "bb. ", "\n- c ", "d? "]), st.none() | SPANS)
LINES = st.lists(st.builds(Line, SPANS, st.lists(WORD, max_size=8).map(tuple)), max_size=5)
TURN = st.builds(
    lambda start, length, who: Turn(Segment(start, start + length), who),
    st.floats(0, 30),
    st.floats(0.01, 10),
    st.sampled_from("abc"),
)


@given(LINES, st.lists(TURN, max_size=8))
def test_nothing_is_lost(lines: list[Line], timeline: list[Turn]) -> None:
    transcript = Transcript("whisper", tuple(lines))
    found = label(transcript, Timeline(timeline))
    assert "".join(line.text for line in found.lines) == "".join(line.text for line in lines)
    assert [word.span for line in found.lines for word in line.words] == [
        word.span for line in lines for word in line.words
    ]
    assert {line.speaker for line in found.lines} - {None} <= {turn.label for turn in timeline}
    for line in found.lines:
        assert {word.speaker for word in line.words} <= {line.speaker, None}
        assert line.span.end >= line.span.start
    for line, following in zip(found.lines, found.lines[1:], strict=False):
        if following.part:
            assert line.speaker != following.speaker


@given(LINES)
def test_one_speaker_says_it_all(lines: list[Line]) -> None:
    found = label(Transcript("whisper", tuple(lines)), turns((0, 100, "a")))
    assert len(found.lines) == len(lines)
    assert all(
        word.speaker == "a"
        for line in found.lines
        for word, at in zip(line.words, line.times, strict=True)
        if at.end > -1
    )


def test_many_words() -> None:
    words = [(f"w{n}", n * 0.4, n * 0.4 + 0.3) for n in range(20_000)]
    timeline = turns(*((n * 2.0, n * 2.0 + 1.9, "ab"[n % 2]) for n in range(4_000)))
    assert len(label(said(*words), timeline).lines) == 4_000


def test_a_long_line_without_times() -> None:
    line = Line(Span(0, 8_000), split_words("so " * 20_000))
    found = label(Transcript("whisper", (line,)), turns((0, 5_000, "a"), (5_000, 8_000, "b")))
    assert [each.speaker for each in found.lines] == ["a"]
