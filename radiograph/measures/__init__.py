"""What is measured on one radiograph: a file a measure, and the list of them.

From an entry of the list follow the column of the database, which a migration adds, rows, files,
tables, conditions and the data dictionary.
"""

from __future__ import annotations

from radiograph.measures import ict, quality, widths
from radiograph.measures.asymmetry import ASYMMETRY
from radiograph.measures.declaration import Measure
from radiograph.measures.tilt import TILT

#: The measures, in the order of the columns of every file; a paragraph of `thoraq show` each line.
PARAGRAPHS: tuple[tuple[Measure, ...], ...] = (
    ict.MEASURES,
    widths.MEASURES,
    quality.MEASURES,
    (TILT, ASYMMETRY),
)
MEASURES = tuple(measure for paragraph in PARAGRAPHS for measure in paragraph)
