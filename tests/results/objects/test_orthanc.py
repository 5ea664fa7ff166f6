"""A real archive takes the objects and files them in the study of their image."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from results.objects.identity import IdentityLevel
from testbed.dicom_validators import program
from testbed.servers.orthanc import AE_TITLE, DICOM_PORT, NoOrthanc, OrthancServer
from tests.results.objects.conftest import need
from tests.results.objects.made import objects, write
from tests.results.objects.real import Measured, RealArchive


@pytest.fixture
def orthanc(tmp_path: Path) -> Iterator[OrthancServer]:
    """Give an empty archive."""
    need("Orthanc", "storescu", "dcmsend")
    server = OrthancServer(tmp_path / "orthanc")
    try:
        server.start()
    except NoOrthanc as missing:
        if os.environ.get("CI"):  # noqa: TID251 - this is the edge of the test process
            raise
        pytest.skip(str(missing))
    yield server
    server.stop()


def send(orthanc: OrthancServer, *paths: Path) -> None:
    """Send files by dcmsend, which proposes what each of them needs."""
    ran = orthanc.run(
        *(program("dcmsend"), "-aec", AE_TITLE, "127.0.0.1", str(DICOM_PORT), *paths),
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def acceptable(files: tuple[Measured, ...]) -> list[Measured]:
    """Return the files that dcmsend reads: not those whose syntax contradicts their elements."""
    return [each for each in files if each.path.name.startswith(("chest_pa", "ref", "age_"))]


def test_an_archive_files_the_objects_in_the_study_of_their_image(
    orthanc: OrthancServer, real_archive: RealArchive, tmp_path: Path
) -> None:
    files = acceptable(real_archive.files)
    assert len(files) >= 6
    for each in files:
        folder = tmp_path / each.path.stem / each.path.parent.name
        folder.mkdir(parents=True)
        made = objects(each.findings, each.source)
        paths = write(folder, made)
        send(orthanc, each.path, *paths.values())
        [study] = orthanc.find("Study", StudyInstanceUID=str(each.source.StudyInstanceUID))
        instances = orthanc.get(f"/studies/{study['ID']}/instances")
        found = {each["MainDicomTags"]["SOPInstanceUID"] for each in instances}
        assert found == {
            str(each.source.SOPInstanceUID),
            *(str(made[kind].SOPInstanceUID) for kind in paths),
        }
        series = orthanc.get(f"/studies/{study['ID']}/series")
        assert sorted(each["MainDicomTags"]["Modality"] for each in series) == sorted(
            [each.source.Modality, "SR", *(["PR"] if "presentation" in made else []), "OT"]
        )


def test_sending_again_leaves_each_object_once(
    orthanc: OrthancServer, real_archive: RealArchive, tmp_path: Path
) -> None:
    each = acceptable(real_archive.files)[0]
    for _ in range(2):
        send(orthanc, *write(tmp_path, objects(each.findings, each.source)).values())
    assert orthanc.get("/statistics")["CountInstances"] == 3
    assert orthanc.get("/statistics")["CountStudies"] == 1


def test_storescu_sends_what_it_knows(
    orthanc: OrthancServer, real_archive: RealArchive, tmp_path: Path
) -> None:
    each = acceptable(real_archive.files)[0]
    paths = write(tmp_path, objects(each.findings, each.source))
    del paths["report"]  # it proposes no Comprehensive 3D SR
    ran = orthanc.run(
        *(program("storescu"), "-aec", AE_TITLE, "127.0.0.1", str(DICOM_PORT), *paths.values())
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert orthanc.get("/statistics")["CountInstances"] == 2


def test_hashed_objects_are_another_patient_s(
    orthanc: OrthancServer, real_archive: RealArchive, tmp_path: Path
) -> None:
    [each] = [f for f in real_archive.files if f.path.name == "chest_pa_monochrome1_j2k.dcm"]
    hashed = write(tmp_path, objects(each.findings, each.source, IdentityLevel.HASHED))
    send(orthanc, each.path, *hashed.values())
    patients = orthanc.find("Patient", PatientID="*")
    assert len(patients) == 2
    assert len(orthanc.find("Study", PatientID=str(each.source.PatientID))) == 1
