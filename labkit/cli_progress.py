"""``labkit progress``: a learner's marks as a file, and a room's files as a report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

progress = typer.Typer(
    help="Your marks as a file; a room's files as a report.", no_args_is_help=True
)


@progress.command("export")
def progress_export(
    name: Annotated[str, typer.Option(help="Whose it is, as the report will say.")] = "",
    to: Annotated[
        Path | None, typer.Option(help="The file; else one here, named after you.")
    ] = None,
) -> None:
    """Write your marks and the misconceptions you met into one file, to hand in or take along."""
    from labkit.course.export import write_export

    typer.echo(f"Written: {write_export(name, to)}")


@progress.command("import")
def progress_import(
    file: Annotated[Path, typer.Argument(help="What `labkit progress export` wrote.")],
) -> None:
    """Add the marks of such a file to yours; nothing that is here gets lost."""
    from labkit.course.export import restore_progress

    restore_progress(file)


@progress.command("report")
def progress_report(
    folder: Annotated[Path, typer.Argument(help="Where the files are, folders in it included.")],
    as_json: Annotated[bool, typer.Option("--json", help="For a program to read.")] = False,
) -> None:
    """Say who has passed what, and which misconception was met how often."""
    from labkit.course.report import Report

    report = Report.of(folder)
    typer.echo(json.dumps(report.as_json(), indent=1) if as_json else str(report))
