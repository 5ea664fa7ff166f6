"""The script that installs servers, peers and checkers for the tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "deploy" / "test-servers.sh"


def test_a_complete_machine_is_not_changed(tmp_path: Path) -> None:
    shell = shutil.which("sh")
    assert shell is not None
    for name in ("initdb", "systemd-analyze", "tc", "storescu", "dciodvfy", "Orthanc", "chromium"):
        there = tmp_path / name
        there.write_text("#!/bin/sh\nexit 9\n", encoding="utf-8")
        there.chmod(0o755)
    for name in ("apt-get", "id"):  # called only if something is missing
        stub = tmp_path / name
        stub.write_text(f"#!/bin/sh\ntouch {tmp_path}/stub\nexit 9\n", encoding="utf-8")
        stub.chmod(0o755)

    ran = subprocess.run(
        [shell, str(SCRIPT), sys.executable],
        env={"PATH": f"{tmp_path}{os.pathsep}{os.defpath}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    assert not (tmp_path / "stub").exists()


def test_the_script_requires_a_python_to_install_into() -> None:
    shell = shutil.which("sh")
    assert shell is not None
    ran = subprocess.run([shell, str(SCRIPT)], capture_output=True, text=True, check=False)
    assert ran.returncode != 0
    assert "usage" in ran.stderr
