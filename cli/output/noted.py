"""Audit entries of reading and writing by commands; failures are reported on standard error."""

from __future__ import annotations

from functools import partial

import results.audited_reads
import results.copy_reading
import results.export
import results.noted_outputs
from cli.output.printing import say

_print_error = partial(say, err=True)

audited = partial(results.audited_reads.audited, tell=_print_error)
audited_copy = partial(results.copy_reading.audited_copy, tell=_print_error)
export_results = partial(results.export.export_results, tell=_print_error)
noted_outputs = partial(results.noted_outputs.noted_outputs, tell=_print_error)
