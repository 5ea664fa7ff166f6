"""GDCM in a process of its own: ``python -m tests.encodings.gdcm_reader``.

It takes a path a line and answers a line: what kept it from reading, or a shape and where the
values are. Beside the codecs that thoraq loads, its own corrupt the memory of a process.
"""

from __future__ import annotations

import sys
from pathlib import Path

import gdcm
import numpy as np


def read(path: Path, values: Path) -> str:
    """Save the first sample of every pixel, dark where low is bright; say what it came to."""
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    if not reader.Read():
        return "not opened"
    image = reader.GetImage()
    layout = image.GetPixelFormat()
    samples = layout.GetSamplesPerPixel()
    photometric = image.GetPhotometricInterpretation().GetString()
    if photometric.startswith("PALETTE"):
        return "a palette, which it leaves alone"
    buffer = image.GetBuffer()
    data = buffer.encode("utf-8", "surrogateescape") if isinstance(buffer, str) else buffer
    columns, rows = image.GetDimension(0), image.GetDimension(1)
    sign = "i" if layout.GetPixelRepresentation() else "u"
    words = np.frombuffer(data, f"{sign}{layout.GetBitsAllocated() // 8}")
    stored = words[: rows * columns * samples]
    if samples == 1:
        grey = stored.reshape(rows, columns)
    elif image.GetPlanarConfiguration():
        grey = stored.reshape(samples, rows, columns)[0]
    else:
        grey = stored.reshape(rows, columns, samples)[..., 0]
    of_sign = grey.astype(np.int64)
    np.save(values, -of_sign if photometric.startswith("MONOCHROME1") else of_sign)
    return "read"


def main() -> None:
    """Answer until the input ends."""
    for trace in ("WarningOff", "ErrorOff", "DebugOff"):
        getattr(gdcm.Trace, trace)()
    for line in sys.stdin:
        path = Path(line.rstrip("\n"))
        try:
            answer = read(path, path.with_suffix(".npy"))
        except Exception as exc:  # noqa: BLE001 - whatever it raises is its opinion
            answer = type(exc).__name__
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
