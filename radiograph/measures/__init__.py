"""The measures of a radiograph, one module per measure, and the list of them.

An entry of the list defines the database column (added by a migration), rows, files, tables,
conditions and the data dictionary.
"""

from __future__ import annotations

from radiograph.measures import ict, quality, widths
from radiograph.measures.asymmetry import ASYMMETRY
from radiograph.measures.declaration import Measure
from radiograph.measures.tilt import TILT

#: The measures in the column order of every file; each line is a paragraph of `thoraq show`.
PARAGRAPHS: tuple[tuple[Measure, ...], ...] = (
    ict.MEASURES,
    widths.MEASURES,
    quality.MEASURES,
    (TILT, ASYMMETRY),
)
MEASURES = tuple(measure for paragraph in PARAGRAPHS for measure in paragraph)
