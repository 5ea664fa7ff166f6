"""The devices of this machine; list them in a separate process, never in a parent that forks.

``python -m network.devices --json`` prints them.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

from network.compute_device import ComputeDevice


def list_devices() -> list[ComputeDevice]:
    """Return the accelerators, then the CPU."""
    import psutil  # noqa: PLC0415
    import torch  # noqa: PLC0415 - importing this module must not initialise a device

    kind = "rocm" if torch.version.hip else "cuda"
    accelerators = [
        ComputeDevice(
            name=torch.cuda.get_device_name(index),
            kind=kind,
            index=index,
            memory_bytes=torch.cuda.get_device_properties(index).total_memory,
        )
        for index in range(torch.cuda.device_count())
    ]
    cpu = ComputeDevice(name="cpu", kind="cpu", index=0, memory_bytes=psutil.virtual_memory().total)
    return [*accelerators, cpu]


def main() -> None:
    """Print one line per device, or JSON."""
    parser = argparse.ArgumentParser(prog="python -m network.devices", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print a JSON list")
    devices = list_devices()
    if parser.parse_args().json:
        json.dump([asdict(device) for device in devices], sys.stdout)
    else:
        for device in devices:
            sys.stdout.write(f"{device.kind}:{device.index} {device.name} {device.memory_bytes}\n")


if __name__ == "__main__":
    main()
