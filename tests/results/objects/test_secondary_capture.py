"""The drawing as an image: the pixels that were drawn, and whose they are."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread

from radiograph.image import Radiograph
from radiograph.overlay import draw
from radiograph.reading.source import source_dataset
from results.objects.header import source_header
from results.objects.identity import Identity
from results.objects.modules import file_bytes
from results.objects.secondary_capture import secondary_capture
from testbed.findings import findings
from testbed.radiographs import phantoms
from tests.results.objects.headers import encoded_header
from tests.results.objects.real import LARGEST


def test_every_pixel_is_the_drawing_s() -> None:
    source = source_dataset(encoded_header({}), LARGEST)
    said = findings(source)
    upright = np.array([[2500 / 256, 0.0, 0.0], [0.0, 2048 / 256, 0.0]])
    drawing = draw(Radiograph(phantoms()[0], said.header, upright, None), said.measurement, 513)
    made = secondary_capture(said, source_header(source, Identity()), drawing)
    read = dcmread(io.BytesIO(file_bytes(made)))
    assert np.array_equal(read.pixel_array, np.asarray(drawing))
    assert read.pixel_array.shape[1] == 513
    assert (read.Modality, read.PatientID) == ("OT", "PID-5543219")
    [image] = read.SourceImageSequence
    assert image.ReferencedSOPInstanceUID == source.SOPInstanceUID


@pytest.mark.parametrize(("lossy", "said"), [(b"01", "01"), (b"00", None), (None, None)])
def test_what_was_compressed_with_loss_stays_so(lossy: bytes | None, said: str | None) -> None:
    source = source_dataset(encoded_header({"LossyImageCompression": lossy}), LARGEST)
    made = secondary_capture(
        findings(source), source_header(source, Identity()), Image.new("L", (3, 3))
    )
    assert made.get("LossyImageCompression") == said
    assert len(made.PixelData) == 28  # 27 values and their padding
