"""The pages: what a browser gets, what a stranger does not, and what a sign-up costs each way."""

from __future__ import annotations

import http.client
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from sqlmodel import select

from labkit import database
from labkit.database import create_tables, session
from labkit.invoice import folder
from labkit.ledger.reader import Ledger
from labkit.mail_sink import MailSink
from labkit.models import Log, Task
from labkit.redis_server import ThrowawayRedis
from labkit.web import WebServer, measure
from labkit.web_app import create_app
from tests.support import wait_until

FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def home(
    tmp_path_factory: pytest.TempPathFactory, throwaway_redis: ThrowawayRedis
) -> Iterator[Path]:
    """One root for the servers of this module: each takes its time to start."""
    folder = tmp_path_factory.mktemp("root")
    (folder / "labkit.toml").touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("DATABASE_URL", raising=False)
        patch.delenv("LABKIT_ENV", raising=False)
        patch.delenv("JUPYTERHUB_SERVICE_PREFIX", raising=False)
        patch.setenv("REDIS_URL", throwaway_redis.url)
        create_tables()
        yield folder
        database.close()


@pytest.fixture(scope="module")
def inside(home: Path) -> Iterator[WebServer]:
    with WebServer.start() as server:
        yield server


@pytest.fixture(scope="module")
def background(home: Path) -> Iterator[WebServer]:
    with WebServer.start(background=True) as server:
        yield server


@pytest.fixture
def mails(home: Path) -> Iterator[MailSink]:
    with MailSink.start(latency=0.05) as sink:
        yield sink


@pytest.fixture
def empty(home: Path, throwaway_redis: ThrowawayRedis) -> None:
    with throwaway_redis.client() as client:
        client.flushall()
    with session() as db:
        for model in (Log, Task):
            for row in db.exec(select(model)):
                db.delete(row)


def ask(
    server: WebServer,
    method: str,
    path: str,
    form: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> tuple[int, str, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        body = urlencode(form) if form is not None else None
        connection.request(method, path, body, {"Content-Type": FORM, **(headers or {})})
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer.headers
    finally:
        connection.close()


def titles() -> list[str]:
    with session() as db:
        return list(db.exec(select(Task.title)))


@pytest.mark.usefixtures("empty")
class TestTasks:
    def test_a_form_creates_a_task_and_enqueues_its_job(self, inside: WebServer) -> None:
        status, _, headers = ask(inside, "POST", "/tasks", {"title": "Buy milk"})
        assert (status, headers["Location"]) == (303, "./")
        assert titles() == ["Buy milk"]
        (job,) = Ledger().jobs("enqueued")
        assert (job.actor, len(job.args)) == ("task_logger", 1)

    def test_the_page_shows_tasks_and_the_logs_that_have_come(self, inside: WebServer) -> None:
        assert "No task yet" in ask(inside, "GET", "/")[1]
        with session() as db:
            task = Task(title="Buy milk")
            db.add(task)
            db.flush()
            db.add(Log(task_id=task.id, message="written by a job"))
        for path in ("/", "/rows"):
            assert "Buy milk" in (page := ask(inside, "GET", path)[1])
            assert "written by a job" in page

    def test_what_the_model_refuses_is_said_and_escaped(self, inside: WebServer) -> None:
        status, page, _ = ask(inside, "POST", "/tasks", {"title": " "})
        assert status == 400
        assert "must not be empty or blank" in page
        long = "<b>" * 100
        status, page, _ = ask(inside, "POST", "/tasks", {"title": long})
        assert status == 400
        assert "<b>" not in page
        assert titles() == []

    @pytest.mark.parametrize("evil", ["<script>alert(1)</script>", '"><img src=x onerror=a()>'])
    def test_markup_is_shown_as_text(self, inside: WebServer, evil: str) -> None:
        ask(inside, "POST", "/tasks", {"title": evil})
        for path in ("/", "/rows"):
            assert evil not in ask(inside, "GET", path)[1]
        assert titles() == [evil]


class TestSignup:
    def test_inside_the_request_all_is_done_when_the_answer_comes(
        self, inside: WebServer, mails: MailSink, empty: None
    ) -> None:
        shutil.rmtree(folder(), ignore_errors=True)
        status, page, _ = ask(inside, "POST", "/signup", {"email": "ann@example.com"})
        assert status == 200
        assert "has been sent" in page
        assert [message["To"] for message in mails.messages()] == ["ann@example.com"]
        assert len(list(folder().glob("*.pdf"))) == 1
        assert sum(Ledger().counts().values()) == 0

    def test_in_the_background_it_is_enqueued_and_a_worker_does_it(
        self, background: WebServer, mails: MailSink, empty: None
    ) -> None:
        shutil.rmtree(folder(), ignore_errors=True)
        status, page, _ = ask(background, "POST", "/signup", {"email": "ann@example.com"})
        assert status == 200
        assert "is on its way" in page
        jobs = {job.actor: list(job.args) for job in Ledger().jobs("enqueued")}
        assert jobs["send_welcome_email"] == ["ann@example.com"]
        assert jobs["make_invoice_pdf"][1:] == ["ann@example.com"]
        assert mails.messages() == []
        worker = subprocess.Popen(
            [sys.executable, "-m", "dramatiq", "labkit.jobs", "-p", "1", "-t", "2"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_until(lambda: len(mails.messages()) == 1, timeout=60)
            wait_until(lambda: len(list(folder().glob("*.pdf"))) == 1, timeout=60)
        finally:
            worker.terminate()
            worker.wait(30)

    @pytest.mark.parametrize(
        "wrong", ["", "ann", "ann@", "a b@example.com", "a@b\nBcc: e@x", "<a@b>"]
    )
    def test_what_is_no_address_is_refused(self, inside: WebServer, wrong: str) -> None:
        status, page, _ = ask(inside, "POST", "/signup", {"email": wrong})
        assert status == 400
        assert "no e-mail address" in page

    def test_without_a_mail_server_the_page_says_so(self, inside: WebServer) -> None:
        status, page, _ = ask(inside, "POST", "/signup", {"email": "ann@example.com"})
        assert status == 503
        assert "MailSink.start()" in page


class TestStrangers:
    @pytest.mark.parametrize(
        "headers",
        [
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Origin": ""},
            {"Origin": "http://[::1"},
            {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
            {"Origin": "http://127.0.0.1:1"},
            {"Host": "evil.example"},
            {"Host": "evil.example:80", "Origin": "http://evil.example:80"},
        ],
    )
    @pytest.mark.usefixtures("empty")
    def test_another_page_cannot_post(self, inside: WebServer, headers: dict[str, str]) -> None:
        assert ask(inside, "POST", "/tasks", {"title": "x"}, headers)[0] == 403
        own_name = f"ftp://{urlsplit(inside.url).netloc}"
        assert ask(inside, "POST", "/tasks", {"title": "x"}, {"Origin": own_name})[0] == 403
        assert titles() == []

    def test_nor_can_a_name_that_points_here_read(self, inside: WebServer) -> None:
        assert ask(inside, "GET", "/", headers={"Host": "evil.example"})[0] == 403

    @pytest.mark.parametrize("host", ["[", "a b", "127.0.0.1:x", ""])
    def test_a_host_that_is_none_does_no_harm(self, inside: WebServer, host: str) -> None:
        assert ask(inside, "GET", "/", headers={"Host": host})[0] in {200, 400, 403}
        assert "Traceback" not in inside.log()

    @pytest.mark.usefixtures("empty")
    def test_our_own_page_and_a_program_may(self, inside: WebServer) -> None:
        own = {"Origin": inside.url.rstrip("/"), "Sec-Fetch-Site": "same-origin"}
        for headers in (own, {"Origin": own["Origin"]}, {}):
            assert ask(inside, "POST", "/tasks", {"title": "x"}, headers)[0] == 303
        assert len(titles()) == 3

    @pytest.mark.usefixtures("empty")
    def test_on_a_hub_the_browsers_name_for_it_is_ours(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/ann/")
        client = create_app(background=True).test_client()
        for origin, status in (("https://hub.example", 303), ("https://evil.example", 403)):
            headers = {"Host": "hub.example", "Origin": origin}
            assert client.post("/tasks", data={"title": "x"}, headers=headers).status_code == status

    @pytest.mark.usefixtures("empty")
    def test_who_connects_and_says_nothing_keeps_nobody_out(self, inside: WebServer) -> None:
        with ExitStack() as stack:
            for _ in range(150):
                silent = socket.create_connection(("127.0.0.1", inside.port))
                stack.callback(silent.close)
                silent.sendall(
                    b"POST /tasks HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\nti"
                )
            assert ask(inside, "POST", "/tasks", {"title": "x"})[0] == 303
            assert titles() == ["x"]

    def test_a_large_body_is_refused(self, inside: WebServer) -> None:
        assert ask(inside, "POST", "/tasks", {"title": "x" * 100_000})[0] == 413

    def test_only_the_one_address_of_the_loopback_answers(self, inside: WebServer) -> None:
        # A server on all addresses would answer at this one too.
        with pytest.raises(OSError):  # noqa: PT011 - refused on Linux, unreachable on macOS
            socket.create_connection(("127.0.0.2", inside.port), timeout=5).close()

    def test_pages_carry_a_policy_and_the_log_has_a_line_for_each(self, inside: WebServer) -> None:
        _, _, headers = ask(inside, "GET", "/static/tasks.js")
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert ask(inside, "GET", "/nothing%0Ahere")[0] == 404
        wait_until(lambda: "GET /nothing\\nhere 404" in inside.log())


class TestBothWays:
    def test_the_background_is_faster_and_its_answers_come_sooner(
        self, inside: WebServer, background: WebServer, mails: MailSink, empty: None
    ) -> None:
        def sign_up(number: int) -> dict[str, str]:
            return {"email": f"reader{number}@example.com"}

        slow = measure(f"{inside.url}signup", requests=16, concurrency=8, form=sign_up)
        quick = measure(f"{background.url}signup", requests=16, concurrency=8, form=sign_up)
        assert len({message["To"] for message in mails.messages()}) == 16
        assert slow.throughput < quick.throughput
        assert slow.p95 > quick.p95
        assert slow.p50 >= 0.05  # what the mail server takes at least
        assert Ledger().counts()["enqueued"] == 32  # type: ignore[index]

    def test_a_hook_that_fails_is_told_and_the_task_is_saved(
        self, home: Path, monkeypatch: pytest.MonkeyPatch, empty: None
    ) -> None:
        with ThrowawayRedis() as redis:
            monkeypatch.setenv("REDIS_URL", redis.url)
            with WebServer.start() as server:
                redis.stop()
                status, page, _ = ask(server, "POST", "/tasks", {"title": "Buy milk"})
        assert status == 503
        assert "Redis" in page
        assert titles() == ["Buy milk"]
