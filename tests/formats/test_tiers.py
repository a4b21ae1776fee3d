"""TextGrids as Praat and others write them, what is typed into ours, and what is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from spk.formats.turns import read_turns

from .conftest import read, refused

SHORT = """File type = "ooTextFile"
Object class = "TextGrid"

0
6
<exists>
{count}
{tiers}"""
TIER = '"IntervalTier"\n"{name}"\n0\n6\n3\n0\n1.5\n"{first}"\n1.5\n3\n""\n3\n6\n"{last}"\n'


def grid(*tiers: str) -> str:
    return SHORT.format(count=len(tiers), tiers="".join(tiers))


def test_one_tier_holds_names(tmp_path: Path) -> None:
    text = grid(TIER.format(name="who", first=' ann ""A"" ', last="bo\nek"))
    assert read(tmp_path, "t.TextGrid", text) == [(0.0, 1.5, 'ann "A"'), (3.0, 6.0, "bo\nek")]


def test_several_tiers_are_people(tmp_path: Path) -> None:
    points = '"TextTier"\n"clicks"\n0\n6\n1\n2.5\n"click"\n'
    text = grid(TIER.format(name="ann", first="hello", last="  "), points, TIER.format(name="bo", first="", last="yes"))
    assert read(tmp_path, "t.TextGrid", text) == [(0.0, 1.5, "ann"), (3.0, 6.0, "bo")]
    assert read(tmp_path, "u.TextGrid", grid(TIER.format(name="a", first="ann", last="bo"), points))[1][2] == "bo"


def test_what_is_typed_into_our_tiers(tmp_path: Path) -> None:
    """A name before an id moves a turn, another tier's name does, and other texts do not."""
    texts = (("ann", "id=t1", "carol id=t2"), ("bo", "ann", "coughs"), ("eve", "dan", "id="))
    tiers = [TIER.format(name=name, first=first, last=last) for name, first, last in texts]
    path = tmp_path / "t.TextGrid"
    path.write_text(grid(*tiers))
    assert [(turn.label, turn.id) for turn in read_turns(path)] == [
        *(("ann", "t1"), ("ann", None), ("eve", None)),
        *(("bo", None), ("carol", "t2"), ("eve", None)),
    ]


def test_the_long_form_as_praat_writes_it(tmp_path: Path) -> None:
    text = '''File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 2.3
tiers? <exists>
size = 1
item []:
    item [1]:
        class = "IntervalTier"
        name = "who"  ! a comment with "quotes"
        xmin = 0
        xmax = 2.3
        intervals: size = 2
        intervals [1]:
            xmin = -0.1
            xmax = 1,15
            text = "Zoë! 3 ""x"""
        intervals [2]:
            xmin = 1.15
            xmax = 2.3
            text = ""
'''
    expected = [(0.0, 1.15, 'Zoë! 3 "x"')]
    assert read(tmp_path, "t.TextGrid", text) == expected
    assert read(tmp_path, "t.TextGrid", b"\xfe\xff" + text.replace("\n", "\r\n").encode("utf-16-be")) == expected
    assert read(tmp_path, "t.TextGrid", grid().replace("<exists>\n0\n", "<absent>\n")) == []


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ("TextGrid", "PitchTier", 2, "is no TextGrid"),
        ("IntervalTier", "Tier", 8, '"Tier" is no kind of tier'),
        ('"IntervalTier"\n', "", 8, "no kind of tier"),
        ('"who"', "7", 9, "a text is missing"),
        ("<exists>\n", "", 6, "<exists> is missing"),
        ("\n3\n0\n", "\n3.5\n0\n", 12, "no number of things"),
        ("\n3\n0\n", "\n4\n0\n", 21, "ends where a time should come"),
        ("1.5\n3\n", "3\n1.5\n", 16, ""),
        ('"bo"', '"bo', 21, "opened here and not closed"),
        ("0\n1.5\n", "0\nx\n", 15, "a time is missing"),
        ("3\n6\n", "6\n3\n", 19, "ends before it starts: 6 s to 3 s"),
    ],
)
def test_no_textgrid(tmp_path: Path, old: str, new: str, line: int, reason: str) -> None:
    text = grid(TIER.format(name="who", first="ann", last="bo"))
    assert old in text
    if old == "1.5\n3\n":  # an empty interval that is turned round is wrong, too
        refused(tmp_path, "t.TextGrid", text.replace(old, new), line, "ends before")
    else:
        where = text.rindex(old) if old == "3\n6\n" else text.index(old)
        refused(tmp_path, "t.TextGrid", text[:where] + new + text[where + len(old) :], line, reason)


def test_a_text_without_end(tmp_path: Path) -> None:
    refused(tmp_path, "t.TextGrid", grid('"IntervalTier"\n"' + "endless \n" * 200_000), 9, "not closed")
