"""The layouts of data folders; a new one is a module and a line here."""

from __future__ import annotations

from pathlib import Path

from training.dataset import cardiothoracic, landmarks15, original
from training.dataset.findings import Kind
from training.dataset.radiographs import AnnotatedRadiograph, Listing, first_of_each
from training.errors import DataMissing, DatasetInvalid

READERS = (landmarks15.list_radiographs, cardiothoracic.list_radiographs, original.list_radiographs)


def list_data(data: Path) -> Listing:
    """List every data set under ``data``; radiographs whose image is missing are only findings.

    Raises DataMissing.
    """
    found = [read(data) for read in READERS] if data.is_dir() else []
    listings = [listing for listing in found if listing is not None]
    if not listings:
        raise DataMissing.because(
            f"{data} holds neither landmarks15/landmarks.csv nor"
            " cardiothoracic/cardiothoracic.csv nor folders of images with a table of"
            " coordinates"
        )
    everything = Listing.join(listings)
    radiographs, again = first_of_each(everything.radiographs)
    findings = [
        radiograph.finding(Kind.ROW_REPEATED, f"as at {first.place}") for radiograph, first in again
    ]
    present: list[AnnotatedRadiograph] = []
    for radiograph in radiographs:
        if radiograph.path.is_file():
            present.append(radiograph)
        else:
            detail = str(radiograph.path.relative_to(data))
            findings.append(radiograph.finding(Kind.IMAGE_MISSING, detail))
    return Listing(tuple(present), (*everything.findings, *findings), everything.images)


def usable_radiographs(data: Path) -> tuple[AnnotatedRadiograph, ...]:
    """Return the radiographs for training or evaluation. Raises DataMissing, DatasetInvalid."""
    listing = list_data(data)
    stopping = [finding for finding in listing.findings if finding.kind.stops]
    if stopping:
        first = stopping[0]
        raise DatasetInvalid.because(
            f"{len(stopping)} rows cannot be used, the first at {first.place}"
            f" ({first.kind}: {first.image or ''} {first.detail})"
        )
    if not listing.radiographs:
        raise DataMissing.because(f"the tables in {data} name no image")
    return listing.radiographs
