"""What commands note of reading and writing; where it cannot be noted, standard error says so."""

from __future__ import annotations

from functools import partial

import results.audited_reads
import results.copy_reading
import results.export
import results.noted_outputs
from cli.output.printing import say

_tell = partial(say, err=True)

audited = partial(results.audited_reads.audited, tell=_tell)
audited_copy = partial(results.copy_reading.audited_copy, tell=_tell)
export_results = partial(results.export.export_results, tell=_tell)
noted_outputs = partial(results.noted_outputs.noted_outputs, tell=_tell)
