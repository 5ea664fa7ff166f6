"""UIDs of objects: the same each time, valid, and recognised."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID

from radiograph.marks import is_marked
from radiograph.reading.source import source_dataset
from results.objects.modules import file_bytes
from results.objects.uids import ObjectKind, is_uid, object_uid, series_uid, tracking_uid
from testbed.findings import findings
from tests.results.objects.headers import encoded_header
from tests.results.objects.made import objects
from tests.results.objects.real import LARGEST


def test_sending_again_is_the_same_object_byte_for_byte() -> None:
    def made() -> dict[str, bytes]:
        source = source_dataset(encoded_header({}), LARGEST)
        return {kind: file_bytes(each) for kind, each in objects(findings(source), source).items()}

    assert made() == made()


def test_each_kind_model_image_and_revision_has_a_uid_of_its_own() -> None:
    made = [
        object_uid(image, model, kind, revision)
        for image in ("1.2.3", "1.2.34")
        for model in ("thoraq-2", "thoraq-3")
        for kind in ObjectKind
        for revision in (1, 2)
    ]
    assert len(set(made)) == len(made) == 32
    series = {series_uid("1.2.3", "thoraq-2", kind) for kind in ObjectKind}
    assert len(series) == 4
    assert not series & set(made)


def test_a_correction_stays_in_the_series() -> None:
    source = source_dataset(encoded_header({}), LARGEST)
    one, two = (objects(findings(source, revision=each), source) for each in (1, 2))
    for kind in one:
        assert one[kind].SOPInstanceUID != two[kind].SOPInstanceUID
        assert one[kind].SeriesInstanceUID == two[kind].SeriesInstanceUID
        assert [one[kind].InstanceNumber, two[kind].InstanceNumber] == [1, 2]


@given(st.text(max_size=80), st.text(max_size=20), st.sampled_from(ObjectKind))
def test_uids_are_valid_and_only_those_of_objects_are_marked(
    image: str, model: str, kind: ObjectKind
) -> None:
    made = object_uid(image, model, kind, 1)
    assert UID(made).is_valid
    assert is_uid(made)
    assert is_marked(made)
    for other in (series_uid(image, model, kind), tracking_uid(image, model, kind)):
        assert UID(other).is_valid
        assert not is_marked(other)


@given(st.one_of(st.text(max_size=70), st.integers(0, 1 << 130).map(lambda n: f"2.25.{n}")))
def test_any_text_may_be_asked_for_the_mark(text: str) -> None:
    assert not is_marked(text)


def test_what_is_no_uid() -> None:
    wrong = ("", "1", "1.", ".1", "1.02", "1.2.x", "1.2\n", "1.²", "1." + "2" * 63)
    assert [each for each in wrong if is_uid(each)] == []
    right = ("1.2", "0.0", "1.2.840.10008.1.2", "1." + "2" * 62)
    assert [each for each in right if not is_uid(each)] == []
