"""Objects that thoraq made and that come back are never measured."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from radiograph.errors import NotARadiograph, OwnObject
from radiograph.frontal import check_header
from radiograph.marks import CREATOR, CREATOR_GROUP
from radiograph.reading import read
from radiograph.reading.source import source_dataset
from results.objects.identity import IdentityLevel
from testbed.dicom_files import LIMITS, RAMP, make_dicom
from testbed.findings import findings
from tests.results.objects.headers import encoded_header
from tests.results.objects.made import objects, write
from tests.results.objects.real import LARGEST, RealArchive


def without_manufacturer(dataset: Dataset) -> None:
    dataset.Manufacturer = "ACME PACS"


def without_uid(dataset: Dataset) -> None:
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()


def without_private_elements(dataset: Dataset) -> None:
    dataset.remove_private_tags()


STRIPS = {
    each.__name__: each for each in (without_manufacturer, without_uid, without_private_elements)
}


@pytest.mark.parametrize("kind", ["report", "presentation", "capture"])
@pytest.mark.parametrize("left", [*STRIPS, "all"])
@pytest.mark.parametrize("level", IdentityLevel)
def test_any_one_mark_is_enough(kind: str, left: str, level: IdentityLevel, tmp_path: Path) -> None:
    source = source_dataset(encoded_header({}), LARGEST)
    made = objects(findings(source), source, level)[kind]
    for name, strip in STRIPS.items():
        if left not in {"all", name}:
            strip(made)
    path = write(tmp_path, {kind: made})[kind]
    with pytest.raises(OwnObject) as caught:
        read(path, LIMITS, check=check_header)
    assert caught.value.header is not None


def test_without_any_mark_a_report_is_what_it_would_be_of_anybody(tmp_path: Path) -> None:
    source = source_dataset(encoded_header({}), LARGEST)
    made = objects(findings(source), source)["report"]
    for strip in STRIPS.values():
        strip(made)
    path = write(tmp_path, {"report": made})["report"]
    with pytest.raises(NotARadiograph):
        read(path, LIMITS, check=check_header)


@pytest.mark.parametrize(
    "add",
    [
        lambda dataset: setattr(dataset, "Manufacturer", "thoraq phantom"),
        lambda dataset: setattr(dataset, "Manufacturer", "THORAQUE Inc."),
        lambda dataset: dataset.private_block(CREATOR_GROUP, "ACME", create=True),
        lambda dataset: dataset.private_block(0x0029, f"{CREATOR} 2", create=True),
        lambda dataset: dataset.add_new(0x00290010, "OB", b"\xff\xfe\x00"),
    ],
)
def test_others_are_not_taken_for_ours(add: Callable[[Dataset], None], tmp_path: Path) -> None:
    path = tmp_path / "image.dcm"
    path.write_bytes(make_dicom(RAMP, spoil=lambda dataset: (add(dataset), None)[1]))
    assert read(path, LIMITS).pixels.shape == RAMP.shape


def test_drawings_of_real_chests_that_come_back_are_set_aside(
    real_archive: RealArchive, tmp_path: Path
) -> None:
    back = tmp_path / "back"
    back.mkdir()
    count = 0
    for number, each in enumerate(real_archive.files[:3]):
        for kind, path in write(back, objects(each.findings, each.source)).items():
            path.rename(back / f"{number}-{kind}.dcm")
            count += 1
    ran = real_archive.commands.run("process", back, "--batch", "back")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    status = real_archive.commands.json("status", "back")
    assert status["set_aside"] == count
    assert status["measured"] == status["failed"] == 0
    failures = real_archive.commands.json("failures", "back")
    assert {each["code"] for each in failures} == {"own-object"}
