"""A broker behind TLS and a password: the whole stack works, strangers and eavesdroppers do not."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest
from pydantic import SecretStr
from redis import Redis

from scheduler.broker import broker_url, ping
from tests.servers.redis import RedisServer
from tests.servers.tls import TlsFront
from tests.worker.conftest import Bench, write_radiographs

pytestmark = pytest.mark.slow

PASSWORD = "open:sesame/ 7"  # noqa: S105 - made up


@dataclasses.dataclass(frozen=True)
class Secured:
    """A Redis that asks for a password, behind TLS."""

    plain: int
    front: TlsFront

    def url(self, password: str = PASSWORD, *, trusting: bool = True) -> str:
        """Return a broker's URL; ``trusting``: the authority that signed the certificate."""
        known = f"?ssl_ca_certs={self.front.authority}" if trusting else ""
        return f"rediss://:{quote(password, safe='')}@127.0.0.1:{self.front.port}/0{known}"


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[Secured]:
    """Give a broker of our own behind TLS and a password."""
    server = RedisServer(tmp_path / "secured")
    server.start()
    with Redis(port=server.port) as client:
        client.config_set("requirepass", PASSWORD)
    with TlsFront(server.port, tmp_path) as front:
        yield Secured(server.port, front)
    server.kill()


def with_broker(bench: Bench, url: str) -> Bench:
    bench.settings = bench.settings.model_copy(update={"broker_url": SecretStr(url)})
    return bench


def test_a_stack_measures_over_tls_and_nobody_reads_its_password(
    bench: Bench, secured: Secured
) -> None:
    with_broker(bench, secured.url())
    write_radiographs(bench.archive, 6)
    with bench.stack() as stack:
        bench.submit(stack)
        assert bench.finish(stack).measured == 6, bench.log()
        family = [
            each
            for member in stack.members
            if member.pid is not None
            for each in [
                psutil.Process(member.pid),
                *psutil.Process(member.pid).children(recursive=True),
            ]
        ]
        words = " ".join(word for each in family for word in each.cmdline())
    logs = "".join(
        each.read_text(errors="replace") for each in (bench.settings.state / "logs").iterdir()
    )
    for secret in (PASSWORD, quote(PASSWORD, safe="")):
        assert secret not in words
        assert secret not in logs


def test_a_certificate_that_nobody_vouches_for_is_refused(bench: Bench, secured: Secured) -> None:
    unsure = with_broker(bench, secured.url(trusting=False)).settings
    assert "ssl_cert_reqs=required" in broker_url(unsure)
    assert ping(broker_url(unsure)) is None
    assert ping(secured.url(trusting=False) + "?ssl_cert_reqs=none") is not None
    write_radiographs(bench.archive, 2)
    bench.submit(None)
    with bench.stack() as stack:
        assert bench.finish(stack, 8).measured == 0
    assert "CERTIFICATE_VERIFY_FAILED" in bench.log() or "cert" in bench.log().lower()


def test_a_wrong_password_opens_nothing(secured: Secured) -> None:
    assert ping(secured.url()) is not None
    assert ping(secured.url("wrong")) is None
    assert ping(f"redis://127.0.0.1:{secured.plain}/0") is None
