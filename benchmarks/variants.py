"""Many files from few radiographs: the same pixels in files with different contents.

A free field of the format contains a number: a text chunk of PNG, a comment of JPEG, the preamble
of DICOM. Drawing a phantom takes a tenth of a second, too long for the files of an accelerator.
"""

from __future__ import annotations

import zlib
from pathlib import Path

from benchmarks.archives import Kind

_END_OF_PNG = 12  # length, name and checksum of the empty chunk IEND


def write_variants(originals: Path, folder: Path, kind: Kind, count: int) -> None:
    """Write ``count`` different files of the originals, in turn."""
    folder.mkdir(parents=True)
    contents = [(each.suffix, each.read_bytes()) for each in sorted(originals.iterdir())]
    for number in range(count):
        suffix, content = contents[number % len(contents)]
        (folder / f"{number:07}{suffix}").write_bytes(variant(content, kind, number))


def variant(content: bytes, kind: Kind, number: int) -> bytes:
    """Return the file with a number in it. Raises ValueError for a kind with several formats."""
    note = f"{number:08}".encode()
    if kind is Kind.PNG:
        named = b"tEXtComment\0" + note
        chunk = (len(named) - 4).to_bytes(4) + named + zlib.crc32(named).to_bytes(4)
        return content[:-_END_OF_PNG] + chunk + content[-_END_OF_PNG:]
    if kind is Kind.JPEG:
        return content[:2] + b"\xff\xfe" + (2 + len(note)).to_bytes(2) + note + content[2:]
    if kind is Kind.DICOM:
        return note + content[len(note) :]
    raise ValueError(f"{kind} has several formats")
