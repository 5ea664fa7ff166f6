"""With TLS and a password for the broker the stack works, and others have no access."""

from __future__ import annotations

import dataclasses
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest
from pydantic import SecretStr
from redis import Redis

from scheduler.broker import ask, broker_url, ping
from scheduler.checkup.broker import check_broker
from scheduler.checkup.check import Check
from scheduler.errors import BrokerRefuses, BrokerUntrusted
from scheduler.settings import Settings
from testbed.commands import Commands
from testbed.radiographs import write_radiographs
from testbed.servers.redis import RedisServer
from testbed.servers.tls import TlsFront
from tests.cli.test_running import free_port, page
from tests.worker.conftest import Bench

pytestmark = pytest.mark.slow

PASSWORD = "open:sesame/ 7"  # noqa: S105 - made up


@dataclasses.dataclass(frozen=True)
class Secured:
    """A Redis server with a password, behind TLS."""

    plain: int
    front: TlsFront

    def url(self, password: str = PASSWORD, *, trusting: bool = True) -> str:
        """Return a broker's URL; ``trusting``: with the authority of the certificate."""
        known = f"?ssl_ca_certs={self.front.authority}" if trusting else ""
        return f"rediss://:{quote(password, safe='')}@127.0.0.1:{self.front.port}/0{known}"


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[Secured]:
    """Return a broker with TLS and a password."""
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


def test_a_stack_measures_over_tls_and_does_not_reveal_its_password(
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
    says_nothing(words)
    says_nothing(logs)


def test_an_untrusted_certificate_is_refused(bench: Bench, secured: Secured) -> None:
    unsure = with_broker(bench, secured.url(trusting=False)).settings
    assert "ssl_cert_reqs=required" in broker_url(unsure)
    assert ping(broker_url(unsure)) is None
    assert ping(secured.url(trusting=False) + "?ssl_cert_reqs=none") is not None
    write_radiographs(bench.archive, 2)
    bench.submit(None)
    with bench.stack() as stack:
        assert bench.finish(stack, 8).measured == 0
    assert "CERTIFICATE_VERIFY_FAILED" in bench.log() or "cert" in bench.log().lower()


def test_a_certificate_of_another_host_is_refused(secured: Secured, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with TlsFront(secured.plain, elsewhere, "elsewhere.example") as front:
        settings = Settings(broker_url=SecretStr(Secured(secured.plain, front).url()))
        with pytest.raises(BrokerUntrusted):
            ask(broker_url(settings))


def test_a_wrong_password_is_refused(secured: Secured) -> None:
    assert ping(secured.url()) is not None
    for url in (secured.url("wrong"), f"redis://127.0.0.1:{secured.plain}/0"):
        assert ping(url) is None
        with pytest.raises(BrokerRefuses) as caught:
            ask(url)
        assert "wrong" not in str(caught.value)


def test_the_doctor_distinguishes_a_wrong_password_an_untrusted_certificate_and_no_answer(
    secured: Secured, tmp_path: Path
) -> None:
    def told(url: str) -> Check:
        return check_broker(Settings(broker_url=SecretStr(url)))

    assert told(secured.url()).ok
    for url, code in (
        (secured.url("wrong"), "broker-refuses"),
        (f"redis://:{quote(PASSWORD, safe='')}@127.0.0.1:1/0", "broker-unavailable"),
        (secured.url(trusting=False), "broker-untrusted"),
        (secured.url().replace("authority.pem", "no-such.pem"), "broker-untrusted"),
    ):
        broker = told(url)
        assert (broker.ok, code in broker.found) == (False, True), broker
        says_nothing(broker.found)
    commands = Commands(tmp_path / "state", {"THORAQ_BROKER_URL": secured.url(trusting=False)})
    ran = commands.run("doctor")
    assert "broker-untrusted" in ran.stdout
    says_nothing(ran.stdout + ran.stderr)


def test_files_submitted_with_a_wrong_password_wait_and_it_is_not_revealed(
    secured: Secured, tmp_path: Path
) -> None:
    write_radiographs(tmp_path / "inbox", 2)
    commands = Commands(tmp_path / "state", {"THORAQ_BROKER_URL": secured.url("wrong" + PASSWORD)})
    submitted = commands.run("submit", tmp_path / "inbox", "--batch", "b")
    status = commands.run("status", "b")
    assert "2 queued" in submitted.stdout
    assert "no broker answers" in status.stderr
    says_nothing(submitted.stdout + submitted.stderr + status.stdout + status.stderr)


def test_flower_reaches_a_broker_behind_tls_and_shows_no_password(
    bench: Bench, secured: Secured, tmp_path: Path
) -> None:
    with_broker(bench, secured.url())
    write_radiographs(bench.archive, 2)
    port = free_port()
    extra = {"THORAQ_BROKER_URL": secured.url(), "THORAQ_FLOWER_PASSWORD": "sesame"}
    with bench.stack() as stack:
        bench.submit(stack)
        assert bench.finish(stack).measured == 2, bench.log()
        flower = Commands(tmp_path / "watching", extra).start("flower", "--port", str(port))
        try:
            said = page(f"http://127.0.0.1:{port}/workers", "cpu0@", user="thoraq:sesame")
            assert "cpu0@" in said, said
            said = page(f"http://127.0.0.1:{port}/broker", "measure.routine", user="thoraq:sesame")
            assert "measure.routine" in said, said
            says_nothing(said)
            # The worker's page: its tasks, its configuration, its figures.
            worker = f"http://127.0.0.1:{port}/worker/cpu0@{socket.gethostname()}"
            said = page(worker, "thoraq.measure_chunk", user="thoraq:sesame")
            assert "thoraq.measure_chunk" in said, said
            assert "task_acks_late" in said
            says_nothing(said)
            says_nothing(Path(f"/proc/{flower.pid}/cmdline").read_text())
        finally:
            flower.send_signal(signal.SIGINT)
            _, errors = flower.communicate(timeout=60)
        says_nothing(errors)
        assert "sesame" not in errors


def says_nothing(text: str) -> None:
    """Assert that a text does not contain the password."""
    for secret in (PASSWORD, quote(PASSWORD, safe="")):
        assert secret not in text
