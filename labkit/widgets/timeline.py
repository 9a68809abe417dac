"""Timeline: jobs as bars, from enqueued through each attempt to the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dramatiq import Message

from labkit.ledger.records import JobRecord
from labkit.widgets import twin
from labkit.widgets.live import SHARED, front_end
from labkit.widgets.looking import Question
from labkit.widgets.place import Place
from labkit.widgets.present import millis, show_job
from labkit.widgets.watching import WatchingWidget

if TYPE_CHECKING:
    from labkit.widgets.looking import Picture

MOST = 50


class Timeline(WatchingWidget):
    """When jobs waited, ran, failed and waited again: one bar a job, on one scale of time.

    Parameters:
      jobs: The jobs, as what ``send`` returned, as records, or by their ids; none stands for those
        that changed last.
      url, namespace: Another place to look at, as for ``JobBoard``.
      limit: The most jobs to show when none is named, 1 to 50.

    Raises:
      ConfigurationError: ``url`` is no URL of a Redis.
      ValueError: too many jobs, or the limit is out of bounds.
      TypeError: something that is no job.
    """

    _esm = front_end(*SHARED, "bars.js", "timeline.js")
    _css = front_end("live.css", "bars.css", "timeline.css")
    _stands_in = twin.stand_in("timeline of jobs")

    def __init__(
        self,
        *jobs: Message[Any] | JobRecord | str,
        url: str | None = None,
        namespace: str | None = None,
        limit: int = 8,
    ) -> None:
        if not 1 <= limit <= MOST or len(jobs) > MOST:
            raise ValueError(f"a timeline shows 1 to {MOST} jobs")
        ids = tuple(_id_of(job) for job in jobs)
        question = Question(None, 0, limit, ids)
        super().__init__(Place.of(url, namespace), question, {"limit": len(ids) or limit})

    def draw(self, picture: Picture) -> dict[str, Any]:
        """The bars' times."""
        asked = picture.question
        named = [picture.opened[job_id] for job_id in asked.job_ids]
        jobs = [job for job in named if job] if asked.job_ids else picture.jobs[::-1]
        return {
            "order": [job.id for job in jobs],
            "jobs": {job.id: _show_bar(job) for job in jobs},
            "limit": len(asked.job_ids) or asked.limit,
            "clock": millis(picture.at),
            "live": True,
        }

    def snapshot(self) -> twin.Snapshot:
        """The jobs as they are at this moment, as a static table.

        Raises:
          RedisUnavailable: Redis does not answer.
        """
        asked = self._question
        with self._place.ledger() as ledger:
            if not asked.job_ids:
                return twin.take(ledger, asked)
            found = [ledger.job(job_id) for job_id in asked.job_ids]
            return twin.draw(ledger, [job for job in found if job], "These jobs")


def _id_of(job: Any) -> str:
    if isinstance(job, Message):
        return job.message_id
    if isinstance(job, JobRecord):
        return job.id
    if isinstance(job, str):
        return job
    raise TypeError(f"{job!r} is no job: give what send() returned, a JobRecord, or an id")


def _show_bar(job: JobRecord) -> dict[str, Any]:
    tries = [
        {
            "started": millis(attempt.started_at or attempt.finished_at),
            "finished": millis(attempt.finished_at),
            "failed": bool(attempt.error),
        }
        for attempt in job.attempts
    ]
    return {**show_job(job), "tries": tries}
