"""Bad input of every kind: one clear line that names it, exit status 2, and nothing stored."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from .conftest import ANN, BOB, COMMAND, Demo, Spk

RATE = 16_000
NOISE = np.random.default_rng(1).normal(0, 0.1, 5 * RATE).astype(np.float32)


@dataclass(frozen=True)
class Kit:
    """What bad input is made from."""

    spk: Spk
    demo: Demo
    voice: Path

    def file(self, name: str, content: bytes | str = b"") -> str:
        data = content.encode() if isinstance(content, str) else content
        (self.spk.folder / name).write_bytes(data)
        return name

    def sound(self, name: str, samples: Any, **how: Any) -> str:
        soundfile.write(self.spk.folder / name, samples, RATE, **how)
        return name

    def part(self, name: str, share: float = 0.5) -> str:
        """The voice in the format of that name, cut off."""
        self.sound(name, self.samples)
        data = (self.spk.folder / name).read_bytes()
        return self.file(name, data[: int(len(data) * share)])

    @property
    def samples(self) -> np.ndarray:
        return soundfile.read(self.voice, dtype="float32")[0]

    def turns(self, name: str, *lines: str) -> list[str]:
        """An RTTM file of those lines for the demo dialogue, as arguments."""
        return ["--turns", self.file(name, "".join(f"{line}\n" for line in lines)), str(self.demo.recording)]


@pytest.fixture(scope="module")
def kit(tmp_path_factory, enrolled_once: Spk, demo: Demo) -> Kit:
    spk = enrolled_once.copy(tmp_path_factory.mktemp("bad") / "home")
    return Kit(spk, demo, demo.cut(spk.folder / "voice.wav", *BOB))


@dataclass(frozen=True)
class Bad:
    """A way to use spk wrongly.

    Attributes:
        make: Makes the input, and returns the command's arguments.
        says: What the line must say, as a regular expression; it must name the input.
        environment: Of the command.
    """

    make: Callable[[Kit], Sequence[object]]
    says: str
    environment: tuple[tuple[str, str], ...] = ()


def enroll(make: Callable[[Kit], str], says: str) -> Bad:
    """A recording that cannot be enrolled."""
    return Bad(lambda kit: ["enroll", "eve", make(kit)], says)


def damaged(kit: Kit) -> str:
    kit.sound("damaged.flac", kit.samples)
    data = bytearray((kit.spk.folder / "damaged.flac").read_bytes())
    data[len(data) // 2 :][:3000] = bytes(3000)
    data[len(data) // 2 : len(data) // 2 + 3000] = bytes(3000)
    return kit.file("damaged.flac", bytes(data))


def with_value(kit: Kit, value: float) -> str:
    samples = kit.samples
    samples[1000] = value
    return kit.sound(f"{value}.wav", samples, subtype="FLOAT")


def picture() -> bytes:
    """A PNG of one grey pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">2I5B", 1, 1, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0\x80")) + chunk(b"IEND", b"")


def fifo(kit: Kit) -> str:
    os.mkfifo(kit.spk.folder / "fifo.wav")
    return "fifo.wav"


def folder(kit: Kit) -> str:
    (kit.spk.folder / "folder.wav").mkdir()
    return "folder.wav"


TURN = "SPEAKER sample 1 14.70 3.20 <NA> <NA> bob <NA> <NA>"
LATE = "SPEAKER sample 1 29.00 4.00 <NA> <NA> bob <NA> <NA>"

RECORDINGS = {
    "missing": enroll(lambda _: "gone.wav", r"gone\.wav: no such file"),
    "empty": enroll(lambda kit: kit.file("empty.wav"), r"empty\.wav: is empty \(0 bytes\)"),
    "truncated wav": enroll(lambda kit: kit.part("cut.wav"), r"cut\.wav: is cut off"),
    "truncated flac": enroll(lambda kit: kit.part("cut.flac"), r"cut\.flac: .*cut off"),
    "truncated mp3": enroll(lambda kit: kit.part("cut.mp3"), r"cut\.mp3: .*cut off"),
    "truncated ogg": enroll(lambda kit: kit.part("cut.ogg"), r"cut\.ogg: is cut off"),
    "header alone": enroll(lambda kit: kit.part("head.wav", 0.0001), r"head\.wav: "),
    "damaged flac": enroll(damaged, r"damaged\.flac: .*damaged"),
    "zero-length": enroll(lambda kit: kit.sound("zero.wav", NOISE[:0]), r"zero\.wav: holds no audio"),
    "nan": enroll(lambda kit: with_value(kit, np.nan), r"nan\.wav: .*NaN"),
    "infinite": enroll(lambda kit: with_value(kit, np.inf), r"inf\.wav: .*infinite"),
    "integers as floats": enroll(
        lambda kit: kit.sound("scale.wav", kit.samples * 32768, subtype="FLOAT"), r"scale\.wav: .*full scale is 1"
    ),
    "silent": enroll(lambda kit: kit.sound("silent.wav", NOISE * 0), r"silent\.wav: holds no speech"),
    "white noise": enroll(lambda kit: kit.sound("white.wav", NOISE), r"white\.wav: holds no speech"),
    "a tone": enroll(
        lambda kit: kit.sound("tone.wav", 0.3 * np.sin(np.arange(5 * RATE) * 0.17)), r"tone\.wav: holds no speech"
    ),
    "clipped": enroll(
        lambda kit: kit.sound("loud.wav", np.clip(kit.samples * 60, -1, 1)), r"loud\.wav: .*% of it is clipped"
    ),
    "drowned": enroll(lambda kit: kit.sound("drowned.wav", kit.samples[: len(NOISE)] * 0.3 + NOISE), r"drowned\.wav: "),
    "too short": enroll(lambda kit: kit.sound("short.wav", kit.samples[:3000]), r"short\.wav: "),
    "text": enroll(lambda kit: kit.file("text.wav", "This is text.\n" * 50), r"text\.wav: is no recording"),
    "a picture": enroll(lambda kit: kit.file("picture.wav", picture()), r"picture\.wav: is no recording"),
    "zeros": enroll(lambda kit: kit.file("zeros.wav", bytes(5000)), r"zeros\.wav: is no recording"),
    "a playlist": enroll(lambda kit: kit.file("list.m3u8", "#EXTM3U\nvoice.wav\n"), r"list\.m3u8: is no recording"),
    "a directory": enroll(folder, r"folder\.wav: is a directory"),
    "a pipe": enroll(fifo, r"fifo\.wav: is not a regular file"),
    "a device": enroll(lambda _: "/dev/zero", r"/dev/zero: is not a regular file"),
    "a name too long": enroll(lambda _: "x" * 5000, r"x: cannot be opened"),
    "a folder that is a file": enroll(lambda _: "voice.wav/voice.wav", r"voice\.wav/voice\.wav: cannot be opened"),
    "someone else": enroll(lambda _: "voice.wav", r"voice\.wav: this voice is enrolled as bob"),
    "silence identified": Bad(lambda kit: ["identify", kit.sound("s.wav", NOISE * 0)], r"s\.wav: holds no speech"),
    "silence as one voice": Bad(
        lambda kit: ["identify", "--single", kit.sound("s.wav", NOISE * 0)], r"s\.wav: holds no speech"
    ),
    "noise verified": Bad(lambda kit: ["verify", "ann", kit.sound("n.wav", NOISE)], r"n\.wav: holds no speech"),
    "a syllable verified": Bad(
        lambda kit: ["verify", "ann", kit.sound("w.wav", kit.samples[2000:3500])], r"w\.wav: .*(too short|no speech)"
    ),
    "noise diarized": Bad(lambda kit: ["diarize", kit.sound("n.wav", NOISE)], r"n\.wav: holds no speech"),
    "silence in channels": Bad(
        lambda kit: ["diarize", "--channels", "split", kit.sound("two.wav", np.zeros((RATE, 2)))],
        r"two\.wav: holds no speech",
    ),
}
NOBODY = "3f99f69e-543b-4b67-b12e-40cc944b8e25"
NAMES = {
    "empty": ("", "a name cannot be empty"),
    "spaces": ("   ", "a name cannot be empty"),
    "a line break": ("a\nb", "control characters"),
    "a terminal code": ("\x1b[31mred", "control characters"),
    "no text": ("\udcff", "control characters or undecodable bytes"),
    "too long": ("x" * 300, "at most 200 characters, this one 300"),
    "a label": ("unknown-abcd", "unknown-abcd"),
    "an id": (NOBODY, f'no speaker "{NOBODY}".*somebody new needs a name that is no id'),
}
FILES = (
    {
        f"name: {kind}": Bad(lambda _, name=name: ["enroll", name, "voice.wav"], says)  # type: ignore[misc]
        for kind, (name, says) in NAMES.items()
    }
    | {
        "turns: missing": Bad(lambda _: ["enroll", "--turns", "gone.rttm", "voice.wav"], r"gone\.rttm: no such file"),
        "turns: empty": Bad(lambda kit: ["enroll", *kit.turns("e.rttm")], r"e\.rttm: holds no turns"),
        "turns: binary": Bad(
            lambda kit: ["enroll", "--turns", kit.file("b.rttm", NOISE.tobytes()[:2000]), "voice.wav"],
            r"b\.rttm:1: is not",
        ),
        "turns: negative": Bad(
            lambda kit: ["enroll", *kit.turns("n.rttm", TURN, TURN.replace("14.70", "-4.70"))], r"n\.rttm:2: .*-4\.7"
        ),
        "turns: no duration": Bad(
            lambda kit: ["enroll", *kit.turns("d.rttm", TURN.replace("3.20", "-1"))], r"d\.rttm:1: .*must end after"
        ),
        "turns: no number": Bad(
            lambda kit: ["enroll", *kit.turns("x.rttm", TURN.replace("3.20", "long"))],
            r'x\.rttm:1: "long" is no number',
        ),
        "turns: fields": Bad(lambda kit: ["enroll", *kit.turns("f.rttm", TURN[:30])], r"f\.rttm:1: .* 10 fields"),
        "turns: another format": Bad(
            lambda kit: ["enroll", "--turns", kit.file("t.txt", "1.0\t9.0\tbob\n"), "voice.wav"],
            r"t\.txt: is in the format audacity, not RTTM: .*spk import .*t\.txt --format rttm.* spk apply",
        ),
        "turns: encoding": Bad(
            lambda kit: [
                "enroll",
                "--turns",
                kit.file("l.rttm", TURN.replace("bob", "Zoë").encode("latin-1")),
                "voice.wav",
            ],
            r"l\.rttm:1: is not UTF-8 text: save it",
        ),
        "turns: past the end": Bad(
            lambda kit: ["enroll", *kit.turns("p.rttm", LATE)], r"p\.rttm: .*33\.00 s, but .*30\.00"
        ),
        "turns: several recordings": Bad(
            lambda kit: ["enroll", *kit.turns("s.rttm", TURN.replace("sample", "a"), TURN.replace("sample", "b"))],
            r"s\.rttm: holds turns of 2 recordings \(\w+, \w+\): sample is none of them",
        ),
        "turns: nobody": Bad(
            lambda kit: ["enroll", *kit.turns("o.rttm", TURN.replace("bob", "<NA>"))], r"o\.rttm:1: .*names no speaker"
        ),
        "turns: no name": Bad(
            lambda kit: ["enroll", *kit.turns("m.rttm", TURN.replace("bob", "SPEAKER_00"))], "add --map SPEAKER_00=NAME"
        ),
        "turns: impossible name": Bad(
            lambda kit: ["enroll", *kit.turns("i.rttm", TURN.replace("bob", "x" * 300))], r"i\.rttm: .*at most 200"
        ),
        "turns: an id": Bad(
            lambda kit: ["enroll", *kit.turns("y.rttm", TURN.replace("bob", NOBODY))],
            r"y\.rttm: .*a name that is no id",
        ),
        "turns: bad recording": Bad(
            lambda kit: ["enroll", *kit.turns("r.rttm", TURN)[:2], kit.file("t.wav", "text")],
            r"t\.wav: is no recording",
        ),
        "turns: two recordings": Bad(
            lambda kit: ["enroll", *kit.turns("w.rttm", TURN), "voice.wav"], r"w\.rttm belongs to one recording"
        ),
        "turns: a csv": Bad(
            lambda kit: ["enroll", *kit.turns("c.csv", "speaker,file", "eve,voice.wav")],
            r"c\.csv: is in the format csv, not RTTM",
        ),
        "table: missing": Bad(lambda _: ["enroll", "--manifest", "gone.csv"], r"gone\.csv: no such file"),
        "table: empty": Bad(lambda kit: ["enroll", "--manifest", kit.file("e.csv")], r"e\.csv:1: has no column"),
        "table: header alone": Bad(
            lambda kit: ["enroll", "--manifest", kit.file("h.csv", "speaker,file\n")], r"h\.csv: names nobody"
        ),
        "table: column": Bad(
            lambda kit: ["enroll", "--manifest", kit.file("c.csv", "speaker,path\neve,voice.wav\n")],
            r"c\.csv:1: has no column file",
        ),
        "table: recording": Bad(
            lambda kit: ["enroll", "--manifest", kit.file("r.csv", "speaker,file\neve,gone.wav\n")],
            r"gone\.wav: no such file",
        ),
        "table: no times": Bad(
            lambda kit: [
                "enroll",
                "--manifest",
                kit.file("t.csv", "speaker,file,start,end\neve,voice.wav,soon,late\n"),
            ],
            r't\.csv:2: "soon" to "late" are no times',
        ),
        "table: start after end": Bad(
            lambda kit: ["enroll", "--manifest", kit.file("s.csv", "speaker,file,start,end\neve,voice.wav,5,2\n")],
            r"s\.csv:2: .*must end after it starts",
        ),
        "table: past the end": Bad(
            lambda kit: ["enroll", "--manifest", kit.file("p.csv", "speaker,file,start,end\neve,voice.wav,5,99\n")],
            r"voice\.wav: ends at 9\.29 s, before 99 s",
        ),
        "table: quotes": Bad(
            lambda kit: ["enroll", "--manifest", kit.file("q.csv", 'speaker,file\neve,"voice.wav\n')],
            r"q\.csv:2: is no table",
        ),
        "table: encoding": Bad(
            lambda kit: ["enroll", "--manifest", kit.file("l.csv", "speaker,file\nZoë,voice.wav\n".encode("latin-1"))],
            r"l\.csv:\d: is not UTF-8 text",
        ),
        "table: impossible name": Bad(
            lambda kit: ["enroll", "--manifest", kit.file("n.csv", "speaker,file\nunknown-abcd,voice.wav\n")],
            r"n\.csv: .*unknown-abcd",
        ),
        "trials: missing": Bad(lambda _: ["verify", "--trials", "gone.txt"], r"gone\.txt: no such file"),
        "trials: empty": Bad(
            lambda kit: ["verify", "--trials", kit.file("e.txt", "# none\n")], r"e\.txt: holds no trials"
        ),
        "trials: quotes": Bad(
            lambda kit: ["verify", "--trials", kit.file("q.txt", "ann 'voice.wav\n")], r"q\.txt:1: no closing quotation"
        ),
        "trials: one field": Bad(
            lambda kit: ["verify", "--trials", kit.file("o.txt", "ann voice.wav\nann\n")],
            r"o\.txt:2: a trial is two fields",
        ),
    }
)
OPTIONS = {
    "from after to": Bad(lambda _: ["enroll", "eve", "voice.wav", "--from", 4, "--to", 1], r"--from 4 --to 1: "),
    "from past the end": Bad(
        lambda _: ["enroll", "eve", "voice.wav", "--from", 50, "--to", 60], r"voice\.wav: ends at .* before 60 s"
    ),
    "from alone": Bad(lambda _: ["enroll", "eve", "voice.wav", "--from", 1], "--from and --to belong together"),
    "from is no number": Bad(lambda _: ["enroll", "eve", "voice.wav", "--from", "nan", "--to", "inf"], "finite times"),
    "from in two files": Bad(
        lambda _: ["enroll", "eve", "voice.wav", "voice.wav", "--from", 1, "--to", 2], "times in one recording"
    ),
    "map unknown": Bad(
        lambda kit: ["enroll", *kit.turns("u.rttm", TURN), "--map", "SPEAKER_07=eve"],
        r"--map SPEAKER_07: u\.rttm has no",
    ),
    "map malformed": Bad(
        lambda kit: ["enroll", *kit.turns("m.rttm", TURN), "--map", "bob"], "--map bob: write it as LABEL=NAME"
    ),
    "map without turns": Bad(
        lambda _: ["enroll", "eve", "voice.wav", "--map", "a=b"], "--map names the labels of --turns"
    ),
    "turns and a table": Bad(
        lambda kit: ["enroll", *kit.turns("b.rttm", TURN), "--manifest", "b.csv"], "give one of them"
    ),
    "a table and a name": Bad(lambda _: ["enroll", "eve", "voice.wav", "--manifest", "b.csv"], r"b\.csv names people"),
    "no recording": Bad(lambda _: ["enroll", "eve"], "say whom to enroll from which recordings"),
    "two counts": Bad(
        lambda _: ["diarize", "voice.wav", "--speakers", 2, "--min-speakers", 2], "--speakers says it all"
    ),
    "counts the wrong way": Bad(
        lambda _: ["identify", "voice.wav", "--min-speakers", 4, "--max-speakers", 2], "at most 2 speakers"
    ),
    "no speakers": Bad(lambda _: ["diarize", "voice.wav", "--speakers", 0], "there cannot be 0 speakers"),
    "channels and a count": Bad(
        lambda _: ["diarize", "voice.wav", "--channels", "split", "--speakers", 2], "--channels split says"
    ),
    "single and channels": Bad(lambda _: ["identify", "voice.wav", "--single", "--channels", "split"], "--single says"),
    "a rate of nothing": Bad(lambda _: ["identify", "voice.wav", "--fpir", 0], "between 0 and 1, not at 0: try 0.01"),
    "a rate of two": Bad(lambda _: ["verify", "ann", "voice.wav", "--fpir", 2], "between 0 and 1, not at 2: try 0.01"),
    "no rate": Bad(lambda _: ["identify", "voice.wav", "--fpir", "nan"], "not at nan"),
    "a rate in words": Bad(lambda _: ["identify", "voice.wav", "--fpir", "low"], "'--fpir'.*see `spk identify --help`"),
    "a rate set wrongly": Bad(lambda _: ["identify", "voice.wav"], "fpir is a number", (("SPK_FPIR", "low"),)),
    "half a cost": Bad(lambda _: ["verify", "ann", "voice.wav", "--cost", "miss=1"], "'miss=1' does not say false"),
    "another cost": Bad(lambda _: ["identify", "voice.wav", "--cost", "fear=1"], "'fear=1' is no part of a cost"),
    "a rate and a cost": Bad(
        lambda _: ["identify", "voice.wav", "--fpir", 0.1, "--cost", "miss=1,false=10,prior=0.3"],
        "cost and fpir cannot be set together: leave one of them out",
    ),
    "an impossible prior": Bad(lambda _: ["identify", "voice.wav", "--prior-unknown", 1], "not at 1: try 0.5"),
    "a misspelt attendee": Bad(
        lambda _: ["identify", "voice.wav", "--attendees", "ann,bop"], 'no speaker "bop" .*did you mean "bob"'
    ),
    "no attendees": Bad(lambda _: ["identify", "voice.wav", "--attendees", ","], "--attendees names nobody"),
    "attendees and strangers": Bad(
        lambda _: ["identify", "voice.wav", "--attendees", "ann", "--enroll-unknown"], "leave out one of them"
    ),
    "no such person": Bad(lambda _: ["verify", "anne", "voice.wav"], 'no speaker "anne" .*did you mean "ann"'),
    "nobody to show": Bad(lambda _: ["speakers", "show", "eve"], 'no speaker "eve"'),
    "nobody to rename": Bad(lambda _: ["speakers", "rename", "eve", "adam"], 'no speaker "eve"'),
    "nobody to merge with": Bad(lambda _: ["speakers", "merge", "ann", "eve"], 'no speaker "eve"'),
    "merged with itself": Bad(lambda _: ["speakers", "merge", "ann", "ann"], "cannot be merged with itself"),
    "nobody to delete": Bad(lambda _: ["speakers", "delete", "eve", "--yes"], 'no speaker "eve"'),
    "nobody says yes": Bad(lambda _: ["speakers", "delete", "ann"], "ann was not erased: say yes, or add --yes"),
    "nobody to export": Bad(lambda _: ["speakers", "export", "ann", "eve"], 'no speaker "eve"'),
    "a name that is taken": Bad(lambda _: ["speakers", "rename", "ann", "bob"], "bob"),
    "an impossible new name": Bad(lambda _: ["speakers", "rename", "ann", "unknown-abcd"], "unknown-abcd: such labels"),
    "an id for a name": Bad(lambda _: ["speakers", "rename", "ann", NOBODY], f"{NOBODY}: such ids stand for people"),
    "no such stranger": Bad(lambda _: ["unknowns", "name", "unknown-abcd", "eve"], 'no speaker "unknown-abcd"'),
    "no stranger": Bad(lambda _: ["unknowns", "discard", "ann"], "ann is no stranger"),
    "no such gallery": Bad(lambda _: ["identify", "voice.wav", "--gallery", "defualt"], 'no gallery "defualt"'),
    "no such model": Bad(lambda _: ["verify", "ann", "voice.wav", "--model", "ecapaa"], "ecapaa.*there are: ecapa"),
    "no such model set": Bad(lambda _: ["verify", "ann", "voice.wav"], "model cannot be 'x'", (("SPK_MODEL", "x"),)),
    "no such weights": Bad(lambda _: ["models", "show", "ecapaa"], "no model is called 'ecapaa'"),
    "no such device": Bad(lambda _: ["verify", "ann", "voice.wav", "--device", "tpu"], "device cannot be 'tpu'"),
    "no such precision": Bad(lambda _: ["verify", "ann", "voice.wav", "--precision", "8"], "precision cannot be '8'"),
    "no threads": Bad(lambda _: ["verify", "ann", "voice.wav", "--threads", -1], "there cannot be -1 threads"),
    "threads set wrongly": Bad(
        lambda _: ["verify", "ann", "voice.wav"], "threads is a number", (("SPK_THREADS", "x"),)
    ),
    "threads in words": Bad(
        lambda _: ["diarize", "voice.wav", "--threads", "two"], "'--threads'.*see `spk diarize --help`"
    ),
    "no such option": Bad(lambda _: ["diarize", "voice.wav", "--speeches", 2], "--speeches.*see `spk diarize --help`"),
    "no such format": Bad(lambda _: ["diarize", "voice.wav", "--format", "pdf"], "'--format'.*rttm"),
    "no such command": Bad(lambda _: ["identfy", "voice.wav"], "identfy.*identify"),
    "nothing to identify": Bad(lambda _: ["identify"], "FILE.*see `spk identify --help`"),
    "nowhere to write": Bad(
        lambda _: ["diarize", "voice.wav", "-o", "no/where.rttm"], r"no/where\.rttm: .*no folder no"
    ),
    "a folder to write": Bad(lambda _: ["speakers", "export", "-o", "."], r"^spk: \.: cannot be written"),
    "the recording to write": Bad(
        lambda _: ["diarize", "voice.wav", "-o", "./voice.wav"], r"voice\.wav: is the input itself"
    ),
}


@pytest.mark.parametrize(
    "bad",
    [pytest.param(bad, id=name) for kind in (RECORDINGS, FILES, OPTIONS) for name, bad in kind.items()],
)
def test_bad_input(kit: Kit, bad: Bad) -> None:
    before, voice = kit.spk.stored(), kit.voice.read_bytes()
    result = kit.spk(*bad.make(kit), status=2, **dict(bad.environment))
    assert result.out == ""
    [line] = result.complaints
    assert line.startswith("spk: ")
    assert re.search(bad.says, line), line
    assert kit.spk.stored() == before
    assert kit.voice.read_bytes() == voice
    assert sorted(path.name for path in kit.spk.home.iterdir() if not path.name.endswith(("-shm", "-wal"))) == HOME


HOME = [".lock", "clips", "index", "spk.db"]


@pytest.mark.parametrize("kind", ["noise", "music"])
def test_what_is_no_speech(kit: Kit, corpus, kind: str) -> None:
    files = corpus.files(kind)[:3]
    before = kit.spk.stored()
    refused = kit.spk("enroll", "eve", *files, status=2)
    assert refused.out == ""
    assert [line.startswith(f"spk: {file}: ") for line, file in zip(refused.complaints, files, strict=False)]
    assert len(refused.complaints) == len(files) + 1
    assert kit.spk.stored() == before


def test_names_that_are_paths_are_only_names(tmp_path, demo: Demo) -> None:
    """Nothing is ever written under a person's name."""
    spk = Spk(tmp_path, tmp_path / "a" / "b" / "home")
    spk("enroll", "../../x", demo.cut(tmp_path / "voice.wav", *BOB))
    name = "../../x"
    for new in ("'; DROP TABLE speakers; --", "-v"):
        spk("speakers", "rename", "--", name, new)
        name = new
    assert list(spk.people()) == ["-v"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "voice.wav"]


def test_a_graphics_card_that_is_not_there(kit: Kit) -> None:
    """`--device cuda` where torch finds none: said, and not quietly done on the processor."""
    before = kit.spk.stored()
    result = kit.spk("verify", "ann", "voice.wav", "--device", "cuda", status=2, CUDA_VISIBLE_DEVICES="")
    [line] = result.complaints
    assert "no GPU that torch can use: choose --device cpu" in line
    assert kit.spk.stored() == before


def test_models_that_cannot_be_had(kit: Kit, tmp_path) -> None:
    """No cache, no folder, and a network that does not answer: one line that says what to do."""
    nowhere = {"SPK_CACHE": str(tmp_path / "cache"), "SPK_MODELS": str(tmp_path), "HF_ENDPOINT": "http://127.0.0.1:9"}
    nowhere |= {"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_RETRIES": "0", "PIP_CONFIG_FILE": os.devnull}
    result = kit.spk("verify", "ann", "voice.wav", status=2, **nowhere)
    [line] = result.complaints
    assert "cannot be fetched" in line
    assert "SPK_MODELS" in line


# Homes


def home_cases(kit: Kit, folder: Path) -> Iterator[tuple[Path, str]]:
    """Homes that cannot be used, and what is said of each."""
    (folder / "file").write_text("a file")
    yield folder / "file", "a file stands where a folder is needed"
    yield folder / "file" / "below", "a file stands where a folder is needed"
    shutil.copytree(kit.spk.home, folder / "newer")
    with closing(sqlite3.connect(folder / "newer" / "spk.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    yield folder / "newer", "written by a newer spk .*upgrade"
    for name, content in (("text", b"this is no database\n" * 400), ("torn", None)):
        shutil.copytree(kit.spk.home, folder / name)
        database_file = folder / name / "spk.db"
        data = database_file.read_bytes()
        database_file.write_bytes(content or data[:4096] + b"\xa5" * (len(data) - 4096))
        yield folder / name, "not a database of spk, or damaged"
    other = folder / "other"
    other.mkdir()
    with closing(sqlite3.connect(other / "spk.db")) as database, database:
        database.execute("CREATE TABLE recipes (name TEXT)")
    yield other, "a database of another program"
    for number, (text, says) in enumerate(
        (
            ("model = ", r"spk\.toml: is no TOML"),
            ("modle = 'ecapa'", r"spk\.toml: no setting is called 'modle'"),
            ("home = '/elsewhere'", r"spk\.toml: no setting is called 'home'"),
            ("gallery = 3", "gallery is a name"),
            ("threads = [2]", "threads is a number"),
            ("model = 5", "model cannot be 5"),
        )
    ):
        wrong = folder / f"toml{number}"
        wrong.mkdir()
        (wrong / "spk.toml").write_text(text)
        yield wrong, says
    wrong = folder / "latin"
    wrong.mkdir()
    (wrong / "spk.toml").write_bytes("gallery = 'Zoë'".encode("latin-1"))
    yield wrong, r"spk\.toml: cannot be read \(it is not UTF-8 text\)"


def test_homes(kit: Kit, tmp_path) -> None:
    for home, says in home_cases(kit, tmp_path):
        before = (home / "spk.db").read_bytes() if (home / "spk.db").is_file() else None
        [line] = kit.spk("enroll", "eve", "voice.wav", "--home", home, status=2).complaints
        assert re.search(says, line), line
        assert str(home) in line or says.endswith(("name", "number", "5"))
        if before is not None:
            assert (home / "spk.db").read_bytes() == before


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that every user may reach."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def as_nobody(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run spk without root's right to read and write everything."""
    prefix: tuple[str, ...] = ()
    if os.geteuid() == 0:
        if not shutil.which("setpriv"):
            pytest.skip("root may do everything, and setpriv is not installed")
        prefix = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
        probe = subprocess.run([*prefix, *COMMAND, "--version"], capture_output=True, cwd=folder, check=False)
        if probe.returncode:
            pytest.skip("another user may not run this Python")
    environment = {**os.environ, "HOME": str(folder)}
    command = [*prefix, *COMMAND, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, check=False)


def test_without_permission(kit: Kit, public: Path) -> None:
    voice = public / "voice.wav"
    shutil.copy(kit.voice, voice)
    shutil.copytree(kit.spk.home, public / "home")
    for home, mode in ((public / "home", 0o555), (public / "new", None), (public / "closed", 0o000)):
        if mode is not None:
            home.mkdir(exist_ok=True)
            home.chmod(mode)
        public.chmod(0o555)
        try:
            refused = as_nobody("enroll", "eve", voice, "--home", home, folder=public)
        finally:
            public.chmod(0o755)
            if mode is not None:
                home.chmod(0o755)
        assert refused.returncode == 2
        [line] = refused.stderr.splitlines()
        assert str(home) in line
        assert "permission" in line.lower()
    private = public / "private.wav"
    shutil.copy(kit.voice, private)
    private.chmod(0)
    (public / "theirs").mkdir()
    (public / "theirs").chmod(0o777)
    refused = as_nobody("enroll", "eve", private, "--home", public / "theirs" / "home", folder=public)
    assert refused.returncode == 2
    assert refused.stderr == f"spk: {private}: may not be read: give yourself permission (chmod +r)\n"
    assert not (public / "theirs" / "home" / "spk.db").exists()


LIMITED = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
os.execv(sys.argv[2], sys.argv[2:])
"""


def test_no_room_for_the_file(kit: Kit, demo: Demo, tmp_path) -> None:
    """The database may not grow: what is there stays, and the next attempt with room succeeds."""
    spk = kit.spk.copy(tmp_path / "home")
    ann = demo.cut(tmp_path / "ann.wav", *ANN)
    before = spk.stored()
    for size in (0, 1 << 10, 1 << 14):
        command = [sys.executable, "-c", LIMITED, str(size), *COMMAND, "enroll", "ann", str(ann)]
        done = subprocess.run(command, capture_output=True, text=True, env=spk.environment(), check=False)
        assert done.returncode == 2, done
        [line] = done.stderr.splitlines()
        assert str(spk.home) in line
        assert spk.stored() == before
    assert "ann: 1 added" in spk("enroll", "ann", ann).out


def test_full_disk(kit: Kit, demo: Demo, tmp_path) -> None:
    """A file system of its own that fills up while people are enrolled into it."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small file system can be mounted by root alone")
    try:
        spk = kit.spk.copy(disk / "home")
        before = spk.stored()
        room = os.statvfs(disk)
        (disk / "ballast").write_bytes(bytes(room.f_bavail * room.f_frsize - 8192))
        ann = demo.cut(tmp_path / "ann.wav", *ANN)
        [line] = spk("enroll", "ann", ann, status=2).complaints
        assert "the disk is full, nothing was stored: free some space and try again" in line
        (disk / "ballast").unlink()
        assert spk.stored() == before
        assert "ann: 1 added" in spk("enroll", "ann", ann).out
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], capture_output=True, check=False)


def test_a_full_disk_behind_standard_output(kit: Kit) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    with Path("/dev/full").open("w") as full:
        process = kit.spk.start("speakers", "list", stdout=full, stderr=subprocess.PIPE)
        error = process.communicate()[1]
    assert process.returncode == 2
    assert error.splitlines()[0] == "spk: No space left on device" or "No space left" in error
