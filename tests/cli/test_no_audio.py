"""Where nothing is to be kept to listen to, no command leaves audio anywhere."""

from __future__ import annotations

from pathlib import Path

from servers.traces import audio_in

ANN = ((10.57, 14.49), (18.6, 21.49))


def test_no_command_leaves_audio(spk, demo, tmp_path: Path) -> None:
    given, written, temporary = (tmp_path / name for name in ("given", "written", "temporary"))
    for folder in (given, written, temporary):
        folder.mkdir()
    ann = demo.cut(given / "ann.wav", *ANN)
    dialogue = demo.cut(given / "dialogue.wav", (0.0, 30.0))
    turns = given / "turns.rttm"
    text = demo.turns.read_text()
    for was, now in (("sample", "dialogue"), ("speaker90", "ann"), ("speaker91", "bob")):
        text = text.replace(was, now)
    turns.write_text(text)
    quiet = {"SPK_KEEP_AUDIO": "none", "TMPDIR": str(temporary)}
    for command in (
        ("enroll", "ann", ann),
        ("identify", dialogue, "--enroll-unknown"),
        ("verify", "ann", ann),
        ("who-is", ann),
        ("apply", turns, "--recording", dialogue, "--all", "--force"),
        ("speakers", "disclose", "ann", written / "ann.zip"),
        ("store", "export", written / "all.spk"),
    ):
        spk(*command, **quiet)
    assert spk.people().keys() >= {"ann", "bob"}
    assert audio_in((spk.home, written, temporary), ann, dialogue) == []
    assert len(audio_in([given])) == 2


def test_it_would_be_found(spk, demo, tmp_path: Path) -> None:
    spk("enroll", "ann", demo.cut(tmp_path / "ann.wav", *ANN), SPK_KEEP_AUDIO="clips")
    assert len(audio_in([spk.home])) == 1
