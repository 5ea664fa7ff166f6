"""The window of a DICOM header: which values are shown, from black to white."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from radiograph.reading.elements import number, text

Floats = npt.NDArray[np.float64]

#: A window that shares less than this with the values there are shows nothing of them.
_LEAST_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class Window:
    """Centre and width in output units of the modality table (PS3.3, C.11.2.1.2)."""

    centre: float
    width: float
    function: str

    def levels(self, values: Floats) -> Floats:
        """Return 0 to 1 for each value."""
        if self.function == "SIGMOID":
            exponent = np.clip(-4 * (values - self.centre) / self.width, -700, 700)
            return np.asarray(1 / (1 + np.exp(exponent)))
        if self.function == "LINEAR_EXACT":
            shown = (values - self.centre) / self.width + 0.5
        else:
            shown = (values - (self.centre - 0.5)) / max(self.width - 1, 1e-9) + 0.5
        return np.clip(shown, 0, 1)

    def shows(self, low: float, high: float) -> bool:
        """Tell whether the window is meant for values that range from ``low`` to ``high``."""
        left, right = self.centre - self.width / 2, self.centre + self.width / 2
        shared = min(high, right) - max(low, left)
        return shared >= _LEAST_SHARE * max(high - low, self.width)


def read_window(dataset: Dataset) -> Window | None:
    """Return the first of the header's windows."""
    centre, width = number(dataset, "WindowCenter"), number(dataset, "WindowWidth")
    function = (text(dataset, "VOILUTFunction") or "LINEAR").upper()
    if centre is None or width is None or width <= 0 or (function == "LINEAR" and width < 1):
        return None
    return Window(centre, width, function)
