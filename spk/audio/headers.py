"""What a file's own header promises. libsndfile says nothing when a WAV, AIFF or Ogg file breaks off."""

from __future__ import annotations

import os
import struct
import zlib
from typing import BinaryIO

__all__ = ["fault", "is_mpeg", "mpeg_frames", "unclosed_wav"]

_SLACK = 8  # bytes: some writers count the chunk's own header, which holds no audio
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))

# Frame lengths of MPEG audio follow from tables in ISO 11172-3 and 13818-3 (kbit/s, Hz).
_MPEG1_LAYER2 = (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384)
_MPEG1_LAYER3 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MPEG2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_MPEG_RATES = (44_100, 48_000, 32_000)


def fault(file: BinaryIO) -> str | None:
    """What is wrong with a WAV, AIFF, AU, W64 or Ogg file, if it breaks off; None for all others."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(24)
    if head[:4] == b"OggS":
        return _ogg_fault(file)
    promised = None
    if head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64", b"FORM"):
        promised = _chunked_end(file)
    elif head[:4] == b".snd" and len(head) == 24:
        offset, length = struct.unpack(">2I", head[4:12])
        promised = None if _is_placeholder(length) else offset + length
    elif head[:4] == b"riff" and len(head) == 24:  # Sony Wave64
        (length,) = struct.unpack("<Q", head[16:24])
        promised = None if length >> 63 else length
    if promised is None or promised <= size + _SLACK:
        return None
    return f"it has {size:,} bytes where its header promises {promised:,}"


def unclosed_wav(file: BinaryIO) -> bool:
    """Whether this is a WAV whose data chunk claims to be empty and is not: nobody filled in its size."""
    file.seek(0)
    if file.read(4) != b"RIFF" or not (data := _data_chunk(file)):
        return False
    start, length = data
    return length == 0 and file.seek(0, os.SEEK_END) > start


def is_mpeg(file: BinaryIO) -> bool:
    """Whether this may be an MP3 or MP2."""
    file.seek(0)
    head = file.read(3)
    return head == b"ID3" or (len(head) == 3 and head[0] == 0xFF and head[1] >= 0xE0)


def mpeg_frames(file: BinaryIO) -> int | None:
    """Samples a channel of an MP3 or MP2 that does not say its length, counted frame by frame; else None.

    libsndfile takes the length of such a file from the bit rate of its first frame. Where the rate varies,
    that loses most of the file without a word.
    """
    file.seek(0)
    head = file.read(10)
    if head[:3] == b"ID3" and len(head) == 10:
        size = 0
        for byte in head[6:10]:  # seven bits each
            size = size << 7 | byte & 0x7F
        file.seek(10 + size)
    else:
        file.seek(0)
    samples = 0
    while frame := _mpeg_frame(file.read(4)):
        length, count = frame
        body = file.read(length - 4)
        if not samples and any(tag in body[:64] for tag in (b"Xing", b"Info", b"VBRI")):
            return None
        samples += count
    return samples or None


def _mpeg_frame(header: bytes) -> tuple[int, int] | None:
    """Length in bytes and samples of the frame that starts so; None when none does."""
    if len(header) < 4 or header[0] != 0xFF or header[1] < 0xE0:
        return None
    version, layer = (
        header[1] >> 3 & 3,
        4 - (header[1] >> 1 & 3),
    )  # version: 3 = MPEG 1, 2 = MPEG 2, 0 = MPEG 2.5
    bit_rate, rate, padding = header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    if version == 1 or layer not in (2, 3) or bit_rate in (0, 15) or rate == 3:
        return None
    if version == 3:
        kilobits, divisor = (_MPEG1_LAYER2 if layer == 2 else _MPEG1_LAYER3)[bit_rate], 1
    else:
        kilobits, divisor = _MPEG2[bit_rate], 2 if version == 2 else 4
    samples = 576 if layer == 3 and version != 3 else 1152
    return samples // 8 * kilobits * 1000 // (_MPEG_RATES[rate] // divisor) + padding, samples


def _chunked_end(file: BinaryIO) -> int | None:
    """Where the audio of a WAV or AIFF ends if all of it is there; None where it does not say."""
    data = _data_chunk(file)
    return sum(data) if data and not _is_placeholder(data[1]) else None


def _data_chunk(file: BinaryIO) -> tuple[int, int] | None:
    """Start and promised length in bytes of the chunk that holds the audio."""
    file.seek(0)
    head = file.read(4)
    order = ">" if head in (b"RIFX", b"FORM") else "<"
    at, wide = 12, None
    for _ in range(1000):  # chunks; files have a dozen
        file.seek(at)
        chunk = file.read(8)
        if len(chunk) < 8:
            return None
        name, (length,) = chunk[:4], struct.unpack(order + "I", chunk[4:])
        if name == b"ds64" and len(sizes := file.read(16)) == 16:
            (wide,) = struct.unpack("<Q", sizes[8:])  # RF64: the sizes that do not fit into 32 bits
        if name in (b"data", b"SSND"):
            return at + 8, wide if length == 0xFFFFFFFF and wide is not None else length
        at += 8 + length + length % 2
    return None


def _is_placeholder(length: int) -> bool:
    """What programs write that cannot know the size yet, because they write to a pipe."""
    return length == 0 or 0x7FFF0000 <= length <= 0x80000000 or 0xFFFF0000 <= length <= 0xFFFFFFFF


def _ogg_fault(file: BinaryIO) -> str | None:
    """Checks the pages one by one (RFC 3533); decoders skip damaged ones and close the gap."""
    file.seek(0)
    last = False  # has the page been seen that says it is the last one?
    while head := file.read(27):
        if len(head) < 27 or head[:4] != b"OggS":
            return None if last else "the Ogg pages break off"
        lengths = file.read(head[26])
        body = file.read(sum(lengths))
        if len(lengths) < head[26] or len(body) < sum(lengths):
            return "its last Ogg page breaks off"
        # The checksum is taken with zeros in its own place. Unlike zlib's it starts at 0, is not inverted,
        # and takes the bits of a byte the other way round.
        page = (head[:22] + bytes(4) + head[26:] + lengths + body).translate(_MIRRORED)
        checksum = (zlib.crc32(page, 0xFFFFFFFF) ^ 0xFFFFFFFF).to_bytes(4, "big").translate(_MIRRORED)
        if checksum != head[22:26]:
            return "one of its Ogg pages is damaged"
        last = bool(head[5] & 4)
    return None
