"""A short night full of faults on each database, and the proxy that causes some of them."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.chaos.archive import write_archive
from tests.chaos.campaign import Spent, compare, spend_night
from tests.chaos.proxy import Proxy

RADIOGRAPHS = 150


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return the files of an archive."""
    return write_archive(tmp_path_factory.mktemp("archive"), RADIOGRAPHS)


@pytest.fixture(scope="module")
def quiet(files: list[Path]) -> Spent:
    """Return the outcome of an undisturbed night."""
    spent = spend_night(
        files,
        postgres=False,
        seed=0,
        portions=2,
        hurting=False,
        pause_seconds=0.5,
        tell=lambda _: None,
    )
    assert len(spent.testimony.results) == RADIOGRAPHS
    return spent


@pytest.mark.slow
@pytest.mark.parametrize(("postgres", "seed"), [(True, 7), (False, 5)])
def test_no_file_is_lost_or_measured_twice_despite_faults(
    files: list[Path], quiet: Spent, postgres: bool, seed: int
) -> None:
    spent = spend_night(
        files,
        postgres=postgres,
        seed=seed,
        portions=10,
        hurting=True,
        pause_seconds=1.2,
        tell=lambda _: None,
    )
    assert spent.faults.total() == len(spent.faults) == 10  # all of different kinds
    assert compare(files, quiet.testimony, spent.testimony) == (0, 0, 0, 0), spent.faults
    assert spent.left == 0


@pytest.mark.slow
def test_lost_and_repeated_files_are_detected(files: list[Path], quiet: Spent) -> None:
    said = quiet.testimony
    path = next(str(each) for each in files if each.name.startswith("broken"))
    content = next(iter(said.results))
    points, ict = said.results[content]
    without = {key: value for key, value in said.results.items() if key != content}
    moved = {**said.results, content: ((points[0] + 1.0, *points[1:]), ict)}
    unmeasured = {**said.results, content: (points, None)}
    for changed, expected in (
        (replace(said, files={**said.files, path: []}), (1, 0, 1, 0)),
        (replace(said, files={**said.files, path: said.files[path] * 2}), (0, 1, 0, 0)),
        (replace(said, files={**said.files, "/strange": []}), (0, 0, 1, 0)),
        (replace(said, results=without), (1, 0, 0, 0)),
        (replace(said, results=moved), (0, 0, 1, 0)),
        (replace(said, results=unmeasured), (0, 0, 1, 0)),
        (replace(said, twice=2), (0, 2, 0, 0)),
        (replace(said, unexplained=3), (0, 0, 0, 3)),
    ):
        assert compare(files, said, changed) == expected


@pytest.fixture
def echo() -> Iterator[int]:
    """Yield the port of an echo server."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    def answer(connection: socket.socket) -> None:
        with connection:
            while heard := connection.recv(1024):
                connection.sendall(heard)

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def test_a_proxy_forwards_delays_cuts_and_refuses(echo: int) -> None:
    with Proxy(echo) as proxy:
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as caller:
            caller.sendall(b"one")
            assert caller.recv(10) == b"one"
            proxy.delay(0.2)
            began = time.monotonic()
            caller.sendall(b"two")
            assert caller.recv(10) == b"two"
            assert time.monotonic() - began >= 0.4  # there and back
            proxy.delay(0.0)
            assert proxy.cut() == 1
            assert caller.recv(10) == b""
        proxy.refuse(refusing=True)
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as caller:
            assert caller.recv(10) == b""
        proxy.refuse(refusing=False)
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as caller:
            caller.sendall(b"three")
            assert caller.recv(10) == b"three"
