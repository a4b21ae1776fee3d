"""Lists of trials."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spk.errors import FormatError
from spk.formats.trials import Trial, read_trials

FIELDS = st.text(st.characters(exclude_characters="\0\r\n", codec="utf-8"), min_size=1) | st.sampled_from(
    ["#1", "a#b", "0", "1", "target", "nontarget", "it's", '"', "\\", "a b.wav", "$HOME", "😀.wav", "-x"]
)
TRIALS = st.builds(Trial, FIELDS, FIELDS, st.none() | st.booleans())


@given(TRIALS)
def test_a_trial_survives(trial: Trial) -> None:
    assert Trial.parse(trial.serialize()) == trial


@given(st.lists(TRIALS))
def test_a_file_of_trials_survives(tmp_path_factory, trials: list[Trial]) -> None:
    path = tmp_path_factory.mktemp("trials") / "trials.txt"
    path.write_bytes("".join(f"{trial.serialize()}\n" for trial in trials).encode())
    assert list(read_trials(path)) == trials


@given(st.text())
def test_any_other_line_is_a_format_error(text: str) -> None:
    try:
        trial = Trial.parse(text, source="trials.txt", line=3)
    except FormatError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017 - some lines are trials
    else:
        assert Trial.parse(trial.serialize()) == trial


def test_comments_and_blank_lines(tmp_path: Path) -> None:
    path = tmp_path / "trials.txt"
    path.write_bytes('\ufeff# who, what\r\n\r\n  # more\n alice\t"first call.wav" \nenrolled.wav take#2.wav'.encode())
    assert list(read_trials(path)) == [Trial("alice", "first call.wav"), Trial("enrolled.wav", "take#2.wav")]


@pytest.mark.parametrize(
    ("line", "trial"),
    [
        ("alice a.wav target", Trial("alice", "a.wav", same=True)),
        ("'Ann Lee' a.wav nontarget", Trial("Ann Lee", "a.wav", same=False)),
        ("1 id1/a.wav id1/b.wav", Trial("id1/a.wav", "id1/b.wav", same=True)),
        ("0 id1/a.wav id2/b.wav", Trial("id1/a.wav", "id2/b.wav", same=False)),
        ("1 a.wav nontarget", Trial("1", "a.wav", same=False)),  # somebody called 1
        ("1 a.wav", Trial("1", "a.wav")),
    ],
)
def test_what_is_true_of_a_trial(line: str, trial: Trial) -> None:
    assert Trial.parse(line) == trial


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("alice", "this line has 1"),
        ("1 a.wav b.wav target", "this line has 4"),
        ("2 a.wav b.wav", "this line has 3"),
        ("alice a.wav Target", "this line has 3"),
        ("alice first call.wav", "this line has 3"),
        ("alice ''", "this line has 1"),
        ("alice 'first call.wav", "no closing quotation"),
        ("alice call.wav\\", "no escaped character"),
    ],
)
def test_wrong_lines(tmp_path: Path, line: str, reason: str) -> None:
    path = tmp_path / "trials.txt"
    path.write_text(f"alice a.wav\n\n{line}", encoding="utf-8")
    trials = read_trials(path)
    assert next(trials) == Trial("alice", "a.wav")
    with pytest.raises(FormatError, match=reason) as caught:
        next(trials)
    assert caught.value.line == 3


def test_a_line_break_cannot_be_written() -> None:
    for enroll, test in (("a\nb", "c"), ("a", "\r"), ("", "c")):
        with pytest.raises(FormatError, match="empty or holds a line break"):
            Trial(enroll, test)
