"""Audit entries of reading and writing by commands; failures are reported on standard error."""

from __future__ import annotations

from functools import partial

import results.noted_outputs
import results.reading
from cli.output.printing import say

_print_error = partial(say, err=True)

audited = partial(results.reading.audited, tell=_print_error)
note_export = partial(results.noted_outputs.note_export, tell=_print_error)
noted_outputs = partial(results.noted_outputs.noted_outputs, tell=_print_error)
