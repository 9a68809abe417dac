"""The pages of the small web application, and the process that serves them.

Run as ``python -m labkit.web_app PORT MODE``, with MODE ``inside`` or ``background``: where a
sign-up does its e-mail and its PDF. ``labkit.web`` starts it; nothing else imports Flask.
"""

from __future__ import annotations

import importlib
import logging
import os
import re
import socket
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import waitress
from flask import Flask, Response, abort, g, redirect, render_template, request
from sqlmodel import col, select
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from labkit.database import session
from labkit.errors import InvalidRow, LabkitError
from labkit.invoice import make_invoice
from labkit.jobs import make_invoice_pdf, send_welcome_email
from labkit.mail import send_welcome
from labkit.models import Log, Task

HOST = "127.0.0.1"
#: As many as the guide's web server has by default in production, and as one job worker here.
THREADS = 4
#: Bytes of a request's body. A title has 255 characters, of up to 12 bytes in a form.
BODY_LIMIT = 8_192
#: Connections at once, and the seconds after which one that is silent is closed.
CONNECTIONS, SILENCE = 500, 10
#: The tasks that the page shows, newest first.
SHOWN = 50
LOOPBACK = {"127.0.0.1", "localhost"}
EMAIL = re.compile(r"[^@\s<>,;:\"()\[\]\\]{1,64}@[A-Za-z0-9.-]{1,253}")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def create_app(background: bool) -> Flask:
    """The application; with ``background`` a sign-up enqueues its work instead of doing it."""
    pages = Path(__file__).parent / "web_pages"
    app = Flask(__name__, template_folder=str(pages), static_folder=str(pages / "static"))
    app.config["MAX_CONTENT_LENGTH"] = BODY_LIMIT

    @app.before_request
    def refuse_strangers() -> None:
        g.started = time.perf_counter()
        if not _known_host() or (request.method == "POST" and not _same_origin()):
            abort(403, "This page answers only to itself.")

    @app.after_request
    def report(response: Response) -> Response:
        response.headers.update(HEADERS)
        took = (time.perf_counter() - g.started) * 1000
        path = request.path.encode("unicode_escape").decode("ascii")
        print(f"{request.method} {path} {response.status_code} {took:.0f} ms", flush=True)  # noqa: T201
        return response

    @app.get("/")
    def index() -> str:
        return render_template("tasks.html", tasks=_tasks())

    @app.get("/rows")
    def rows() -> str:
        return render_template("rows.html", tasks=_tasks())

    @app.post("/tasks")
    def create_task() -> AnyResponse | tuple[str, int]:
        title = request.form.get("title", "")
        try:
            with session() as db:
                db.add(Task(title=title))
        except InvalidRow as error:
            return render_template("tasks.html", tasks=_tasks(), title=title, error=error), 400
        # Relative, because behind Jupyter's proxy this page has a path in front of it.
        return redirect("./", 303)

    @app.get("/signup")
    def signup_form() -> str:
        return render_template("signup.html", background=background)

    @app.post("/signup")
    def signup() -> str | tuple[str, int]:
        email = request.form.get("email", "").strip()
        if not EMAIL.fullmatch(email):
            return render_template("signup.html", background=background, wrong=email), 400
        number = uuid4().hex[:12]
        if background:
            send_welcome_email.send(email)
            make_invoice_pdf.send(number, email)
        else:
            send_welcome(email)
            make_invoice(number, email)
        return render_template("signup.html", background=background, done=email)

    @app.errorhandler(LabkitError)
    @app.errorhandler(OSError)
    def unavailable(error: Exception) -> tuple[str, int]:
        return render_template("notice.html", notice=str(error)), 503

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> tuple[str, int]:
        notice = f"{error.name}. {error.description or ''}"
        return render_template("notice.html", notice=notice), error.code or 500

    return app


def _tasks() -> list[tuple[Task, list[Log]]]:
    """The newest tasks, each with its log lines, oldest line first."""
    with session() as db:
        tasks = db.exec(select(Task).order_by(col(Task.id).desc()).limit(SHOWN)).all()
        ids = [task.id for task in tasks]
        logs = db.exec(select(Log).where(col(Log.task_id).in_(ids)).order_by(col(Log.id))).all()
    return [(task, [log for log in logs if log.task_id == task.id]) for task in tasks]


def _known_host() -> bool:
    """Whether the request was meant for this machine.

    A page elsewhere may point its own name at 127.0.0.1 and then read what it likes. On a
    JupyterHub only its proxy reaches this port, and passes on the name that the browser used.
    """
    name = urlsplit(f"//{request.host}").hostname
    ours = {*LOOPBACK, os.environ.get("LABKIT_WEB_HOST")}
    return name in ours or "JUPYTERHUB_SERVICE_PREFIX" in os.environ


def _same_origin() -> bool:
    """Whether a form was sent from our own page, or by a program that is no browser."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site not in (None, "same-origin", "none"):
        return False
    # A hub's proxy may use another name for this page than the browser does.
    is_told = site == "same-origin" and "JUPYTERHUB_SERVICE_PREFIX" in os.environ
    return is_told or origin in (None, f"http://{request.host}", f"https://{request.host}")


def deployed() -> Flask:
    """The application for a WSGI server; ``LABKIT_WEB_HOST`` is its name in a browser's line."""
    return create_app(background=True)


def main(port: int, mode: str) -> None:
    """Serve on the loopback until SIGTERM; the first line printed says where."""
    # That requests wait for a thread is what chapter 01 measures, and no reason to warn.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    logging.basicConfig(level=logging.WARNING)
    if mode == "inside":
        # The first request shall not wait for this import.
        importlib.import_module("fpdf")
    app = create_app(background=mode == "background")
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((HOST, port))
    server = waitress.create_server(
        app,
        sockets=[listening],
        threads=THREADS,
        max_request_body_size=BODY_LIMIT,
        ident=None,
        # Whoever opens connections and says nothing is not to keep others out.
        connection_limit=CONNECTIONS,
        channel_timeout=SILENCE,
        cleanup_interval=1,
    )
    print(f"ready http://{HOST}:{listening.getsockname()[1]}/", flush=True)  # noqa: T201
    server.run()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
