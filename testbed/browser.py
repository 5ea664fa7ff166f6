"""Debian's Chromium through Playwright, for tests that look at pages."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

#: Chromium as root needs the first; with the second it asks its maker nothing.
ARGUMENTS = ("--no-sandbox", "--disable-background-networking")


class NoBrowser(RuntimeError):
    """Chromium is not installed; `sh deploy/test-servers.sh` installs it."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser. Raises NoBrowser."""
    program = shutil.which("chromium")
    if program is None:
        raise NoBrowser("chromium is not installed: sh deploy/test-servers.sh installs it as root")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()
