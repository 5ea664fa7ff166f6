"""The demonstration archive: reproducible bytes, and every file according to its truth."""

import csv
import hashlib
import io
import subprocess
import sys
from pathlib import Path

import imagecodecs
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageOps
from pydicom import Dataset, dcmread
from pydicom.encaps import generate_frames
from pydicom.uid import (
    PYDICOM_ROOT_UID,
    HTJ2KLossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
)

from radiograph import errors
from radiograph.phantom import ArchiveTruth, Ending, write_archive
from radiograph.phantom.archive import DUPLICATES
from radiograph.phantom.cases import FIRST_ROUND, Case, draw_cases
from radiograph.phantom.encoding import Storage
from radiograph.phantom.oddities import KINDS

COUNT = len(FIRST_ROUND) + len(KINDS) + DUPLICATES + 14
SEED = 5


@pytest.fixture(scope="module")
def heard() -> list[tuple[int, int]]:
    """Return the calls of the progress callback while the archive was written."""
    return []


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory, heard: list[tuple[int, int]]) -> ArchiveTruth:
    folder = tmp_path_factory.mktemp("demo") / "archive"
    return write_archive(folder, COUNT, SEED, lambda written, count: heard.append((written, count)))


def cases() -> list[Case]:
    return draw_cases(COUNT - len(KINDS) - DUPLICATES, SEED)


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_seed_gives_the_same_bytes_in_another_process(
    archive: ArchiveTruth, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "radiograph.phantom", str(tmp_path / "archive")]
    command += ["--count", str(COUNT), "--seed", str(SEED)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert f"{COUNT} files" in done.stdout
    assert done.stderr == ""
    assert digests(tmp_path / "archive") == digests(archive.folder)
    assert (tmp_path / "truth.csv").read_bytes() == archive.table.read_bytes()


@pytest.mark.usefixtures("archive")
def test_progress_counts_every_file_once(heard: list[tuple[int, int]]) -> None:
    assert heard == [(written, COUNT) for written in range(1, COUNT + 1)]


def test_another_seed_gives_other_chests() -> None:
    one, two = draw_cases(3, 1), draw_cases(3, 2)
    assert [case.anatomy for case in one] != [case.anatomy for case in two]
    assert one[0].study.sop_uid != two[0].study.sop_uid


def test_counts_add_up_and_the_truth_lists_exactly_the_files(archive: ArchiveTruth) -> None:
    assert sum(archive.counts.values()) == COUNT
    assert {truth.path for truth in archive.files} == set(digests(archive.folder))
    assert archive.counts[Ending.DUPLICATE] == DUPLICATES
    not_measured = archive.counts[Ending.SET_ASIDE] + archive.counts[Ending.FAILED]
    assert sum(archive.codes.values()) == not_measured == len(KINDS)
    assert archive.codes[errors.LateralView.code] == 3


def test_only_the_listed_duplicates_hold_the_same_bytes(archive: ArchiveTruth) -> None:
    found = digests(archive.folder)
    copies = [truth for truth in archive.files if truth.duplicate_of is not None]
    assert all(found[copy.path] == found[str(copy.duplicate_of)] for copy in copies)
    assert len(set(found.values())) == COUNT - len(copies)


def test_the_truth_table_beside_the_archive_says_what_the_record_says(
    archive: ArchiveTruth,
) -> None:
    assert archive.table == archive.folder.parent / "truth.csv"
    with archive.table.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["path"] for row in rows] == [truth.path for truth in archive.files]
    first = archive.files[0]
    assert first.points is not None
    assert float(rows[0]["ict"]) == pytest.approx(first.ict, abs=1e-5)
    assert float(rows[0]["x_heart_left"]) == pytest.approx(first.points[16][0], abs=0.01)


def stored_pixels(dataset: Dataset) -> npt.NDArray[np.float64]:
    """Return the pixels, decoded by another library than the encoder if possible."""
    syntax = dataset.file_meta.TransferSyntaxUID
    alone = {JPEGLosslessSV1: imagecodecs.ljpeg_decode, HTJ2KLossless: imagecodecs.jpeg2k_decode}
    alone[JPEGLSLossless] = imagecodecs.jpegls_decode
    if syntax not in alone:
        return dataset.pixel_array.astype(np.float64)
    frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
    return np.asarray(alone[syntax](frame), dtype=np.float64)


def test_dicom_pixels_decode_to_the_projection_in_every_transfer_syntax(
    archive: ArchiveTruth,
) -> None:
    syntaxes = set()
    for case in cases():
        if not isinstance(case.storage, Storage):
            continue
        dataset = dcmread(archive.folder / case.path, force=not case.storage.preamble)
        if not case.storage.preamble:
            assert "TransferSyntaxUID" not in dataset.file_meta
            dataset.file_meta.TransferSyntaxUID = case.storage.syntax
        assert dataset.file_meta.TransferSyntaxUID == case.storage.syntax
        syntaxes.add(case.storage.syntax)
        assert str(dataset.PatientID).startswith("PHANTOM-")
        assert dataset.SOPInstanceUID.startswith(PYDICOM_ROOT_UID)
        assert dataset.BitsStored == case.storage.bits
        stored = stored_pixels(dataset)
        top = 2**case.storage.bits - 1
        if dataset.PhotometricInterpretation == "MONOCHROME1":
            stored = top - stored
        if list(dataset.PatientOrientation) == ["R", "F"]:
            stored = stored[:, ::-1]
        error = np.abs(stored / top - case.picture() / 65535.0)
        lossy = case.storage.syntax == JPEGBaseline8Bit
        assert error.max() < (0.1 if lossy else 0.6 / top), case.storage
    assert len(syntaxes) == 10


def test_png_jpeg_and_tiff_show_the_projection_upright(archive: ArchiveTruth) -> None:
    seen = set()
    for case in cases():
        if isinstance(case.storage, Storage):
            continue
        with Image.open(archive.folder / case.path) as image:
            assert (image.getexif().get(0x0112) == 6) == (case.storage == "jpeg-exif")
            upright = np.asarray(ImageOps.exif_transpose(image), dtype=np.float64)
        top = 65535.0 if upright.max() > 255 else 255.0
        assert np.abs(upright / top - case.picture() / 65535.0).max() < 0.1
        seen.add(case.storage)
    assert seen == {"png8", "png16", "jpeg", "jpeg-exif", "tiff"}


def test_points_of_turned_and_mirrored_files_are_in_pixels_of_the_file() -> None:
    for case in cases():
        turned = case.storage == "jpeg-exif"
        mirrored = isinstance(case.storage, Storage) and case.storage.mirrored
        upright = case.anatomy.points(case.rows, case.columns)
        # Mark each point in an empty upright image and locate it in the stored raster.
        for (x, y), (column, row) in zip(upright, case.points(), strict=True):
            marks = np.zeros((case.rows, case.columns), dtype=bool)
            marks[round(y), round(x)] = True
            raster = np.rot90(marks) if turned else marks[:, ::-1] if mirrored else marks
            found = np.argwhere(raster)[0]
            assert abs(found[0] - row) <= 1
            assert abs(found[1] - column) <= 1


def test_patients_return_and_headers_vary() -> None:
    drawn = draw_cases(180, 42)
    assert len({case.study.patient_id for case in drawn}) == 144
    assert {case.study.view for case in drawn} == {"PA", "AP", None}
    ages = [case.study.age for case in drawn]
    assert None in ages
    assert sum(age is not None and int(age[:3]) < 18 for age in ages) > 0
    spacings = {case.storage.spacing for case in drawn if isinstance(case.storage, Storage)}
    assert spacings == {"pixel", "imager", "zero", "none"}
    assert any(case.anatomy.ict > 0.5 for case in drawn)


def test_broken_files_have_their_error_code(archive: ArchiveTruth) -> None:
    content = {
        Path(truth.path).name: (archive.folder / truth.path).read_bytes()
        for truth in archive.files
        if truth.code is not None
    }
    assert content["empty.dcm"] == b""
    assert content["web-page.dcm"].startswith(b"<!DOCTYPE html>")
    with pytest.raises(OSError), Image.open(io.BytesIO(content["cut-short.png"])) as image:
        image.load()
    cut = dcmread(io.BytesIO(content["cut-short.dcm"]))
    assert len(cut.PixelData) < cut.Rows * cut.Columns * 2
    corrupt = dcmread(io.BytesIO(content["corrupt.dcm"]))
    frame = next(generate_frames(corrupt.PixelData, number_of_frames=1))
    with pytest.raises(imagecodecs.Jpeg2kError):
        imagecodecs.jpeg2k_decode(frame)
    assert "PixelData" not in dcmread(io.BytesIO(content["no-pixels.dcm"]))
    assert len(np.unique(dcmread(io.BytesIO(content["unexposed.dcm"])).pixel_array)) == 1
    assert dcmread(io.BytesIO(content["ct.dcm"])).Modality == "CT"
    assert dcmread(io.BytesIO(content["lateral-1.dcm"])).ViewPosition == "LL"
    assert dcmread(io.BytesIO(content["knee.dcm"])).BodyPartExamined == "EXTREMITY"


def test_an_archive_is_never_written_among_other_files(tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    folder.mkdir()
    (folder / "holiday.jpg").write_bytes(b"not ours")
    with pytest.raises(FileExistsError, match="holiday"):
        write_archive(folder, COUNT, SEED)
    assert [path.name for path in folder.iterdir()] == ["holiday.jpg"]


def test_too_small_a_count_is_refused_with_the_minimum(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="40"):
        write_archive(tmp_path / "archive", 39)
