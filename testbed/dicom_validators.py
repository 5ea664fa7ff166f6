"""Programs that judge DICOM objects: dciodvfy of dicom3tools, dsrdump and dcmpschk of dcmtk."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

#: Where Debian keeps them; pynetdicom installs programs of the same names beside Python.
_SYSTEM = "/usr/bin:/usr/sbin:/usr/local/bin:/usr/local/sbin"
#: What dciodvfy warns of in every object: it knows neither a private element nor a private scheme.
ACCEPTED = (
    re.compile(r'</\(0077,100[12],"THORAQ"\)> - Unrecognized tag - assuming explicit value repres'),
    re.compile(
        r"/CodingSchemeDesignator\(0008,0102\)\[1\]> - Unrecognized defined term = <99THORAQ>"
    ),
    re.compile(r"/CodingSchemeUID\(0008,010c\)\[1\]> - Unrecognized defined term = <2\.25\."),
    # What a file leaves out, its objects leave out.
    re.compile(
        r"</(?:PatientID|StudyDate|StudyTime|StudyID)\(\w{4},\w{4}\)>"
        r" - Missing attribute or value that would be needed to build DICOMDIR"
    ),
    # A name without a caret, as many files have it.
    re.compile(r"\[PN\] = <.*> - Retired Person Name form"),
)

#: It counts bytes where the Standard counts characters (PS3.5 6.2).
_TOO_LONG = re.compile(
    r"\[(?:SH|LO|PN)\] = <(.*)> - Length invalid for this VR = <(\d+)> - expected <= (\d+)$"
)


class NoProgram(Exception):
    """A program is missing; Debian has it as dicom3tools, dcmtk or orthanc."""


def program(name: str) -> str:
    """Return the path of a program of dcmtk or dicom3tools. Raises NoProgram."""
    if (found := shutil.which(name, path=_SYSTEM)) is None:
        raise NoProgram(f"{name} is missing: apt-get install dicom3tools dcmtk orthanc")
    return found


def complaints(path: Path) -> list[str]:
    """Return the errors of an object, and the warnings that are not accepted."""
    ran = subprocess.run(
        [program("dciodvfy"), "-new", str(path)],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=60,
        check=False,
    )
    lines = ran.stderr.splitlines()
    kinds = [line for line in lines if line.isalnum()]
    assert len(kinds) == 1, f"dciodvfy does not say which kind of object it is: {lines}"
    return [line for line in lines if line not in kinds and not _is_accepted(line)]


def _is_accepted(line: str) -> bool:
    if found := _TOO_LONG.search(line):
        value, size, most = found[1], int(found[2]), int(found[3])
        return len(value) <= most and len(value.encode()) == size
    return any(each.search(line) for each in ACCEPTED)


def dumped_report(path: Path) -> str:
    """Return a structured report as dsrdump reads it; a report that it cannot read is a failure."""
    ran = subprocess.run(
        [program("dsrdump"), "+Pc", str(path)],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert not re.search(r"^[EF]:", ran.stderr, re.MULTILINE), ran.stderr
    return ran.stdout
