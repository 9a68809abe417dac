"""The command ``labkit``. Each subcommand is thin: it says in words what other modules do."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from labkit.cli_progress import progress
from labkit.errors import LabkitError

if TYPE_CHECKING:
    from labkit.redis_server import Found

# Everything else is imported where it is used: `labkit --help` should not wait for SQLAlchemy.


class _Commands(TyperGroup):
    """Subcommands whose LabkitError is one line on stderr and the exit status 1."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except LabkitError as error:
            typer.echo(f"labkit: {error}", err=True)
            raise typer.Exit(1) from None


app = typer.Typer(
    name="labkit",
    cls=_Commands,
    help="Background jobs, learnt by running them: Redis, Dramatiq and SQLModel.",
    no_args_is_help=True,
    add_completion=False,
    # A traceback with local variables could show a password.
    pretty_exceptions_enable=False,
)
generate = typer.Typer(help="Write a job, a model or a migration into work/.", no_args_is_help=True)
db = typer.Typer(help="Bring the database up to date, or say where it is.", no_args_is_help=True)
app.add_typer(generate, name="generate")
app.add_typer(progress, name="progress")
app.add_typer(db, name="db")

PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@app.command(context_settings=PASS_ON)
def lab(context: typer.Context) -> None:
    """Open the course in JupyterLab; options that are JupyterLab's own are passed on to it."""
    from labkit import launch
    from labkit.redis_server import find
    from labkit.settings import Settings

    settings = Settings()
    line = launch.lab_command(settings, context.args)
    typer.echo(_describe(find(settings)), err=True)
    launch.prepare_tables()
    launch.become(line, launch.environment(settings))


@app.command(context_settings=PASS_ON)
def worker(context: typer.Context) -> None:
    """Run a worker, as labkit.toml describes it; options that are dramatiq's own are passed on."""
    from labkit import launch
    from labkit.database import create_tables
    from labkit.redis_server import find
    from labkit.settings import Settings

    settings = Settings()
    find(settings)
    create_tables()
    launch.become(launch.worker_command(settings, context.args), launch.environment(settings))


@app.command(context_settings=PASS_ON)
def redis(context: typer.Context) -> None:
    """Run one Redis command, answered as redis-cli answers; without one, say where Redis is."""
    if context.args:
        from labkit.redis_console import ask

        confirm = typer.confirm if sys.stdin.isatty() else None
        typer.echo(ask(shlex.join(context.args), confirm=confirm))
        return
    from labkit.redis_server import find

    typer.echo(_describe(find()))


@app.command()
def jobs(
    state: Annotated[str | None, typer.Option(help="Only this state.")] = None,
    limit: Annotated[int, typer.Option(min=0, help="Jobs listed of each state.")] = 5,
) -> None:
    """Count the jobs in each state, and list the first of each."""
    from rich.console import Console

    from labkit.jobs_table import counts_table, jobs_table
    from labkit.ledger.reader import Ledger
    from labkit.ledger.records import JobState

    states = list(JobState)
    if state is not None:
        if state not in states:
            raise LabkitError(f"There is no state {state!r}. There are: {', '.join(states)}.")
        states = [JobState(state)]
    ledger, console = Ledger(), Console()
    counts = ledger.counts()
    console.print(counts_table(counts))
    for each in states:
        if counts[each] and limit:
            console.print(jobs_table(each, ledger.jobs(each, limit=limit), counts[each]))


@app.command()
def clear(yes: Yes = False) -> None:
    """Remove all jobs of this namespace; whatever else is in Redis stays."""
    from labkit.ledger.reader import Ledger

    ledger = Ledger()
    total = sum(ledger.counts().values())
    _ask(f"Remove all {total} jobs of the namespace {ledger.namespace!r}?", yes)
    typer.echo(str(ledger.clear()))


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="For a program to read.")] = False,
    ledger: Annotated[
        bool, typer.Option("--ledger", help="Hold every record against Dramatiq's keys, too.")
    ] = False,
    worker: Annotated[
        bool, typer.Option("--worker", help="A worker of this very host has to live.")
    ] = False,
) -> None:
    """Say what was found here, each thing with a tick or with what to do."""
    from labkit import doctor

    checks = doctor.examine(needs_worker=worker)
    if ledger:
        checks.append(doctor.examine_ledger())
    if as_json:
        typer.echo(json.dumps(doctor.as_json(checks), indent=2))
    else:
        typer.echo("\n".join(str(check) for check in checks))
    if not doctor.is_well(checks):
        raise typer.Exit(1)


@app.command()
def room() -> None:
    """Say whether this machine is ready for a lesson; tries out a worker and JupyterLab."""
    from labkit import room

    checks = []
    for check in room.examine():
        typer.echo(str(check))
        checks.append(check)
    typer.echo(room.verdict(checks))
    if any(check.ok is False for check in checks):
        raise typer.Exit(1)


@app.command()
def reset(yes: Yes = False) -> None:
    """Begin the course anew: no jobs, rows or marks, new notebooks. Your code in work/ stays."""
    from labkit import originals
    from labkit.course.lab import clear
    from labkit.course.progress import path
    from labkit.database import create_tables
    from labkit.settings import Settings

    settings = Settings()
    _ask(f"Remove all jobs, tasks, logs and marks of the course in {settings.root}?", yes)
    notebooks, kept = originals.restore()
    create_tables()
    clear()
    for file in (path(), *(settings.state_dir / "workers").glob("*.log")):
        file.unlink(missing_ok=True)
    _print([f"new        {name}" for name in notebooks])
    if kept:
        typer.echo(f"kept       the notebooks as they were, in {kept}")
    typer.echo(f"The course begins anew. {settings.work} is as it was.")


@generate.command("job")
def generate_job(
    name: Annotated[str, typer.Argument(help="Small letters, words joined by '_': task_logger.")],
    force: Annotated[bool, typer.Option("--force", help="Write over what you changed.")] = False,
) -> None:
    """Write a job and its test; what is there already is kept."""
    from labkit.generate import generate_job

    _print(generate_job(name, _root(), overwrite=force))


@generate.command("model")
def generate_model(
    name: Annotated[str, typer.Argument(help="Small letters, one of it: log.")],
    fields: Annotated[
        list[str] | None, typer.Argument(help="NAME:TYPE, such as message:text.")
    ] = None,
) -> None:
    """Write a model and the migration that makes its table."""
    from labkit.generate_model import generate_model

    _print(generate_model(name, fields or [], _root()))


@generate.command("migration")
def generate_migration(
    name: Annotated[str, typer.Argument(help="What it does: add_level_to_logs.")],
) -> None:
    """Write an empty migration behind the newest one."""
    from labkit.generate_model import generate_migration

    _print(generate_migration(name, _root()))


@db.command()
def upgrade() -> None:
    """Run the migrations that the database lacks: labkit's, then those in work/."""
    from labkit import database, migrations
    from labkit.settings import Settings

    done = migrations.upgrade_all(database.engine(), Settings().work)
    _print([f"migrated   {name}" for name in done] or ["The database is up to date."])


@db.command()
def current() -> None:
    """Say where the database is, and which migrations it lacks."""
    from labkit import database, migrations
    from labkit.settings import Settings

    typer.echo(database.describe(database.address()))
    missing = migrations.pending(database.engine(), Settings().work)
    _print([f"missing    {name}" for name in missing] or ["up to date"])


@db.command("prepare-test")
def prepare_test() -> None:
    """Make the test database anew, empty, with every migration."""
    from labkit import database

    database.prepare_test()
    typer.echo("The test database is ready.")


def _describe(found: Found) -> str:
    return f"Redis {found.version} at {found.address} ({found.source})"


def _root() -> Path:
    from labkit.settings import find_root

    return find_root()


def _print(lines: list[str]) -> None:
    for line in lines:
        typer.echo(line)


def _ask(question: str, yes: bool) -> None:
    if not yes:
        if not sys.stdin.isatty():
            raise LabkitError(f"{question} Nobody is there to answer: say --yes.")
        typer.confirm(question, abort=True)
