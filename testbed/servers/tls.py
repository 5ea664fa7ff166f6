"""A TLS proxy for a server without TLS, with certificates of our own authority."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Self

import trustme

from testbed.checkout import ROOT
from testbed.processes import ending_with_us


class TlsFront:
    """A process that listens on its own port and forwards decrypted data to ``target``."""

    def __init__(self, target: int, folder: Path, *names: str) -> None:
        """``names``: of the certificate; without any, this machine's."""
        authority = trustme.CA()
        certificate = authority.issue_cert(*(names or ("localhost", "127.0.0.1")))
        self.authority = folder / "authority.pem"
        self._certificate = folder / "certificate.pem"
        authority.cert_pem.write_to_path(self.authority)
        certificate.private_key_and_cert_chain_pem.write_to_path(self._certificate)
        self._target = target
        self._process: subprocess.Popen[str] | None = None
        self.port = 0

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "testbed.servers.tls",
                str(self._target),
                str(self._certificate),
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=ending_with_us(signal.SIGKILL),  # noqa: PLW1509 - prctl alone
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()


async def serve(target: int, certificate: Path) -> None:
    """Forward until killed; the first line printed is the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", target)
        await asyncio.gather(pour(reader, there_writer), pour(there_reader, writer))

    async def pour(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while block := await source.read(1 << 16):
                sink.write(block)
                await sink.drain()
        sink.close()

    server = await asyncio.start_server(forward, "127.0.0.1", 0, ssl=context)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
