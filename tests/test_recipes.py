"""The recipes: what they run is run, and files are held against the schemas of who reads them."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kubernetes_validate
import pytest
import yaml
from dramatiq import Message

from labkit import tether
from labkit.broker import LabBroker
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState
from labkit.redis_process import free_port
from labkit.settings import Settings
from labkit.worker import Worker
from tests.support import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
RECIPES = ROOT / "recipes"
SCRIPTS = Path(sys.executable).parent
READY = "Worker process is ready for action"
#: The version of Kubernetes whose API the manifests are held against.
KUBERNETES = "1.31"


def procfile() -> dict[str, str]:
    lines = (RECIPES / "Procfile").read_text().splitlines()
    return {name: line.strip() for name, _, line in (line.partition(":") for line in lines)}


@pytest.fixture
def production(settings: Settings, redis_url: str, postgres_url: str) -> dict[str, str]:
    """What each recipe sets, on servers that are thrown away."""
    return {
        **os.environ,
        "PATH": f"{SCRIPTS}:{os.environ['PATH']}",
        "REDIS_URL": redis_url,
        "DATABASE_URL": postgres_url,
        "LABKIT_ENV": "production",
    }


# -- what is run -----------------------------------------------------------------------------------


def test_each_line_of_the_procfile_is_started(
    production: dict[str, str], redis_url: str, tmp_path: Path
) -> None:
    lines, port = procfile(), free_port()
    assert set(lines) == {"release", "web", "worker"}
    subprocess.run(shlex.split(lines["release"]), env=production, check=True, capture_output=True)
    assert complaints(production) == ["worker"]
    env = {**production, "PORT": str(port), "LABKIT_WEB_HOST": "labkit.example.com"}
    worker_log, web_log = tmp_path / "worker.log", tmp_path / "web.log"
    worker = tether.start(shlex.split(lines["worker"]), output=worker_log, env=env)
    web = tether.start(
        shlex.split(lines["web"].replace("$PORT", str(port))), output=web_log, env=env
    )
    try:
        wait_until(lambda: READY in worker_log.read_text(), 60, "the worker is ready")
        wait_until(lambda: "Serving on" in web_log.read_text(), 60, "the web server is ready")
        assert complaints(production) == []
        create_task(port, "labkit.example.com", "Deploy it")
        wait_until(lambda: "Task created: Deploy it" in worker_log.read_text(), 20, "the job ran")
        ledger = Ledger(redis_url)
        wait_until(lambda: ledger.counts()[JobState.COMPLETED] == 1, 20, "and it is settled")
    finally:
        web.kill()
        worker.kill()


def complaints(env: dict[str, str]) -> list[str]:
    """What the recipes' question whether a worker is well finds wrong."""
    command = ["labkit", "doctor", "--json", "--worker"]
    asked = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    wrong = [each["name"] for each in json.loads(asked.stdout)["checks"] if each["ok"] is False]
    assert asked.returncode == bool(wrong)
    return wrong


def create_task(port: int, host: str, title: str) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/tasks", data=f"title={title}".encode(), headers={"Host": host}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:  # it redirects to the list
        assert answer.status == 200


def test_every_recipe_runs_what_the_procfile_runs() -> None:
    lines = procfile()
    known = {" ".join(shlex.split(line)) for line in lines.values()} | {
        f"{lines['worker']} --worker-shutdown-timeout 60000",
        lines["web"].replace("$PORT", "8000"),
        "labkit doctor --json",
        "labkit doctor --json --worker",
    }
    assert set(commands()) <= known
    assert len(list(commands())) == 12


def commands() -> Iterator[str]:
    """All that the recipes run of labkit's."""
    unit = (RECIPES / "labkit-worker.service").read_text()
    yield from re.findall(r"^ExecStart(?:Pre)?=.*/bin/(.*)$", unit, re.MULTILINE)
    services = yaml.safe_load((RECIPES / "compose.yaml").read_text())["services"]
    for name in ("release", "worker", "web"):
        yield " ".join(services[name]["command"])
        if check := services[name].get("healthcheck"):
            yield " ".join(check["test"][1:])
    for manifest in manifests():
        if "template" in manifest["spec"]:
            for container in manifest["spec"]["template"]["spec"]["containers"]:
                yield " ".join(container["command"])
                if probe := container.get("readinessProbe"):
                    yield " ".join(probe["exec"]["command"])


def test_the_image_copies_what_is_there() -> None:
    copied = re.findall(r"^COPY (.*) \S+$", (RECIPES / "Dockerfile").read_text(), re.MULTILINE)
    names = [name for line in copied for name in line.split()]
    assert names
    assert [name for name in names if not (ROOT / name).exists()] == []


# -- systemd, Compose, Kubernetes ------------------------------------------------------------------


def verify(unit: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """``systemd-analyze verify``, with this checkout in the place of /opt/labkit."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze (Debian: systemd) is not installed")
    program = folder / "opt" / ".venv" / "bin" / "labkit"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    path = folder / "labkit-worker.service"
    path.write_text(unit.replace("/opt/labkit", str(folder / "opt")))
    return subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_unit_is_what_systemd_understands(tmp_path: Path) -> None:
    unit = (RECIPES / "labkit-worker.service").read_text()
    found = verify(unit, tmp_path)
    assert (found.returncode, found.stderr) == (0, "")
    wrong = verify(unit.replace("KillMode=", "KillMood="), tmp_path)
    assert "KillMood" in wrong.stderr


def compose_fits(path: Path) -> subprocess.CompletedProcess[str]:
    schema = ("--builtin-schema", "vendor.compose-spec")
    return subprocess.run(
        [str(SCRIPTS / "check-jsonschema"), *schema, str(path)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_compose_file_fits_its_schema(tmp_path: Path) -> None:
    found = compose_fits(RECIPES / "compose.yaml")
    assert found.returncode == 0, found.stdout
    wrong = tmp_path / "compose.yaml"
    wrong.write_text((RECIPES / "compose.yaml").read_text().replace("depends_on:", "depend_on:"))
    assert compose_fits(wrong).returncode == 1


def manifests() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((RECIPES / "kubernetes.yaml").read_text()))


def test_the_manifests_fit_the_api_of_kubernetes() -> None:
    found = manifests()
    assert [manifest["kind"] for manifest in found] == [
        "Job",
        "Deployment",
        "Deployment",
        "Service",
    ]
    for manifest in found:
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
    [_, worker, *_] = found
    worker["spec"]["template"]["spec"]["containers"][0]["readyProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(worker, KUBERNETES, strict=True)


def test_who_stops_a_worker_waits_for_longer_than_it_takes_to_stop() -> None:
    seconds = 60_000 / 1000
    unit = (RECIPES / "labkit-worker.service").read_text()
    services = yaml.safe_load((RECIPES / "compose.yaml").read_text())["services"]
    [_, worker, *_] = manifests()
    assert int(re.findall(r"TimeoutStopSec=(\d+)", unit)[0]) > seconds
    assert int(services["worker"]["stop_grace_period"].rstrip("s")) > seconds
    assert worker["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > seconds


# -- metrics ---------------------------------------------------------------------------------------


def test_the_dashboard_asks_for_what_a_worker_exports(
    settings: Settings, tables: None, tmp_path: Path
) -> None:
    port = free_port()
    env = {
        "LABKIT_METRICS": "1",
        "dramatiq_prom_db": str(tmp_path / "metrics"),
        "dramatiq_prom_host": "127.0.0.1",
        "dramatiq_prom_port": str(port),
    }
    broker, ledger = LabBroker(), Ledger()
    with Worker.start(env=env):
        fails = broker.enqueue(Message("default", "task_logger", (-1,), {}, {}))
        dead = broker.enqueue(Message("default", "task_logger", (-1,), {}, {"max_retries": 0}))
        for job_id, state in ((fails, JobState.RETRYING), (dead, JobState.DEAD)):
            wait_until(
                lambda job_id=job_id, state=state: (
                    (job := ledger.job(job_id.message_id)) is not None and job.state is state
                )
            )
        said = wait_until(lambda: exported(port) if "rejects" in exported(port) else "")
    samples = {(name, *labels) for name, *labels in read(said)}
    names = {name for name, *_ in samples}
    board = json.loads((RECIPES / "grafana.json").read_text())
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    asked.append(board["templating"]["list"][1]["query"])
    wanted = {name for expression in asked for name in re.findall(r"dramatiq_\w+", expression)}
    assert len(wanted) == 7
    assert wanted - names == set()
    labels = {label for _, *labels in samples for label in labels}
    by = {
        label.strip()
        for expression in asked
        for group in re.findall(r"by \(([^)]*)\)", expression)
        for label in group.split(",")
    }
    assert by
    assert by - labels == set()
    broker.client.close()


def exported(port: int) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            text: str = answer.read().decode()
            return text
    except OSError:
        return ""


def read(said: str) -> Iterator[tuple[str, ...]]:
    """The name of each sample, and those of its labels."""
    for line in said.splitlines():
        if not line.startswith("#"):
            name, _, labels = line.partition("{")
            yield name, *re.findall(r'(\w+)="', labels)
