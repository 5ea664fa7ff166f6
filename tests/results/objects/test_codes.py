"""The codes: those of the Standard are the Standard's, thoraq's own are a list without gaps."""

from __future__ import annotations

import pytest
from pydicom.sr.codedict import codes as known

from results.objects import codes
from results.objects.codes import PRIVATE, SCHEME, Code
from results.objects.uids import is_uid

ALL = [
    code
    for value in vars(codes).values()
    for code in (value.values() if isinstance(value, dict) else [value])
    if isinstance(code, Code)
]


@pytest.mark.parametrize("code", [each for each in ALL if each.scheme in {"DCM", "SCT", "LN"}])
def test_a_code_of_the_standard_has_the_standard_s_meaning(code: Code) -> None:
    scheme = getattr(known, code.scheme)
    meanings = {
        each.meaning.casefold()
        for each in (getattr(scheme, name) for name in scheme.dir())
        if each.value == code.value
    }
    assert any(code.meaning.casefold() in each for each in meanings), meanings


def test_the_scheme_lists_each_code_once() -> None:
    own = {each for each in ALL if each.scheme == SCHEME}
    assert set(PRIVATE) == own
    assert (
        len({each.value for each in PRIVATE})
        == len({each.meaning for each in PRIVATE})
        == len(PRIVATE)
    )


@pytest.mark.parametrize("code", ALL)
def test_codes_fit_their_elements(code: Code) -> None:
    # PS3.5 6.2: SH and LO.
    assert 0 < len(code.value) <= 16
    assert len(code.scheme) <= 16
    assert 0 < len(code.meaning) <= 64
    assert f"{code.value}{code.meaning}".isascii()


def test_the_scheme_has_a_uid() -> None:
    assert is_uid(codes.SCHEME_UID)
    assert len(codes.SCHEME_NAME) <= 64
