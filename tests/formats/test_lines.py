"""Text files that cannot be read, for every reader of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from spk.errors import FormatError
from spk.formats.manifest import read_manifest
from spk.formats.rttm import read_rttm
from spk.formats.trials import read_trials

Reader = Callable[[Path], Iterable[object]]
READERS = pytest.mark.parametrize("reader", [read_rttm, read_manifest, read_trials])


def refused(reader: Reader, path: Path) -> str:
    with pytest.raises(FormatError) as caught:
        list(reader(path))
    assert len(str(caught.value).splitlines()) == 1
    return caught.value.reason


@READERS
def test_no_file(tmp_path: Path, reader: Reader) -> None:
    assert "no such file" in refused(reader, tmp_path / "none\n.txt")
    assert "directory" in refused(reader, tmp_path)
    os.mkfifo(tmp_path / "fifo")
    assert "device" in refused(reader, tmp_path / "fifo")
    assert "device" in refused(reader, Path("/dev/zero"))
    assert "cannot be read" in refused(reader, Path("nul\0"))
    assert "cannot be read" in refused(reader, tmp_path / ("long" * 100))


@READERS
def test_no_permission(tmp_path: Path, reader: Reader) -> None:
    path = tmp_path / "secret.txt"
    path.touch(0)
    root = os.geteuid() == 0
    if root:
        tmp_path.chmod(0o777)
        os.seteuid(65534)  # root may read everything
    try:
        assert "may not be read" in refused(reader, path)
    finally:
        if root:
            os.seteuid(0)


@READERS
@pytest.mark.parametrize("content", [bytes(range(256)), b"\x89PNG\r\n\x1a\n\0", b"a,b\n\0", b"\xff\xfeA"])
def test_binary(tmp_path: Path, reader: Reader, content: bytes) -> None:
    path = tmp_path / "binary"
    path.write_bytes(content)
    assert refused(reader, path)
