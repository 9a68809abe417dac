"""The quiz of chapter 05, its misconceptions, and notes for teachers."""

from __future__ import annotations

from collections.abc import Sequence

from labkit.course.misconception import Misconception
from labkit.course.quiz import Question

MISCONCEPTIONS = {
    "calling": Misconception(
        "An actor is a job, so calling it sends it.",
        "Stop all workers and call it: it prints all the same. Ask who printed.",
    ),
    "own_clock": Misconception(
        "Nine o'clock is nine o'clock.",
        "Ask what time it is now in Tokyo, and what this machine's clock says. A moment needs "
        "both, the digits and the zone.",
    ),
    "a_day_later": Misconception(
        "Tomorrow at nine is 24 hours from now.",
        "It is, if it is nine now. Let them say at what time their own job would have run.",
    ),
    "passed_waits": Misconception(
        "A time of day that has passed comes round again tomorrow.",
        "`send_at` takes a moment, with a date. Print the moment before sending it.",
    ),
    "waiting_is_work": Misconception(
        "A job takes as long as it is from the sending to the end.",
        "Let a job wait for a minute without a worker, and then run. Which part was the job's?",
    ),
}

IN_CLASS = (
    "Some start the worker in two places, a terminal and the panel, and wonder in which window the "
    "line is. Either may have taken the job: have one of them stopped.",
    "Those who open the gate in section 5 twice leave an item in the list, and their next guard "
    "walks straight through. `%redis DEL dramatiq:gate` helps.",
    "Sections 9 and 10 start arguments about what ought to happen. Let them vote before they run "
    "the cell; two minutes are enough.",
)

QUIZ: Sequence[Question] = (
    Question(
        "In a web application a colleague writes `task_logger(task.id)` in the request, and "
        "complains that background jobs are slow. What do you tell them?",
        [
            (
                "That the worker needs more threads.",
                "No worker is involved: the function runs inside the request.",
                "calling",
            ),
            (
                "That they called the function. Sending it is `task_logger.send(task.id)`.",
                "A call runs here and now, in the process that calls.",
            ),
            (
                "That Redis is too far away.",
                "Redis hears nothing of a call.",
            ),
        ],
        right=2,
    ),
    Question(
        "It is 23:00 in Tokyo, and your server is in Frankfurt. It sends a job "
        "`send_at(datetime.now(tokyo).replace(hour=7, minute=0))`. When does the job run?",
        [
            (
                "At seven the next morning, in Tokyo.",
                "`replace` leaves the date as it is: today. Add a day.",
                "passed_waits",
            ),
            (
                "At seven in the morning, in Frankfurt.",
                "The moment has its zone with it; where the server stands does not matter.",
                "own_clock",
            ),
            (
                "At once.",
                "Seven o'clock of today has passed, and a time that has passed means now.",
            ),
        ],
        right=3,
    ),
    Question(
        "A record says: enqueued at 12:00:00, started at 12:00:28, finished at 12:00:30. Customers "
        "want it sooner. What helps?",
        [
            (
                "A faster body.",
                "The body takes two of the thirty seconds. The rest is waiting.",
                "waiting_is_work",
            ),
            (
                "More workers or threads.",
                "For 28 seconds nobody was free to take the job.",
            ),
            (
                "A faster Redis.",
                "It hands out a job within a millisecond, once a worker asks for one.",
            ),
        ],
        right=2,
    ),
    Question(
        "A job runs at six in the morning, and its last line sends the next one: "
        "`report.send_in(timedelta(days=1))`. When does it run in a year's time?",
        [
            (
                "At six, as on the first day.",
                "Each run begins a little late and takes a while, and the day is counted from its "
                "last line.",
                "a_day_later",
            ),
            (
                "Later than six, and another hour off where the clocks change.",
                "A delay is counted from now. For a time of day, work out the moment and use "
                "`send_at`.",
            ),
            (
                "Not at all: a job cannot send itself.",
                "It can. Sending is open to whoever reaches Redis.",
            ),
        ],
        right=2,
    ),
    Question(
        "From chapter 04: you edit the body of a job and send it. The worker's window shows what "
        "the old body prints. Why?",
        [
            (
                "The old code was in the message.",
                "A message holds the actor's name and the arguments, and no code.",
            ),
            (
                "The worker loaded the module when it started; restart it.",
                "A running process keeps the code that it has imported.",
            ),
            (
                "Redis keeps the first version of a job.",
                "Redis knows the job's name, and nothing of its body.",
            ),
        ],
        right=2,
    ),
    Question(
        "From chapter 02: a job has completed. Where does its record on the board come from?",
        [
            (
                "From Dramatiq, which keeps every message.",
                "It deletes a message as soon as it is acknowledged.",
            ),
            (
                "From the worker's window.",
                "The board reads no logs.",
            ),
            (
                "From labkit's ledger, which writes it in the same step as the acknowledgement.",
                "So the two can never disagree, not even when a process is killed in between.",
            ),
        ],
        right=3,
    ),
)
