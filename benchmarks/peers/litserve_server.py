"""LitServe: a server that forms batches, and a client that keeps enough requests waiting."""

from __future__ import annotations

import http.client
import json
import multiprocessing
import queue
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import litserve
import psutil

from benchmarks.peers.engine import Engine
from benchmarks.peers.file_rows import InputFile, Network, Plan, Row, take

#: Batches kept waiting per worker, so that none is idle.
_WAITING_BATCHES = 2
_BATCH_TIMEOUT_SECONDS = 0.05
_START_SECONDS = 120.0


class Measuring(litserve.LitAPI):
    """Takes a path, returns a row."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(max_batch_size=plan.batch, batch_timeout=_BATCH_TIMEOUT_SECONDS)
        self._plan = plan

    def setup(self, device: str) -> None:
        """Load the network into a worker."""
        del device
        self._network = Network(self._plan)
        self._network.measured(self._plan.sample)

    def decode_request(self, request: dict[str, str]) -> InputFile:
        """Read the file."""
        return take(request["path"])

    def batch(self, inputs: list[InputFile]) -> list[InputFile]:
        """Return the files unchanged; the network stacks them."""
        return inputs

    def predict(self, x: list[InputFile]) -> list[Row]:
        """Measure a batch."""
        return self._network.rows(x)

    def unbatch(self, output: list[Row]) -> list[Row]:
        """Return the rows of the requests."""
        return output

    def encode_response(self, output: Row) -> dict[str, object]:
        """Return the row."""
        return output.plain()


def _serve(plan: Plan, port: int) -> None:
    server = litserve.LitServer(
        Measuring(plan), accelerator="cpu", devices=1, workers_per_device=plan.cores, timeout=False
    )
    server.run(
        host="127.0.0.1",
        port=port,
        num_api_servers=1,
        generate_client_file=False,
        log_level="error",
    )


@contextmanager
def opened(plan: Plan) -> Iterator[Engine]:
    """Start the server, and wait until it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(plan, port))
    server.start()

    def measured(paths: Sequence[str]) -> Iterator[Row]:
        waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
        answers: queue.SimpleQueue[Row | Exception] = queue.SimpleQueue()
        for path in paths:
            waiting.put(path)
        for _ in range(min(len(paths), plan.cores * plan.batch * _WAITING_BATCHES)):
            threading.Thread(target=_ask, args=(port, waiting, answers), daemon=True).start()
        for _ in paths:
            answer = answers.get()
            if isinstance(answer, Exception):
                raise answer
            yield answer

    try:
        _wait_until_warm(port)
        yield measured
    finally:
        # Otherwise its workers and its API server would outlive it.
        for process in psutil.Process(server.pid).children(recursive=True):
            process.kill()
        server.terminate()
        server.join()


def _ask(
    port: int, waiting: queue.SimpleQueue[str], answers: queue.SimpleQueue[Row | Exception]
) -> None:
    """Post paths over one connection until none is left."""
    line = http.client.HTTPConnection("127.0.0.1", port)
    try:
        while True:
            path = waiting.get_nowait()
            body = json.dumps({"path": path})
            line.request("POST", "/predict", body, {"Content-Type": "application/json"})
            answers.put(Row(**json.loads(line.getresponse().read())))
    except queue.Empty:
        line.close()
    except Exception as exc:  # noqa: BLE001 - it ends the run, in the thread that waits for it
        answers.put(exc)


def _wait_until_warm(port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        line = http.client.HTTPConnection("127.0.0.1", port)
        try:
            line.request("GET", "/health")
            if line.getresponse().status == http.HTTPStatus.OK:
                return
        except OSError:
            pass
        finally:
            line.close()
        time.sleep(0.2)
    raise TimeoutError("the server does not answer")
