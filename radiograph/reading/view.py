"""The view of a study, from codes and descriptions in the header."""

from __future__ import annotations

import re

from pydicom.dataset import Dataset

from radiograph.reading.elements import items, text, texts
from radiograph.records import View

#: View codes in SCT and the older SRT (PS3.16, CID 4010).
_CODES = {
    "399348003": View.AP,
    "R-10206": View.AP,
    "272479007": View.PA,
    "R-10214": View.PA,
    "R-40888": View.PA,
    "399067008": View.LATERAL,
    "399173006": View.LATERAL,
    "R-10236": View.LATERAL,
    "399198007": View.LATERAL,
    "R-10232": View.LATERAL,
}
_PA = re.compile(r"\bP[.\-/ ]?A\b|\bPOSTERO[\W_]?ANTERIOR|\bPOSTERIOR[\W_]ANTERIOR")
_AP = re.compile(r"\bA[.\-/ ]?P\b|\bANTERO[\W_]?POSTERIOR|\bANTERIOR[\W_]POSTERIOR")
#: Words for a lateral view in several languages.
_LATERAL = re.compile(r"\b(?:[LR]?LAT|LATERAL[EI]?|LATERALES|PERFIL|PROFIL[EO]?|SEITLICH|SEITL)\b")
#: With a word for a lateral view these describe a study of several views.
_BOTH = re.compile(
    r"\b(?:FRONTAL\w*|FRENTE|FACE|FRONTE)\b"
    r"|\b(?:2|TWO|ZWEI|DOS|DEUX|DUE)\W*(?:VIEWS?|VWS?|EBENEN|PROYECCIONES|INCIDENCES|PROIEZIONI)\b"
)
#: Codes of a lateral view in ViewPosition only: in a description LL is a left leg.
#: Decubitus and oblique views are not upright frontal ones either.
_LATERAL_CODES = frozenset(
    ["LL", "RL", "LLO", "RLO", "LAO", "RAO", "LPO", "RPO", "LLD", "RLD", "LATDECUB"]
)
_DECUBITUS = re.compile(r"\b(?:DECUB\w*|OBLIQUE|OBL)\b")


def read_view(dataset: Dataset) -> View:
    """Return the view by ViewPosition, else by its code, the orientation or the descriptions."""
    for found in (
        _position(text(dataset, "ViewPosition")),
        _coded(dataset),
        _oriented(dataset),
        described_view(text(dataset, "SeriesDescription")),
        described_view(text(dataset, "ProtocolName")),
        described_view(text(dataset, "StudyDescription")),
    ):
        if found is not View.UNKNOWN:
            return found
    return View.UNKNOWN


def described_view(words: str | None) -> View:
    """Return the view that a description names; UNKNOWN if it names none or several.

    "PA and lateral", "frontal and lateral" and "2 views lateral" name several.
    """
    upper = (words or "").upper().replace("_", " ")
    found = {
        view
        for view, pattern in ((View.PA, _PA), (View.AP, _AP), (View.LATERAL, _LATERAL))
        if pattern.search(upper)
    }
    if len(found) != 1 or (View.LATERAL in found and _BOTH.search(upper)):
        return View.UNKNOWN
    return found.pop()


def _position(words: str | None) -> View:
    upper = (words or "").upper().replace("_", " ")
    if _LATERAL_CODES & set(re.split(r"\W+", upper)) or _DECUBITUS.search(upper):
        return View.LATERAL
    return described_view(upper)


def _coded(dataset: Dataset) -> View:
    for item in items(dataset, "ViewCodeSequence"):
        code = _CODES.get(text(item, "CodeValue") or "", View.UNKNOWN)
        found = code if code is not View.UNKNOWN else _position(text(item, "CodeMeaning"))
        if found is not View.UNKNOWN:
            return found
    return View.UNKNOWN


def _oriented(dataset: Dataset) -> View:
    """Return LATERAL if rows run towards the front or the back of the patient."""
    directions = [each[:1] for each in texts(dataset, "PatientOrientation")]
    sideways = len(directions) == 2 and directions[0] in {"A", "P"} and directions[1] in {"F", "H"}
    return View.LATERAL if sideways else View.UNKNOWN
