"""Label tracks as Audacity writes them, and what is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import read, refused


def test_audacity(tmp_path: Path) -> None:
    text = (
        "2.5\t3.25\tBo Ek\n"  # out of order
        "0.500000\t2.750000\tann\r\n"
        "\\\t120.000000\t4000.000000\r\n"  # what the label above covers of the spectrum
        "\n"
        "3.000000\t4.000000\t\n"  # no name
        "3.000000\t4.000000\n"
        "5.000000\t5.000000\ta point\n"
        "-0,250000\t1,500000\tann\n"  # a decimal comma, and before the beginning
        "-2.0\t-1.0\tann\n"
        "6\t7\ta tab\there\n"
    )
    assert read(tmp_path, "labels.txt", text) == [
        (0.0, 1.5, "ann"),
        (0.5, 2.75, "ann"),
        (2.5, 3.25, "Bo Ek"),
        (6.0, 7.0, "a tab\there"),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("4\t3.5\tann", "ends before it starts: 4 s to 3.5 s"),
        ("4 5 ann", "with tabs between"),
        ("4\tfive\tann", '"five" is no time'),
        ("nan\t5\tann", '"nan" is no time'),
        ("4\t1e999\tann", '"1e999" is no time'),
    ],
)
def test_no_audacity(tmp_path: Path, line: str, reason: str) -> None:
    refused(tmp_path, "labels.txt", f"0.5\t2.75\tann\n{line}\n", 2, reason)
