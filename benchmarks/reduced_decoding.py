"""Time and accuracy of decoding at reduced size: ``python -m benchmarks.reduced_decoding``.

Real radiographs of 512 px are enlarged to an ordinary size with smooth interpolation and mild
noise, stored in each syntax that can be decoded at several sizes, and read at full and reduced
size; real DICOM files are read unchanged. Times are CPU time of this process for reading and
preparing.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydicom.uid import JPEG2000, UID, JPEG2000Lossless, JPEGBaseline8Bit

from network.card import shipped_card
from network.input import ENOUGH_PX, prepare
from network.prediction import Predicts
from network.predictor_choice import load_predictor
from radiograph.image import Radiograph
from radiograph.measurement import to_file
from radiograph.measures.ict import measure_ict
from radiograph.phantom.encoding import Storage, Study, dicom, jpeg
from radiograph.reading import ReadLimits, read
from radiograph.records import ERROR_FRAME_PX, IctThresholds

_STORAGES = {
    "JPEG 2000 lossless, 12 bits": Storage(JPEG2000Lossless),
    "JPEG 2000 lossless, 16 bits": Storage(JPEG2000Lossless, bits=16, inverse=True),
    "JPEG 2000 lossy, 12 bits": Storage(JPEG2000, window=True),
    "JPEG baseline, 8 bits": Storage(JPEGBaseline8Bit, bits=8),
    "JPEG file": None,
}
_SIZES = ((1024, 1024), (2500, 2048))
_STUDY = Study("BENCH", UID("1.2.3"), UID("1.2.4"), UID("1.2.5"), "B", date(2020, 1, 1))


@dataclass(frozen=True, slots=True)
class Read:
    """A radiograph read at one size. ``points``: (19, 2) in pixels of the file."""

    milliseconds: float
    step: float
    square: npt.NDArray[np.uint8]
    points: npt.NDArray[np.float64]
    ict: float


def read_radiograph(path: Path, predictor: Predicts, enough_px: int | None) -> Read:
    """Read, prepare and predict one radiograph."""
    limits = ReadLimits(enough_px=enough_px)
    began = time.process_time()
    radiograph = read(path, limits)
    prepared = prepare(radiograph.pixels, extent=radiograph.extent)
    taken = (time.process_time() - began) * 1000
    [prediction] = predictor.predict(prepared.pixels[None])
    points = prediction.points @ prepared.to_upright[:, :2].T + prepared.to_upright[:, 2]
    return Read(
        taken,
        float(np.linalg.norm(radiograph.to_source[:, 0])),
        prepared.pixels,
        to_file(points, radiograph.to_source),
        _ict(points, radiograph),
    )


def _ict(points: npt.NDArray[np.float64], radiograph: Radiograph) -> float:
    measured = measure_ict(
        points,
        source_px=1.0,
        mm_per_source_px=None,
        header=radiograph.header,
        thresholds=IctThresholds(),
        sd=None,
    )
    return float("nan") if measured.value is None else measured.value


def stored(image: Path, rows: int, columns: int, storage: Storage | None) -> bytes:
    """Return a small radiograph enlarged to an ordinary size and encoded."""
    noise = np.random.default_rng(rows).normal(0, 0.0025, (rows, columns))
    small = Image.open(image).convert("F")
    large = np.asarray(small.resize((columns, rows), Image.Resampling.BICUBIC)) / 255 * 0.95
    picture = np.rint(np.clip(large + noise, 0, 1) * 65535).astype(np.uint16)
    return jpeg(picture) if storage is None else dicom(picture, _STUDY, storage, 0.15)


def line(name: str, pairs: list[tuple[Read, Read]], longer_side_px: int) -> str:
    """Return the row for radiographs read at full and reduced size."""
    full, reduced = ([pair[which].milliseconds for pair in pairs] for which in (0, 1))
    grey = [np.abs(a.square.astype(int) - b.square) for a, b in pairs]
    moved = [
        np.linalg.norm(a.points - b.points, axis=1).mean() * ERROR_FRAME_PX / longer_side_px
        for a, b in pairs
    ]
    ict = [abs(a.ict - b.ict) for a, b in pairs]
    cells = [
        name,
        f"1/{pairs[0][1].step:.0f}",
        f"{np.median(full):.1f}",
        f"{np.median(reduced):.1f}",
        f"{np.mean([each.mean() for each in grey]):.2f} / {max(each.max() for each in grey)}",
        f"{np.mean(moved):.3f} / {max(moved):.3f}",
        f"{np.mean(ict):.4f} / {max(ict):.4f}",
    ]
    return f"| {' | '.join(cells)} |"


def lines(asked: argparse.Namespace, predictor: Predicts) -> Iterator[str]:
    """Measure; yield a row per kind of file."""
    with (asked.data / "cardiothoracic" / "cardiothoracic.csv").open(newline="") as table:
        # The other source is reserved for evaluating the network, so no choice depends on it.
        names = [row["image"] for row in csv.DictReader(table) if row["source"] == "wingspan"]
    images = [asked.data / "cardiothoracic" / "images" / name for name in sorted(names)]
    chosen = images[:: max(1, len(images) // asked.count)][: asked.count]
    with tempfile.TemporaryDirectory(prefix="thoraq-reduced-") as place:
        path = Path(place) / "radiograph"
        for rows, columns in _SIZES:
            for name, storage in _STORAGES.items():
                pairs = []
                for image in chosen:
                    path.write_bytes(stored(image, rows, columns, storage))
                    pairs.append(_both(path, predictor, asked.enough))
                yield line(f"{name}, {rows} x {columns}", pairs, max(rows, columns))
    for file in sorted((asked.data / "dicom").glob("*.dcm")):
        header = read(file, ReadLimits()).header
        pair = _both(file, predictor, asked.enough)
        yield line(f"`{file.name}`", [pair], max(header.rows, header.columns))


def _both(path: Path, predictor: Predicts, enough_px: int) -> tuple[Read, Read]:
    return read_radiograph(path, predictor, None), read_radiograph(path, predictor, enough_px)


def main() -> None:
    """Print the table; of two figures the first is the mean, the second the maximum."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.reduced_decoding", description=__doc__
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--count", type=int, default=12)
    parser.add_argument("--enough", type=int, default=ENOUGH_PX, help="shorter side in pixels")
    asked = parser.parse_args()
    if not asked.data.is_dir():
        sys.exit(f"{asked.data} does not exist; give the folder of radiographs with --data")
    predictor = load_predictor(shipped_card(), "cpu", threads=1)
    print(  # noqa: T201
        "| radiograph | size | full, CPU-ms | reduced, CPU-ms | grey levels of 255"
        " | landmarks, px of 224 | ICT |"
    )
    print("|---|---|---|---|---|---|---|")  # noqa: T201
    for each in lines(asked, predictor):
        print(each, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
