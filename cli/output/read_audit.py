"""The audit of reading, as commands keep it: what cannot be noted is told on standard error."""

from __future__ import annotations

from functools import partial

import results.reading
from cli.output.printing import say

audited = partial(results.reading.audited, tell=partial(say, err=True))
