"""GDCM in a separate process: ``python -m tests.encodings.gdcm_reader``.

It reads one path per line and prints one line: an error, or the shape and the file of the values.
In one process its codecs and those of thoraq corrupt memory.
"""

from __future__ import annotations

import sys
from pathlib import Path

import gdcm
import numpy as np


def read(path: Path, values: Path) -> str:
    """Save the first sample of every pixel, inverted for MONOCHROME1; return the line to print."""
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
    """Answer each line until the input ends."""
    for trace in ("WarningOff", "ErrorOff", "DebugOff"):
        getattr(gdcm.Trace, trace)()
    for line in sys.stdin:
        path = Path(line.rstrip("\n"))
        try:
            answer = read(path, path.with_suffix(".npy"))
        except Exception as exc:  # noqa: BLE001 - every error is a result
            answer = type(exc).__name__
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
