"""tools/setup.sh, run for real on a small project, on PATHs and disks that people really have.

The project has one dependency, a wheel written here, so that nothing comes over the network.
"""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import sys
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from tests.support_setup import Desk, make_desk, write_wheel

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A project that can be set up offline, and no Python yet."""
    return make_desk(tmp_path)


@pytest.fixture(params=["pip", "uv"])
def installer(desk: Desk, request: pytest.FixtureRequest) -> str:
    """A fitting Python is there; with it pip alone, or uv too."""
    desk.python()
    if request.param == "uv":
        desk.uv()
    return str(request.param)


def the_one_line(run: subprocess.CompletedProcess[str]) -> str:
    """A refusal is one line on stderr that begins with our name, and a status of 1."""
    assert run.returncode == 1, run.stdout + run.stderr
    lines = run.stderr.splitlines()
    assert len(lines) == 1, run.stderr
    assert lines[0].startswith("labkit: ")
    return lines[0]


def test_the_first_run_installs_and_the_second_does_nothing(desk: Desk, installer: str) -> None:
    first = desk.run()
    assert first.returncode == 0, first.stdout + first.stderr
    assert f"with {installer}" in first.stdout or f"and {installer}" in first.stdout
    assert desk.import_small() == "42"

    second = desk.run()
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")

    # A changed lock is installed into the same environment; a moved checkout gets a new one.
    (desk.project / ".venv" / "kept").touch()
    desk.lock(write_wheel(desk.wheels, b"another build"))
    assert desk.run().returncode == 0
    assert (desk.project / ".venv" / "kept").exists()
    desk.project = desk.project.rename(desk.project.with_name("moved"))
    moved = desk.run()
    assert moved.returncode == 0, moved.stderr
    assert "replacing .venv" in moved.stdout
    assert not (desk.project / ".venv" / "kept").exists()
    assert desk.import_small() == "42"


def test_without_any_python(desk: Desk) -> None:
    line = the_one_line(desk.run())
    assert "no Python found on the PATH" in line
    assert "uv" in line


def test_a_python_that_does_not_run_is_none(desk: Desk) -> None:
    desk.python("python3.12", "echo 'version not installed' >&2; exit 127\n")
    assert "no Python found" in the_one_line(desk.run())


@pytest.mark.parametrize("version", ["3.10", "3.14"])
def test_a_python_too_old_or_too_new(desk: Desk, version: str) -> None:
    digits = version.replace(".", ", ")
    desk.altered_python(f'sys.version_info = ({digits}, 0, "final", 0)')
    line = the_one_line(desk.run())
    assert f"python3 is Python {version}, and labkit needs Python >=3.11,<3.14" in line


@pytest.mark.slow
def test_a_fitting_python_is_found_behind_one_that_does_not_fit(desk: Desk) -> None:
    desk.altered_python('sys.version_info = (3, 10, 0, "final", 0)').rename(desk.bin / "python3.12")
    desk.python("python3.11")
    run = desk.run()
    assert run.returncode == 0, run.stderr
    assert f"{desk.bin}/python3.11" in run.stdout


def test_a_python_without_venv(desk: Desk) -> None:
    desk.altered_python('sys.modules["ensurepip"] = None')
    line = the_one_line(desk.run())
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert "has no venv module" in line
    assert f"apt install python{version}-venv" in line


@pytest.mark.usefixtures("installer")
def test_a_chosen_python_that_does_not_fit(desk: Desk) -> None:
    chosen = desk.altered_python('sys.version_info = (3, 9, 0, "final", 0)').rename(
        desk.bin / "chosen"
    )
    assert "chosen is Python 3.9" in the_one_line(desk.run(PYTHON=str(chosen)))


@pytest.mark.slow
def test_a_python_chosen_later_replaces_the_environment(desk: Desk) -> None:
    assert desk.python("python3.11").exists()
    chosen = desk.python("chosen")
    assert desk.run().returncode == 0
    assert "replacing .venv" in desk.run(PYTHON=str(chosen)).stdout
    assert desk.run(PYTHON=str(chosen)).stdout == ""
    assert desk.run().stdout == ""


def test_uv_without_a_python_and_without_leave_to_fetch_one(desk: Desk) -> None:
    desk.uv()
    line = the_one_line(desk.run(UV_PYTHON="", UV_PYTHON_PREFERENCE="only-system"))
    assert "no Python >=3.11,<3.14 here" in line


# Told not to try again, pip does not say why it has found nothing.
@pytest.mark.parametrize("retries", ["1", pytest.param("0", marks=pytest.mark.slow)])
@pytest.mark.usefixtures("installer")
def test_without_a_network(desk: Desk, retries: str) -> None:
    closed = "http://127.0.0.1:9/"
    nowhere = {
        "PIP_INDEX_URL": closed,
        "PIP_RETRIES": retries,
        "PIP_FIND_LINKS": "",
        "UV_DEFAULT_INDEX": closed,
        "UV_HTTP_RETRIES": "0",
    }
    del desk.environment["PIP_NO_INDEX"]
    assert "no network" in the_one_line(desk.run(**nowhere))


@pytest.fixture
def distrusted_index(tmp_path: Path) -> Iterator[str]:
    """The address of an HTTPS server whose certificate nobody signed."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl: a certificate that is not trusted was NOT tested")
    certificate = tmp_path / "both.pem"
    make = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
    make += ["-keyout", str(certificate), "-out", str(tmp_path / "certificate.pem")]
    subprocess.run(make, check=True, capture_output=True)
    certificate.write_text(certificate.read_text() + (tmp_path / "certificate.pem").read_text())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    # A refused handshake is what the test is about: no traceback of it in the output.
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"https://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.mark.usefixtures("installer")
def test_an_index_whose_certificate_is_not_trusted(desk: Desk, distrusted_index: str) -> None:
    del desk.environment["PIP_NO_INDEX"]
    index = {"PIP_INDEX_URL": distrusted_index, "UV_DEFAULT_INDEX": distrusted_index}
    run = desk.run(**index, PIP_RETRIES="0", PIP_FIND_LINKS="", UV_HTTP_RETRIES="0")
    assert "certificate of the package index is not trusted" in the_one_line(run)


@pytest.mark.usefixtures("installer")
def test_a_download_that_is_not_the_locked_one(desk: Desk) -> None:
    write_wheel(desk.wheels, b"tampered with")
    line = the_one_line(desk.run())
    assert "not the file that requirements.lock names" in line
    assert not (desk.project / ".venv" / "labkit-stamp").exists()


def test_a_full_disk(desk: Desk, installer: str, tmp_path: Path) -> None:
    if installer == "uv":
        desk.lock(write_wheel(desk.wheels, b"\0" * 8_000_000))
    small = tmp_path / "small disk"
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "labkit", str(small)]
    small.mkdir()
    if subprocess.run(["unshare", "-rm", *mount], capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a small disk here: a full one was NOT tested")
    inside = (
        'small=$1; shift; "$@" && cp -R "$project/." "$small" && cd "$small" && sh tools/setup.sh'
    )
    tools = os.pathsep.join([str(desk.bin), os.environ["PATH"]])
    # The real PATH is for mount and cp; python3 and uv come first from the desk.
    if installer == "pip":
        tools = os.pathsep.join(
            part for part in tools.split(os.pathsep) if not (Path(part) / "uv").exists()
        )
    run = subprocess.run(
        ["unshare", "-rm", "sh", "-c", inside, "sh", str(small), *mount],
        env={**desk.environment, "PATH": tools, "project": str(desk.project)},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert "the disk is full" in the_one_line(run)


def test_another_failure_shows_its_last_lines(desk: Desk) -> None:
    desk.python()
    (desk.project / "requirements.lock").write_text("not a requirement at all !!\n")
    run = desk.run()
    assert run.returncode == 1
    assert "not a requirement at all" in run.stderr
    assert run.stderr.splitlines()[-1].startswith("labkit: the set-up failed")
