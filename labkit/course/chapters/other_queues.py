"""Chapter 10: the queues that the guide names, each kind with the very same job."""

from __future__ import annotations

from labkit.course.chapters import Chapter
from labkit.course.chapters import other_queues_answers as answers
from labkit.course.chapters.other_queues_checks import check_later, check_promise, check_take
from labkit.course.chapters.other_queues_predictions import PREDICTIONS
from labkit.course.chapters.other_queues_quiz import IN_CLASS, MISCONCEPTIONS, QUIZ
from labkit.course.exercise import Exercise

EXERCISES = {
    "later": Exercise(
        "Have `job` run for task 7 in one minute, on RQ’s `queue`, and keep in `later` what you "
        "get.",
        check=check_later,
        hints=[
            "RQ’s queue has one method for *now*, one for *at*, and one for *in*.",
            "A minute is `timedelta(minutes=1)`. The function is named, not called: behind it "
            "stand its arguments.",
            "`queue.enqueue_in(…, job, …)`.",
        ],
        setup=answers.LATER_SETUP,
        stub="later = ...  # in a minute, for task 7",
        given=["later"],
        solution="later = queue.enqueue_in(timedelta(minutes=1), job, 7)",
        also_correct='later = queue.enqueue_in(timedelta(minutes=1), "labkit.jobs.task_logger", 7)',
        wrong=[
            ("later = queue.enqueue(job, 7)", "waits in the queue itself"),
            (
                "from labkit.course.chapters.other_queues_measure import new_task\n"
                "for number in range(7):\n    new_task('Buy milk')\nlater = job(7)",
                "runs here and now",
                "names_run",
            ),
            (
                "later = task_logger.send_in(timedelta(minutes=1), 7)",
                "another queue has it",
                "one_queue",
            ),
            ("later = queue.enqueue_in(timedelta(seconds=1), job, 7)", "not in a minute"),
            ("later = queue.enqueue_in(timedelta(minutes=1), job)", "asked for was task 7"),
            ("later = queue.enqueue_in(timedelta(minutes=1), print, 7)", "not the function of"),
        ],
        praise="It waits in a sorted set of Redis, by its time: as Sidekiq’s `schedule` does.",
    ),
    "promise": Exercise(
        "Write `promise(title)`: it saves a task, and has `log_task` run for it twice, once now "
        "and once in a day, in one transaction. Whatever goes wrong, there are all three or none.",
        check=check_promise,
        hints=[
            "One `with session()` block, and in it everything. When does the task have its id?",
            "What is deferred without a word goes out on a connection of the queue’s own. "
            "`raw(db)` is the block’s.",
            "`log_task.configure(connection=raw(db), schedule_in=…)` is for the second; the first "
            "has no `schedule_in`. Each is then told to `defer(task_id=…)`.",
        ],
        setup=answers.PROMISE_SETUP,
        stub="def promise(title):\n    return ...",
        given=["promise"],
        solution=answers.PROMISE,
        also_correct=answers.PROMISE_OTHERWISE,
        wrong=[
            (answers.OWN_CONNECTION, "on another connection", "same_database"),
            (answers.BEHIND_THE_BLOCK, "sent behind the block"),
            (answers.NO_FLUSH, "an id comes with `flush`"),
            (answers.TWO_BLOCKS, "one transaction for all three", "two_commits"),
            (answers.BOTH_LATER, "both jobs are for later"),
        ],
        praise="No hook, no outbox, no relay: that is what a queue in the application’s database "
        "is chosen for.",
    ),
    "take": Exercise(
        "Write `take(db)`: it returns the oldest errand that no other worker has in hand, or "
        "`None`. Two workers never get the same one, nobody waits for another, and the errand of "
        "a worker that dies is given to the next.",
        check=check_take,
        hints=[
            "What must happen between two workers that look at the same moment? The database can "
            "lock a row for one of them.",
            "A lock goes by itself when the transaction ends, also when its worker has died. So "
            "nothing has to be marked, and nothing committed.",
            "`.with_for_update(skip_locked=True)` makes of a `select` one that locks what it "
            "finds, and passes over what others have locked. And lock no more than you take.",
        ],
        setup=answers.TAKE_SETUP,
        stub="def take(db):\n    return ...",
        given=["take", "Errand"],
        solution=answers.TAKE,
        also_correct=answers.TAKE_OTHERWISE,
        wrong=[
            (answers.ONLY_LOOKS, "two workers have the same errand", "looking_is_taking"),
            (answers.WAITS, "the second worker waits"),
            (answers.MARKS, "stays taken for ever", "mark_is_enough"),
            (answers.NEWEST, "the oldest errand is number 1"),
            (answers.LOCKS_ALL, "locked more than it took"),
        ],
        praise="Procrastinate, Solid Queue and Oban rest on this one line of SQL. Here the "
        "transaction stays open while the errand is done; they close it, write down who has the "
        "job, and have to find out who is dead.",
    ),
}

CHAPTER = Chapter(
    number="10",
    title="Other queues",
    minutes=45,
    mirrors="Active Job’s backends, once more: all of them",
    needs=("06", "09"),
    predictions=PREDICTIONS,
    exercises=EXERCISES,
    quiz=QUIZ,
    misconceptions=MISCONCEPTIONS,
    in_class=IN_CLASS,
)
