"""The web server as a process: started, found at its port, stopped, and gone when nobody has it."""

from __future__ import annotations

import shutil
import socket
import sys
import urllib.request
from pathlib import Path

import pytest

from labkit.errors import ConfigurationError, LabkitError, WorkerError
from labkit.settings import Settings
from labkit.web import WebServer, public_url
from tests.support import gone, wait_until


@pytest.fixture
def home(settings: Settings) -> Path:
    return settings.root


class TestServer:
    def test_listens_at_the_chosen_port_until_it_is_stopped(self, home: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        server = WebServer.start(port=port)
        pid = server._child.pid
        assert server.running
        assert server.port == port
        with urllib.request.urlopen(f"{server.url}signup") as answer:
            assert answer.status == 200
        wait_until(lambda: "GET /signup 200" in server.log())
        server.stop()
        server.stop()
        assert gone(pid)
        assert not server.running
        assert repr(server).endswith("inside the request, stopped)")
        assert server.log() == ""
        assert list((home / ".labkit").glob("web-*.log")) == []

    def test_a_server_that_nobody_holds_ends(self, home: Path) -> None:
        server = WebServer.start()
        pid = server._child.pid
        del server
        wait_until(lambda: gone(pid))

    def test_a_port_that_cannot_be_had_is_one_clear_line(self, home: Path) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            for port in (taken.getsockname()[1], 70_000):
                with pytest.raises(ConfigurationError, match=f"Port {port} cannot be used"):
                    WebServer.start(port=port)

    def test_one_that_cannot_start_says_why(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = set((home / ".labkit").glob("web-*.log"))
        monkeypatch.setenv("LABKIT_KEEP_DAYS", "never")
        with pytest.raises(LabkitError, match="keep_days"):
            WebServer.start()
        monkeypatch.setenv("LABKIT_KEEP_DAYS", "7")
        broken = home / "work" / "app" / "jobs"
        broken.mkdir(parents=True)
        (broken / "mistake.py").write_text("import nothing_of_this_name\n")
        with pytest.raises(WorkerError, match="nothing_of_this_name"):
            WebServer.start()
        shutil.rmtree(home / "work")
        assert set((home / ".labkit").glob("web-*.log")) == before

    def test_without_flask_it_names_the_extra(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "flask", None)
        with pytest.raises(ConfigurationError, match="extra `lab`"):
            WebServer.start()


class TestPublicUrl:
    def test_at_home_is_the_loopback(self, root: Path) -> None:
        assert public_url(8000) == "http://127.0.0.1:8000/"

    def test_on_a_hub_goes_through_its_proxy(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/ann-x/")
        assert public_url(8000) == "/user/ann-x/proxy/8000/"
        monkeypatch.setenv("JUPYTERHUB_PUBLIC_URL", "https://hub.example/user/ann-x/")
        assert public_url(8000) == "https://hub.example/user/ann-x/proxy/8000/"
