"""The command as operators meet it: real processes, real sockets, one clear line for each thing that is wrong."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

SECRET, TOKEN = "sesame-of-the-test", "token-of-the-test"
LINE = """
[[line]]
name = "support"
tenant = "acme"
pbx = "lab"
dids = ["5550100"]
queue = "support"
trunks = ["main"]
callback_trunks = ["main"]
caller_id = "5550100"
"""


def settings(folder: Path, *, ami: int, store: str = "keepline.db", web: int = 0) -> Path:
    file = folder / "keepline.toml"
    file.write_text(
        f"""
[store]
url = "sqlite:///{folder / store}"
[voice]
directory = "{folder / "announcements"}"
[agi]
listen = "127.0.0.1:0"
[audio]
listen = "127.0.0.1:0"
[web]
listen = "127.0.0.1:{web}"
[[tenant]]
name = "acme"
spoken = "Acme"
[[pbx]]
name = "lab"
host = "127.0.0.1"
port = {ami}
[[pbx.trunk]]
name = "main"
spoken = "our line"
{LINE}""",
        encoding="utf-8",
    )
    return file


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KEEPLINE_")}
    return {**kept, "KEEPLINE_AGI_TOKEN": TOKEN, "KEEPLINE_PBX_LAB_SECRET": SECRET}


def keepline(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ami_bridge.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=environment() if env is None else env,
    )


def clean(result: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    """No traceback and no secret, whatever went wrong."""
    for text in (result.stdout, result.stderr):
        assert "Traceback" not in text
        assert SECRET not in text
        assert TOKEN not in text
    return result


def unused_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def refusing_pbx() -> Iterator[tuple[int, list[bytes]]]:
    """An AMI that greets and refuses every login; yields its port and what it was sent."""
    sent: list[bytes] = []
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            with peer:
                peer.settimeout(20)
                peer.sendall(b"Asterisk Call Manager/11.0.0\r\n")
                asked = b""
                while not asked.endswith(b"\r\n\r\n") and (chunk := peer.recv(4096)):
                    asked += chunk
                sent.append(asked)
                number = re.search(rb"ActionID: (.+)\r\n", asked)
                if number is not None:
                    peer.sendall(
                        b"Response: Error\r\nActionID: " + number[1] + b"\r\nMessage: Authentication failed\r\n\r\n"
                    )
                    peer.recv(1)  # until the other end has read it and closed

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server.getsockname()[1], sent
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()


def test_check_finds_nothing_wrong(tmp_path: Path) -> None:
    result = clean(keepline("check", "--config", str(settings(tmp_path, ami=5038))))
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.endswith("no fault found\n")


@pytest.mark.parametrize("command", [["check"], ["run"]])
def test_every_command_says_what_is_wrong_with_the_settings(tmp_path: Path, command: list[str]) -> None:
    file = settings(tmp_path, ami=5038)
    file.write_text(file.read_text(encoding="utf-8") + "[weeb]\n", encoding="utf-8")
    result = clean(keepline(*command, "--config", str(file), env={**environment(), "KEEPLINE_AGI_TOKEN": ""}))
    assert (result.returncode, result.stdout) == (2, "")
    needed = "8 to 200 letters, digits or _.~+=- are needed; set KEEPLINE_AGI_TOKEN to a random text of them"
    assert sorted(result.stderr.splitlines()) == [
        f"keepline: {file}: agi.token: {needed}",
        f"keepline: {file}: weeb: there is no such setting; check its spelling",
    ]


def test_settings_that_are_not_there_are_one_line(tmp_path: Path) -> None:
    result = clean(keepline("check", "--config", str(tmp_path / "none.toml")))
    assert result.returncode == 2
    assert result.stderr == (
        f"keepline: {tmp_path / 'none.toml'}: there is no such file; name the settings with --config\n"
    )


def test_render_writes_two_files_that_others_cannot_read(tmp_path: Path) -> None:
    result = clean(
        keepline("render", "--config", str(settings(tmp_path, ami=5038)), "--out", str(tmp_path / "a" / "b"))
    )
    assert result.returncode == 0
    paths = [Path(line) for line in result.stdout.splitlines()]
    assert [path.name for path in paths] == ["extensions.conf", "manager.conf"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o640}
    assert SECRET in paths[1].read_text(encoding="utf-8")


def test_render_refuses_what_it_cannot_write_and_where_it_cannot(tmp_path: Path) -> None:
    file = settings(tmp_path, ami=5038)
    hostile = {**environment(), "KEEPLINE_PBX_LAB_SECRET": "a;b c"}
    result = clean(keepline("render", "--config", str(file), "--out", str(tmp_path / "out"), env=hostile))
    assert (result.returncode, len(result.stderr.splitlines())) == (2, 1)
    assert "AMI secret '(not shown)' has characters that a dialplan would interpret" in result.stderr
    result = clean(keepline("render", "--config", str(file), "--out", str(file)))
    assert (result.returncode, result.stderr) == (2, f"keepline: --out: {file} cannot be written: File exists\n")
    result = clean(keepline("render", "--config", str(file), "--out", str(tmp_path), "--pbx", "other"))
    assert (result.returncode, result.stderr) == (2, f"keepline: {file} has no [[pbx]] other; there are: lab\n")


def test_run_says_which_port_is_taken(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        result = clean(keepline("run", "--config", str(settings(tmp_path, ami=unused_port(), web=port))))
    complaints = [line for line in result.stderr.splitlines() if line.startswith("keepline: ")]
    assert result.returncode == 2
    assert len(complaints) == 1
    assert str(port) in complaints[0]


def test_run_says_that_the_database_cannot_be_written(tmp_path: Path) -> None:
    file = settings(tmp_path, ami=unused_port(), store="nowhere/keepline.db")
    (tmp_path / "nowhere").write_text("a file, not a folder", encoding="utf-8")
    result = clean(keepline("run", "--config", str(file)))
    complaints = [line for line in result.stderr.splitlines() if line.startswith("keepline: ")]
    assert result.returncode == 2
    assert len(complaints) == 1
    assert "nowhere" in complaints[0]


def test_run_ends_when_the_pbx_refuses_the_secret_and_does_not_try_again(tmp_path: Path) -> None:
    with refusing_pbx() as (port, sent):
        result = clean(keepline("run", "--config", str(settings(tmp_path, ami=port))))
    assert result.returncode == 2
    [complaint] = [line for line in result.stderr.splitlines() if line.startswith("keepline: ")]
    assert f"PBX lab at 127.0.0.1:{port} refused the AMI login of user 'keepline'; check" in complaint
    assert len(sent) == 1
    assert SECRET.encode() in sent[0]


def test_run_keeps_trying_a_pbx_that_is_not_there_and_ends_in_peace(tmp_path: Path) -> None:
    """Retrying is seen on the wire: a listener comes up on the port later and is called."""
    port = unused_port()
    command = [sys.executable, "-m", "ami_bridge.cli", "run", "--config", str(settings(tmp_path, ami=port))]
    log = tmp_path / "log"
    with log.open("wb") as out, subprocess.Popen(command, stderr=out, stdout=out, env=environment()) as process:
        try:
            deadline = time.monotonic() + 45
            while b"PBX cannot be reached, trying again" not in log.read_bytes():
                assert process.poll() is None, log.read_text(encoding="utf-8")
                assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
                time.sleep(0.05)
            with closing(socket.create_server(("127.0.0.1", port))) as late:
                late.settimeout(30)
                peer, _ = late.accept()
                peer.close()
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        finally:
            process.kill()
    text = log.read_text(encoding="utf-8")
    assert "Traceback" not in text
    assert SECRET not in text
    assert TOKEN not in text
