"""Every layout a data folder may have; a new one is a module and a line here."""

from __future__ import annotations

from pathlib import Path

from training.dataset import cardiothoracic, landmarks15, original
from training.dataset.findings import Finding, Kind
from training.dataset.radiographs import Film, Listing, first_of_each
from training.errors import DataMissing, DatasetInvalid

READERS = (landmarks15.list_films, cardiothoracic.list_films, original.list_films)


def list_data(data: Path) -> Listing:
    """List every data set under ``data``; films whose image is missing are findings alone.

    Raises DataMissing where there is none.
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
    films, again = first_of_each(everything.films)
    findings = [_finding(Kind.ROW_REPEATED, film, f"as at {first.place}") for film, first in again]
    present: list[Film] = []
    for film in films:
        if film.path.is_file():
            present.append(film)
        else:
            detail = str(film.path.relative_to(data))
            findings.append(_finding(Kind.IMAGE_MISSING, film, detail))
    return Listing(tuple(present), (*everything.findings, *findings), everything.images)


def usable_films(data: Path) -> tuple[Film, ...]:
    """Return the films to fit to or to judge on. Raises DataMissing, DatasetInvalid."""
    listing = list_data(data)
    stopping = [finding for finding in listing.findings if finding.kind.stops]
    if stopping:
        first = stopping[0]
        raise DatasetInvalid.because(
            f"{len(stopping)} rows cannot be used, the first at {first.place}"
            f" ({first.kind}: {first.image or ''} {first.detail})"
        )
    if not listing.films:
        raise DataMissing.because(f"the tables in {data} name no image")
    return listing.films


def _finding(kind: Kind, film: Film, detail: str) -> Finding:
    return Finding(kind, film.source, film.split, film.name, film.place, detail)
