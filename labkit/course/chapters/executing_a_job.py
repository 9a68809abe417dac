"""Chapter 05: calling and sending, what Redis holds at each step, and jobs for later."""

from __future__ import annotations

from typing import Any

from dramatiq import Message

from labkit.course.chapters import Chapter
from labkit.course.chapters import executing_a_job_checks as checks
from labkit.course.chapters import executing_a_job_night as night
from labkit.course.chapters.executing_a_job_keep import KEEP
from labkit.course.chapters.executing_a_job_quiz import IN_CLASS, MISCONCEPTIONS, QUIZ
from labkit.course.exercise import Exercise
from labkit.course.prediction import Prediction
from labkit.errors import InvalidSchedule
from labkit.ledger.records import JobState


def _was_sent(answer: Any) -> bool:
    return isinstance(answer, Message)


PREDICTIONS = {
    "called": Prediction(
        "You call `task_logger()` in this notebook. What happens?",
        [
            (
                "The function runs here, and Redis hears nothing of it",
                lambda result, jobs: result is None and not jobs,
            ),
            (
                "A job goes to Redis, and a worker runs it",
                lambda result, jobs: jobs > 0,
                "Nothing was sent. Parentheses alone mean the same as for any other function.",
            ),
            (
                "Nothing: an actor cannot be called",
                lambda result, jobs: result is not None and not jobs,
                "An actor is its function, with methods that send it added to it.",
            ),
        ],
        "The decorator leaves the function as it was and adds ways to send it.",
    ),
    "sent": Prediction(
        "Now you send it: `task_logger.send()`. No worker runs. What does the cell do?",
        [
            (
                "It prints the function's line, as before",
                lambda message, state: not _was_sent(message),
                "The body did not run here. Sending writes down what is to be run.",
            ),
            (
                "It waits until a worker has come and run the job",
                lambda message, state: _was_sent(message) and state is JobState.COMPLETED,
                "Sending waits for Redis alone, which takes about a millisecond.",
            ),
            (
                "It comes back at once with a message that has an id",
                lambda message, state: _was_sent(message) and state is not JobState.COMPLETED,
            ),
        ],
        "The id is a receipt: the job is stored. Whether it has run, nobody knows yet.",
    ),
    "held": Prediction(
        "A worker has taken the job from the list and runs it now. Where is the job's id?",
        [
            (
                "Still in the list, so that it is not lost",
                lambda waiting, held: len(waiting) > 0,
                "Then the next worker would take it as well.",
            ),
            (
                "In the worker's memory alone",
                lambda waiting, held: not waiting and not held,
                "Then the job would be lost together with the worker. Sidekiq without its paid "
                "version does it that way.",
            ),
            (
                "In another key in Redis, under the worker's name",
                lambda waiting, held: not waiting and len(held) > 0,
            ),
        ],
        "It moves from the list into the set of what this worker holds, in one step. When the "
        "worker dies, its set is still there, and the job can be given to another one.",
    ),
    "minute": Prediction(
        "You send a job that is to run in one minute. Where does it wait?",
        [
            (
                "In this notebook, which sends it when the minute is over",
                lambda job: job is None,
                "You can shut the notebook down: the job will run all the same.",
            ),
            (
                "In Redis, at the end of the list of the others",
                lambda job: job is not None and job.state is not JobState.SCHEDULED,
                "A worker would take it from there at once.",
            ),
            (
                "In Redis, apart from the others, with the time at which it is due",
                lambda job: job is not None and job.state is JobState.SCHEDULED,
            ),
        ],
        "It is stored at once like any other job, in a place of its own.",
    ),
    "past": Prediction(
        "You ask for a time that has passed: five minutes ago. What becomes of the job?",
        [
            (
                "It is refused: nobody can keep that promise",
                lambda answer, state: not _was_sent(answer),
                "A job that is late is still wanted. Imagine a queue that was down for an hour.",
            ),
            (
                "It runs now",
                lambda answer, state: state in (JobState.COMPLETED, JobState.ENQUEUED),
            ),
            (
                "It is scheduled, and never runs",
                lambda answer, state: state is JobState.SCHEDULED,
                "Not before a time is a promise that is kept as soon as the time has passed.",
            ),
        ],
        "A time means “not before”. One that has passed, or zero, or a negative delay means now. "
        "Sidekiq does the same.",
    ),
    "naive": Prediction(
        "`datetime(2030, 1, 1, 9)` has no time zone. What does `send_at` make of it?",
        [
            (
                "Nine o'clock in the time zone of this machine",
                lambda answer: _was_sent(answer),
                "The worker may run in another time zone, and then there are two answers.",
            ),
            (
                "Nine o'clock in UTC",
                lambda answer: not isinstance(answer, Message | InvalidSchedule),
                "Most people who write 9 mean nine on their own clock.",
            ),
            ("An error, and no job", lambda answer: isinstance(answer, InvalidSchedule)),
        ],
        "It names a different instant on each machine. Guessing would be right in tests, and wrong "
        "by some hours on the server.",
    ),
}

EXERCISES = {
    "waited": Exercise(
        "The record of the guard's job knows three moments. From them, work out how long the job "
        "`waited` for a worker, and how long it `ran`.",
        check=checks.check_waited,
        hints=[
            "The three moments are `enqueued_at`, `started_at` and `finished_at`. Which two belong "
            "to the waiting?",
            "A length of time is the later moment minus the earlier one.",
            "`waited` ends where `ran` begins: both use `record.started_at`.",
        ],
        setup=checks.HELD,
        stub=checks.WAITED,
        given=["message", "waited", "ran"],
        solution=checks.WAITED_SOLUTION,
        also_correct=checks.WAITED_OTHERWISE,
        wrong=[
            (checks.ALL_OF_IT, "the whole life of the job", "waiting_is_work"),
            (checks.SWAPPED, "the wrong way round"),
            (checks.MOMENTS, "is a moment"),
            (checks.BACKWARDS, "came out negative"),
        ],
        praise="When jobs wait long and run briefly, add workers. When they run long, look at the "
        "job.",
    ),
    "tomorrow": Exercise(
        "A customer in Tokyo wants the log at nine in the morning, tomorrow, on their clock. Tokyo "
        "is nine hours ahead of UTC all year. Send the job for that moment.",
        check=checks.check_tomorrow,
        hints=[
            "Begin with what the clock in Tokyo shows now: `datetime.now(tokyo)`.",
            "Add a day first. Then `replace(hour=…, minute=…, second=…, microsecond=…)` sets the "
            "time of day and keeps the time zone.",
            "The method that takes a moment is `send_at`; what it returns is the message.",
        ],
        setup=checks.DECLARED,
        stub=checks.TOMORROW,
        given=["tomorrow"],
        solution=checks.TOMORROW_SOLUTION,
        also_correct=checks.TOMORROW_OTHERWISE,
        wrong=[
            (checks.IN_UTC, "nine in UTC", "own_clock"),
            (
                "tomorrow = task_logger.send_in(timedelta(days=1))",
                "24 hours after",
                "a_day_later",
            ),
            (checks.ANOTHER_DAY, "and the day is not"),
            ("tomorrow = task_logger()", "you called it", "calling"),
            ("tomorrow = task_logger.send()", "sent to run at once"),
        ],
        praise="The moment is stored as milliseconds since 1970, so it is the same one for every "
        "worker in every country.",
    ),
    "politely": Exercise(
        "Nobody wants a reminder at night. Write `send_politely(job, *arguments, now)`: from 7:00 "
        "up to 22:00 it sends the job at once; in the night it sends it for the next seven "
        "o'clock. `now` is the time on the customer's clock, with its time zone.",
        check=night.check_politely,
        hints=[
            "There are three cases: day, night after midnight, and night before it. In which of "
            "them is the next seven o'clock on another date?",
            "Everything can be worked out from `now`. `now.hour` is the hour on the customer's "
            "clock, and `now.replace(…)` keeps the zone.",
            "Make `seven` out of `now`; if that is not after `now`, add a day; give it to "
            "`send_at`, in front of the arguments.",
        ],
        setup=checks.DECLARED,
        stub=night.STUB,
        given=["send_politely"],
        keep=KEEP,
        solution=night.SOLUTION,
        also_correct=night.OTHERWISE,
        wrong=[
            (night.SAME_DAY, "That moment has passed", "passed_waits"),
            (night.NINE_HOURS, "a delay is not a time of day"),
            (night.ONLY_LATE, "it is night, and the job was sent to run at once"),
            (night.SERVERS_CLOCK, "On whose clock"),
            (night.SEVEN_IS_NIGHT, "sharp the night is over"),
            (night.CALLED, "was called, and so it ran here"),
            (night.BARE, "and the arguments were"),
        ],
        praise="Because `now` comes from outside, the night can be tested at noon.",
    ),
}

CHAPTER = Chapter(
    number="05",
    title="Executing a job",
    minutes=30,
    mirrors="Executing the job",
    needs=("04",),
    predictions=PREDICTIONS,
    exercises=EXERCISES,
    quiz=QUIZ,
    misconceptions=MISCONCEPTIONS,
    in_class=IN_CLASS,
)
