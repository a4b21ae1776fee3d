"""Transcripts of every kind in and out."""

from __future__ import annotations

import codecs
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spk.errors import FormatError
from spk.formats.transcripts.files import TranscriptFormat, read_transcript, write_transcript
from spk.formats.transcripts.labelling import label
from spk.formats.transcripts.transcript import Line, Span, Transcript, Word, aligned, split_words
from spk.timeline import Segment, Timeline, Turn

WHISPERX = {
    "segments": [
        {
            "start": 0.5,
            "end": 3.0,
            "text": " It is 5, yes. Who?",
            "avg_logprob": -0.2,
            "words": [
                {"word": "It", "start": 0.5, "end": 0.7, "score": 0.9},
                {"word": "is", "start": 0.8, "end": 1.0, "score": 0.8},
                {"word": "5,"},
                {"word": "yes.", "start": 1.6, "end": 2.0, "score": 0.7},
                {"word": "Who?", "start": 2.4, "end": 3.0, "score": 0.7},
            ],
        }
    ],
    "language": "en",
}
WHISPERX["word_segments"] = [dict(word) for word in WHISPERX["segments"][0]["words"]]
CPP = {
    "systeminfo": "x",
    "transcription": [
        {
            "timestamps": {"from": "00:00:00,500", "to": "00:00:03,000"},
            "offsets": {"from": 500, "to": 3000},
            "text": " It was so. Who?",
            "tokens": [
                {"text": "[_BEG_]", "offsets": {"from": 500, "to": 500}, "id": 50364},
                {"text": " It", "offsets": {"from": 500, "to": 800}, "id": 1},
                {"text": " wa", "offsets": {"from": 800, "to": 1000}, "id": 2},
                {"text": "s", "offsets": {"from": 1000, "to": 1200}, "id": 3},
                {"text": " so.", "offsets": {"from": 1200, "to": 2000}, "id": 4},
                {"text": " Who", "offsets": {"from": 2400, "to": 2800}, "id": 5},
                {"text": "?", "offsets": {"from": 2800, "to": 3000}, "id": 6},
                {"text": "[_TT_150]", "offsets": {"from": 3000, "to": 3000}, "id": 50514},
            ],
        }
    ],
}
VTT = """WEBVTT - call
Kind: captions

STYLE
::cue {}

first
00:00.500 --> 00:00:03.000 align:start
<v Old Name><i>It</i> is 5 &amp; 6, yes.</v>

NOTE nothing

00:00:03.000 --> 00:00:04.000
Who?<00:00:03.500><c> Me.</c>
"""
SRT = "1\n00:00:00,500 --> 00:00:03,000\n- It is <i>5</i>, yes.\n- Who?\n\n7\n00:00:03,000 --> 00:00:04,000\nann: Me.\n"
CTM = ";; words\ntalk 1 0.50 0.2 It 0.9\ntalk 1 0.8 0.20 is NA lex\ntalk 1 2.4 0.6 Who? 0.5 lex old\n"
TURNS = Timeline([Turn(Segment(0, 2.2), "ann"), Turn(Segment(2.2, 5), "Bo Lee")])


def read(tmp_path: Path, content: Any, name: str = "talk.x", names: tuple[str, ...] = ()) -> Transcript:
    path = tmp_path / name
    if not isinstance(content, str | bytes):
        content = json.dumps(content)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_transcript(path, names)


def named(tmp_path: Path, content: Any, form: str | None = None) -> str:
    transcript = label(read(tmp_path, content, names=TURNS.labels), TURNS)
    return write_transcript(transcript, TranscriptFormat(form) if form else None, recording="talk")


def spans(transcript: Transcript) -> list[tuple[float, float, str]]:
    return [(line.span.start, line.span.end, " ".join(line.text.split())) for line in transcript.lines]


def test_whisperx(tmp_path: Path) -> None:
    found = json.loads(named(tmp_path, WHISPERX))
    first, second = found["segments"]
    assert (first["text"], first["start"], first["end"], first["speaker"]) == (" It is 5, yes.", 0.5, 2.0, "ann")
    assert (second["text"], second["start"], second["end"], second["speaker"]) == (" Who?", 2.4, 3.0, "Bo Lee")
    assert first["words"][2] == {"word": "5,", "speaker": "ann"}
    assert first["words"][3] == {**WHISPERX["segments"][0]["words"][3], "speaker": "ann"}
    assert [word["speaker"] for word in found["word_segments"]] == ["ann"] * 4 + ["Bo Lee"]
    assert (found["language"], second["avg_logprob"]) == ("en", -0.2)


def test_openai_whisper_without_words(tmp_path: Path) -> None:
    segments = [
        {"id": 0, "seek": 0, "start": 0, "end": 4.4, "text": " This is one. Yes, it is.", "tokens": [1]},
        {"id": 1, "start": 4.4, "end": 5.0, "text": " Two", "tokens": [2], "temperature": 0.0},
    ]
    found = json.loads(named(tmp_path, {"text": "...", "segments": segments}))
    assert found["text"] == "..."
    assert [(one["id"], one["text"], one["speaker"]) for one in found["segments"]] == [
        (0, " This is one.", "ann"),
        (1, " Yes, it is.", "Bo Lee"),
        (2, " Two", "Bo Lee"),
    ]
    assert [one.get("tokens") for one in found["segments"]] == [None, None, [2]]


@pytest.mark.parametrize("listed", [True, False])
def test_faster_whisper(tmp_path: Path, listed: bool) -> None:
    words: list[Any] = [[0.5, 0.7, " It", 0.9], [2.5, 2.8, " is", 0.8], [2.8, 3.0, " so.", 0.8]]
    if not listed:
        words = [dict(zip(("start", "end", "word", "probability"), word, strict=True)) for word in words]
    segments = [
        {"id": 1, "start": 0.5, "end": 3.0, "text": " It is so.", "words": words},
        {"start": 4, "end": 5, "text": ""},
    ]
    first, second, last = json.loads(named(tmp_path, segments))
    assert first["words"] == [{"start": 0.5, "end": 0.7, "word": " It", "probability": 0.9, "speaker": "ann"}]
    assert (second["text"], second["speaker"]) == (" is so.", "Bo Lee")
    assert last == {"start": 4, "end": 5, "text": ""}


def test_a_transcript_that_was_labelled_is_labelled_anew(tmp_path: Path) -> None:
    once = named(tmp_path, WHISPERX)
    assert named(tmp_path, once) == once
    other = label(read(tmp_path, once), Timeline([Turn(Segment(0, 1.2), "eve")]))
    found = json.loads(write_transcript(other, recording="talk"))
    assert "speaker" not in found["segments"][1]
    assert [word.get("speaker") for word in found["word_segments"]] == ["eve"] * 4 + [None]
    for form in ("vtt", "srt"):
        assert named(tmp_path, named(tmp_path, WHISPERX, form)) == named(tmp_path, WHISPERX, form)


def test_whisper_cpp(tmp_path: Path) -> None:
    found = json.loads(named(tmp_path, CPP))
    first, second = found["transcription"]
    assert (first["text"], first["speaker"], first["offsets"]) == (" It was so.", "ann", {"from": 500, "to": 2000})
    assert second["timestamps"] == {"from": "00:00:02,400", "to": "00:00:03,000"}
    assert [token["id"] for token in second["tokens"]] == [5, 6, 50514]
    assert {token["speaker"] for token in first["tokens"]} == {"ann"}
    assert found["systeminfo"] == "x"
    assert spans(read(tmp_path, CPP)) == [(0.5, 3.0, "It was so. Who?")]


def test_whisper_cpp_cuts_letters_in_half(tmp_path: Path) -> None:
    entry = {"offsets": {"from": 0, "to": 900}, "text": " na\u00efve"}
    entry["tokens"] = [{"text": text, "offsets": {"from": 0, "to": 900}} for text in (" na", "#", "$", "ve")]
    content = json.dumps({"transcription": [entry]}, ensure_ascii=False).encode()
    content = content.replace(b'"#"', b'"\xc3"').replace(b'"$"', b'"\xaf"')
    found = named(tmp_path, content)
    assert '"speaker": "ann"' in found
    assert b'"\xc3"' in found.encode("utf-8", "surrogateescape")
    assert "na\u00efve" in named(tmp_path, content, "text")


def test_vtt(tmp_path: Path) -> None:
    assert named(tmp_path, VTT) == (
        "WEBVTT - call\nKind: captions\n\nSTYLE\n::cue {}\n\n"
        "first\n00:00:00.500 --> 00:00:03.000 align:start\n<v ann><i>It</i> is 5 &amp; 6, yes.\n\n"
        "00:00:03.000 --> 00:00:04.000\n<v Bo Lee>Who?<00:00:03.500><c> Me.</c>\n"
    )
    words = [word for line in read(tmp_path, VTT).lines for word in line.words]
    assert [word.text.strip() for word in words] == ["It", "is", "5", "&", "6,", "yes.", "Who?", "Me."]
    assert [word.span for word in words[5:]] == [None, Span(3.0, 3.5), Span(3.5, 4.0)]


def test_srt(tmp_path: Path) -> None:
    assert named(tmp_path, SRT) == (
        "1\n00:00:00,500 --> 00:00:02,219\nann: It is <i>5</i>, yes.\n\n"
        "2\n00:00:02,219 --> 00:00:03,000\nBo Lee: Who?\n\n"
        "3\n00:00:03,000 --> 00:00:04,000\nBo Lee: Me.\n"
    )
    assert read(tmp_path, SRT.replace("ann:", "Note:")).lines[1].text == "Note: Me."
    assert read(tmp_path, SRT.replace("ann:", "[SPEAKER_01]:")).lines[1].text == "Me."


def test_ctm(tmp_path: Path) -> None:
    assert named(tmp_path, CTM) == (
        "talk 1 0.500 0.200 It 0.9 lex ann\n"
        "talk 1 0.800 0.200 is NA lex ann\n"
        "talk 1 2.400 0.600 Who? 0.5 lex Bo%20Lee\n"
    )
    assert spans(read(tmp_path, CTM)) == [(0.5, 1.0, "It is"), (2.4, 3.0, "Who?")]
    assert read(tmp_path, "", "empty.ctm").lines == ()


@pytest.mark.parametrize("content", [WHISPERX, CPP, VTT, SRT, CTM], ids=["whisperx", "cpp", "vtt", "srt", "ctm"])
@pytest.mark.parametrize("form", ["json", "vtt", "srt", "text", "ctm"])
def test_every_format_becomes_every_other(tmp_path: Path, content: Any, form: str) -> None:
    text = named(tmp_path, content, form)
    assert "ann" in text
    assert "Who?" in text
    assert "Bo%20Lee" in text if form == "ctm" else "Bo Lee" in text
    if form != "text":
        (tmp_path / "talk.again").write_text(text, encoding="utf-8")
        again = read_transcript(tmp_path / "talk.again", TURNS.labels)
        first = next(word.text.strip(" -") for line in again.lines for word in line.words if word.text.strip(" -"))
        assert first == "It"


@pytest.mark.parametrize("mark", [codecs.BOM_UTF8, codecs.BOM_UTF16_LE, b""])
@pytest.mark.parametrize("content", [json.dumps(WHISPERX), json.dumps(CPP), VTT, SRT, CTM])
def test_marks_and_line_ends(tmp_path: Path, mark: bytes, content: str) -> None:
    plain = named(tmp_path, content)
    encoded = content.replace("\n", "\r\n").encode("utf-16-le" if mark == codecs.BOM_UTF16_LE else "utf-8")
    assert named(tmp_path, mark + encoded) == plain


WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1, max_size=8)
NUMBERS = st.none() | st.floats() | st.integers(-5, 10**400) | st.text(max_size=2) | st.booleans()
ENTRIES = st.dictionaries(
    st.sampled_from(["start", "end", "text", "word", "words", "speaker", "id"]),
    NUMBERS | st.lists(st.dictionaries(st.sampled_from(["word", "start", "end"]), NUMBERS), max_size=3),
)


@given(st.lists(st.tuples(WORDS, st.none() | st.floats(0, 100)), max_size=9), st.floats(0, 50), st.floats(0, 50))
def test_json_survives(tmp_path_factory, words: list, start: float, length: float) -> None:
    entries = [{"word": word} | ({"start": at, "end": at + 0.5} if at is not None else {}) for word, at in words]
    text = " " + " ".join(word for word, _ in words)
    document = {"segments": [{"start": start, "end": start + length, "text": text, "words": entries, "x": [1]}]}
    folder = tmp_path_factory.mktemp("json")
    transcript = read(folder, document)
    assert [word.text.strip() for word in transcript.lines[0].words] == [word for word, _ in words]
    assert transcript.lines[0].text == (text if words else "")
    assert json.loads(write_transcript(transcript, recording="x")) == document


@given(st.dictionaries(st.sampled_from(["segments", "transcription", "text"]), st.lists(ENTRIES, max_size=3) | NUMBERS))
def test_any_json_is_read_or_refused(tmp_path_factory, document: Any) -> None:
    folder = tmp_path_factory.mktemp("json")
    try:
        transcript = label(read(folder, document), TURNS)
    except FormatError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017 - some are right
    else:
        for form in TranscriptFormat:
            write_transcript(transcript, form, recording="x").encode()


@given(st.binary(max_size=200) | st.text('0123456789:,.-> \nWEBVTT<v>[{"', max_size=120).map(str.encode))
def test_any_bytes_are_read_or_refused(tmp_path_factory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("bytes")
    try:
        transcript = label(read(folder, content), TURNS)
    except FormatError as error:
        assert str(error).startswith(str(folder))  # noqa: PT017 - some are right
        assert len(str(error).splitlines()) == 1  # noqa: PT017 - as above
    else:
        for form in TranscriptFormat:
            write_transcript(transcript, form, recording="x")


CUES = st.lists(
    st.tuples(st.integers(0, 10**7), st.integers(1, 10**5), st.lists(WORDS, min_size=1, max_size=5)), min_size=1
)


@given(CUES, st.sampled_from(["vtt", "srt"]))
def test_subtitles_survive_to_the_millisecond(tmp_path_factory, cues: list, form: str) -> None:
    folder = tmp_path_factory.mktemp("cues")
    lines = tuple(
        Line(Span(start / 1000, (start + length) / 1000), split_words(" ".join(words).replace("->", "")))
        for start, length, words in cues
    )
    text = write_transcript(Transcript("whisper", lines), TranscriptFormat(form), recording="x")
    again = read(folder, text)
    assert [(line.span.start, line.span.end) for line in again.lines] == [
        (pytest.approx(line.span.start), pytest.approx(line.span.end)) for line in lines
    ]
    if form == "vtt":
        assert [line.text for line in again.lines] == [line.text for line in lines]
        assert write_transcript(again, recording="x") == text


@given(st.lists(st.tuples(st.floats(0, 1e5), st.floats(0, 9), WORDS), min_size=1, max_size=9))
def test_ctm_survives_to_the_millisecond(tmp_path_factory, words: list) -> None:
    spoken = tuple(Word(f"{word} ", Span(start, start + length)) for start, length, word in words)
    text = write_transcript(Transcript("whisper", (Line(Span(0, 1), spoken),)), TranscriptFormat.CTM, recording="a b")
    again = read(tmp_path_factory.mktemp("ctm"), text, "x.ctm")
    found = [(word.text, word.span.start) for line in again.lines for word in line.words]
    assert found == [(f"{word} ", pytest.approx(start, abs=0.00051)) for start, _, word in words]
    assert write_transcript(again, recording="other") == text


@given(st.text(max_size=40), st.lists(WORDS, max_size=6))
def test_aligned_pieces_are_the_text(text: str, words: list[str]) -> None:
    pieces = list(aligned(text, words))
    assert len(pieces) == len(words)
    spoken = " ".join(words)
    assert "".join(aligned(spoken, words)) == spoken


@pytest.mark.parametrize(
    ("content", "reason", "line"),
    [
        ('{"segments": [\n{]}', "is no JSON", 2),
        ('{"segments": 5}', 'no list of "segments"', None),
        ("[1]", 'no list of "segments"', None),
        ('{"turns": []}', 'no list of "segments"', None),
        ("[" * 100_000, "is no JSON that can be read", None),
        ('{"segments": [{"text": "a"}]}', "segment 1 has no start", None),
        ('{"segments": [{"text": 1, "start": 0, "end": 1}]}', "segment 1 has no text", None),
        ('{"segments": [{"text": "a", "start": 0, "end": 1, "words": [1]}]}', "segment 1 has a word", None),
        ('{"transcription": 1}', "is no list", None),
        ('{"transcription": [{"text": "a"}]}', "line 1 of the transcription", None),
        ('{"transcription": [{"text": "a", "offsets": {"from": 0, "to": 1}, "tokens": [1]}]}', "tokens", None),
        (b'{"segments": [{"text": "\xe9"}]}', "save it as UTF-8", None),
        ("WEBVTT\n\n00:00.000 --> soon\nhello\n", "no time", 3),
        ("WEBVTT\n\n00:01.000 --> 00:02.000\nhello\n00:03.000 --> 00:04.000\nagain\n", "empty line is missing", 3),
        ("1\n00:00:01,000 --> 00:00:02,000\nhello\n\nx\n0:0:0:1 --> 3\nhello\n", "no time", 6),
        ("talk 1 0 1 a\ntalk 1 0 b\n", "5 to 8 fields", 2),
        ("talk 1 0 1 a\ntalk 1 * * <ALT_BEGIN>\n", "alternatives", 2),
        ("talk 1 0 1 a\ntalk 1 0 -1 a\n", "cannot last", 2),
        ("talk 1 0 1 a\ntalk 1 x 1 a\n", "no time", 2),
        ("talk 1 0 1 a\nother 1 0 1 a\n", "second recording", 2),
        ("Once upon a time\n", "is no transcript", None),
        ("", "is no transcript", None),
    ],
)
def test_wrong_files(tmp_path: Path, content: str | bytes, reason: str, line: int | None) -> None:
    with pytest.raises(FormatError) as caught:
        read(tmp_path, content)
    assert reason in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path / 'talk.x'}{f':{line}' if line else ''}: ")
