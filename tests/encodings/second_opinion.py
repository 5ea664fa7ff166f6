"""Comparison with GDCM on the same DICOM files, where it can open them."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from tests.encodings.chest import differs
from tests.encodings.encoding import LOSSY, Encoding

AGREES, DIFFERS = "agrees", "differs"
_CRASHED = "its process ended"

#: Known differences of GDCM: text in the name or kind of an encoding, and the Standard on it.
DECIDED = {
    "of 16 up to 15": "PS3.5 8.1.1: a value is the stored bits up to the high bit, not the word",
    "of 32 up to": "PS3.5 8.1.1: a cell has all its allocated bits, however few are stored in it",
    "signed 12 bits": "PS3.5 A.4.4: of the bits that the codestream has, the highest is the sign",
    "signed 10 bits": "PS3.5 A.4.4, likewise",
    "signed 14 bits": "PS3.5 A.4.4, likewise",
    "signed 13 bits": "PS3.5 A.4.4, likewise",
    "signed 15 bits": "PS3.5 A.4.4, likewise",
    "signed 16 bits": "PS3.5 A.4.4, likewise",
    "sign against codestream": "PS3.5 A.4.4, likewise",
    "held without items": "PS3.5 A.4: compressed pixels are in items; those that are not are noted",
    "presentation against": "PS3.3 C.11.6.1.2: the shape inverts; GDCM gives values before it",
    "syntax against pixels": "PS3.5 A.4: GDCM goes by the transfer syntax, which is wrong here",
    "YBR_FULL_422": "PS3.3 C.7.6.3.1.2: two Y are before each pair of Cb and Cr",
}


class SecondOpinion:
    """Runs GDCM on files in sequence; a process that crashes is replaced."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "chest.dcm"
        self._process: subprocess.Popen[str] | None = None

    def ask(self, encoding: Encoding) -> str:
        """Return agrees, differs, or why GDCM cannot read the file."""
        self._path.write_bytes(encoding.make())
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", "tests.encodings.gdcm_reader"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        process = self._process
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("a process without pipes")
        process.stdin.write(f"{self._path}\n")
        process.stdin.flush()
        answer = process.stdout.readline().rstrip("\n")
        if not answer:
            self.close()
            return _CRASHED
        if answer != "read":
            return answer
        mean, most = differs(np.load(self._path.with_suffix(".npy")))
        return AGREES if most <= LOSSY[0] and mean <= LOSSY[1] else DIFFERS

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def reason(encoding: Encoding) -> str | None:
    """Return the sentence of the Standard against GDCM's reading."""
    label = f"{encoding.kind}, {encoding.name}"
    return next((sentence for part, sentence in DECIDED.items() if part in label), None)


def opinions(encodings: list[Encoding]) -> tuple[Counter[str], list[str]]:
    """Return counts of agreement, difference and failure, and unexplained differences."""
    found: Counter[str] = Counter()
    unexplained = []
    with tempfile.TemporaryDirectory() as folder:
        second = SecondOpinion(Path(folder))
        for each in encodings:
            if each.kind.startswith("DICOM") and each.code is None:
                answer = second.ask(each)
                found[answer] += 1
                if answer == DIFFERS and reason(each) is None:
                    unexplained.append(f"{each.kind}: {each.name}")
        second.close()
    return found, unexplained
