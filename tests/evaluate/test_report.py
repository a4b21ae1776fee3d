"""The page stands alone and says what was measured; its tables agree with the numbers."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser

import numpy as np
import pytest

from spk.evaluate.measures import measure
from spk.evaluate.report import page
from spk.evaluate.results import Evaluation, Probe, Searches
from spk.evaluate.tables import tables

VOID = {"meta", "br", "img"}


class Checked(HTMLParser):
    """Collects what a page is made of, and whether its elements are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: Counter[str] = Counter()
        self.headings: list[str] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if given.get("id"):
            self.ids[given["id"]] += 1
        assert "src" not in given
        if tag in ("a", "link", "image"):
            assert not (given.get("href") or "").startswith(("http", "//"))
        if tag in ("h1", "h2", "h3"):
            self.headings.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def made(evaluation) -> tuple[str, Checked]:
    text = page(evaluation, measure(evaluation))
    checked = Checked()
    checked.feed(text)
    return text, checked


def test_the_page_is_well_formed_and_alone(made) -> None:
    text, checked = made
    assert checked.open == []
    assert max(checked.ids.values()) == 1
    assert checked.headings[0] == "h1"
    assert not re.search(r"<script|@import|url\((?!#)", text)
    for target in re.findall(r'url\(#([^)]+)\)|xlink:href="#([^"]+)"', text):
        assert "".join(target) in checked.ids
    assert len(text) < 1_000_000


def test_what_the_page_says(made) -> None:
    text, checked = made
    plots = ("DET curve", "Calibration", "LLRs by class", "Scores by class", "Tippett plot", "FNIR against FPIR")
    for title in (*plots, "Verdicts by net speech", "DER by file"):
        assert title in checked.text
    assert text.count("<svg") == 8
    assert text.count("<figcaption>") == 8
    assert "32 of 8" not in checked.text
    assert "33 of 8 enrolled people, 16 of 4 strangers; 1 were refused" in checked.text


def test_markup_in_names_is_text(searches) -> None:
    some = searches(3.0)
    probes = list(some.probes)
    probes[0] = Probe("<script>alert(1)</script>.wav", "person0", True, 3.0, "known", "person1", 0.9)
    named = Evaluation({"list": "<b>.csv"}, Searches(some.people, tuple(probes), some.score, some.llr, some.claim))
    text = page(named, measure(named))
    assert "<script" not in text
    assert "<b>.csv" not in text
    assert "&lt;script&gt;" in text


def test_tables_agree_with_the_measures(evaluation: Evaluation) -> None:
    measures = measure(evaluation)
    made = {table.title: table for table in tables(evaluation, measures)}
    assert list(made) == ["Trials", "Searches", "Verdicts", "Net speech", "Look-alikes", "Diarization"]
    eer = measures.detection["llr"]["eer"]
    [row] = [row for row in made["Trials"].rows if row[0] == "EER, %"]
    assert row[2] == f"{100 * eer.value:.2f} ({100 * eer.low:.2f}-{100 * eer.high:.2f})"
    assert made["Diarization"].rows[-1][:2] == ("all together", "20.00")
    assert all(len(row) == len(table.columns) for table in made.values() for row in table.rows)


def test_pages_of_parts(evaluation: Evaluation, claims, searches) -> None:
    """Trials alone, conversations alone, and searches that lack a kind of trial."""
    some = searches()
    rows = ~some.enrolled
    strangers = tuple(probe for probe in some.probes if not probe.enrolled)
    nobody = Searches(some.people, strangers, some.score[rows], some.llr[rows], some.claim[rows])
    for part, plots in (
        (Evaluation({}, None, claims), 5),
        (Evaluation({}, talks=evaluation.talks), 1),
        (Evaluation({}, nobody), 1),
        (Evaluation({}, searches()), 7),
    ):
        checked = Checked()
        text = page(part, measure(part))
        checked.feed(text)
        assert checked.open == []
        assert text.count("<svg") == plots


def test_one_trial_of_each_kind() -> None:
    probes = (
        Probe("a.wav", "ann", True, 1.0, "known", "ann", 0.9),
        Probe("b.wav", "bob", True, 1.0, "unsure", None, 0.5),
    )
    numbers = np.array([[2.0, -2.0], [-2.0, 2.0]])
    small = Evaluation({}, Searches(("ann", "bob"), probes, numbers, numbers, numbers))
    assert "<svg" in page(small, measure(small))
