"""The quiz of chapter 03, its misconceptions, and notes for teachers."""

from __future__ import annotations

from collections.abc import Sequence

from labkit.course.misconception import Misconception
from labkit.course.quiz import Question

MISCONCEPTIONS = {
    "tables": Misconception(
        "In a TOML file it does not matter below which line a setting stands.",
        "Read the file aloud from the top: each `[table]` opens a drawer, and all that follows "
        "goes into it, up to the next one. There is no line that closes it.",
    ),
    "begun": Misconception(
        "A job that a worker has begun is as good as done.",
        "Make the body raise, and ask which hooks have been called by then.",
    ),
    "ended": Misconception(
        "A hook that comes after the job says that the job went well.",
        "Let them print `exception` in the hook, for a job that divides by zero. After is when, "
        "and not how.",
    ),
    "loud": Misconception(
        "If my middleware had a bug, the jobs would fail and I would know.",
        "Put `1 / 0` into a hook and run a job: completed. Then look for the line in the worker’s "
        "window.",
    ),
    "one_at_a_time": Misconception(
        "A worker does one job at a time, so a middleware can keep it in an attribute.",
        "Hold two jobs at a gate, and print `id(self)` and the thread’s name in the hook: one "
        "object, two threads.",
    ),
}

IN_CLASS = (
    "Somebody’s worker in a terminal still runs from an earlier chapter and takes this one’s jobs. "
    "`fresh` names it, with its process id; Ctrl-C in that terminal ends it.",
    "Section 9 is where people say “that happened to me”. Let them tell it; then ask for the "
    "question that would have found it: which server, which number, which namespace?",
    "Sections 2 to 4 have the longest cells of the course. Whoever is in a hurry reads the figure, "
    "predicts, and comes back to the code later.",
)

QUIZ: Sequence[Question] = (
    Question(
        "A web application enqueues jobs, and a worker runs them. Who is a client of the queue, "
        "and who its server, in the guide's words?",
        [
            (
                "The application is the client, the worker the server",
                "The client pushes jobs, the server pulls them. Both are clients of Redis.",
            ),
            (
                "The worker is the client, Redis the server",
                "Of Redis, yes, and so is the application. `configure_server` means the worker.",
            ),
            (
                "The browser is the client, the application the server",
                "Of HTTP. The queue begins behind that.",
            ),
        ],
        right=1,
    ),
    Question(
        "A `labkit.toml` has four lines: `concurrency = 4`, then `[production]`, then "
        '`concurrency = 10`, then `queues = ["mailers"]`. To which queues does a worker listen in '
        "development?",
        [
            (
                "To `mailers`: the line says it for all",
                "It stands below `[production]`, so it is production’s alone.",
                "tables",
            ),
            (
                "To all of them: nobody has said anything for development",
                "No list means every queue. What holds everywhere stands above the first table.",
            ),
            ("To none, so it does not start", "No list is not an empty world: it means all."),
        ],
        right=2,
    ),
    Question(
        "A hundred jobs have ended, and three of them raised. Your middleware adds one to `sent` "
        "in a hook. In which one does `sent` come to 97?",
        [
            (
                "`before_process_message`",
                "That is called for each job that begins: 100.",
                "begun",
            ),
            (
                "`after_process_message`, as it is",
                "That is called for each job that ends, either way: 100.",
                "ended",
            ),
            (
                "`after_process_message`, when `exception` is None",
                "The hook is told how it went; only then has the job ended well.",
            ),
        ],
        right=3,
    ),
    Question(
        "A middleware keeps when a job began under its actor’s name, and takes that out again when "
        "the job ends. With one thread it worked. Now the worker has eight, and jobs of one actor "
        "overlap. What do you see?",
        [
            (
                "Nothing new: each thread has a middleware object of its own",
                "There is one for the whole process, and its attributes are shared.",
                "one_at_a_time",
            ),
            (
                "Jobs that fail with a KeyError",
                "An error in a hook does not reach the job.",
                "loud",
            ),
            (
                "Jobs that are completed, wrong times, and CRITICAL lines in the log",
                "The second job overwrites the first one’s entry, and the first takes it out. "
                "Dramatiq logs the KeyError and goes on.",
            ),
        ],
        right=3,
    ),
    Question(
        "From chapter 01: twenty threads of a web server each spend 0.2 s on a request, and talk "
        "to Redis for a millisecond of it. How large must the pool of connections be?",
        [
            (
                "Twenty: one for each thread",
                "Then nineteen would lie idle nearly all the time.",
            ),
            (
                "Four are plenty",
                "A pool is sized by how many talk to Redis at the same moment. Whoever comes then "
                "waits for a millisecond.",
            ),
            (
                "As large as the number of visitors",
                "A visitor who waits for a thread does not talk to Redis.",
            ),
        ],
        right=2,
    ),
    Question(
        "From chapter 02: the worker of the last experiment looked at DB 12, and the job lay in "
        "DB 0. With which command do you see it?",
        [
            (
                "`%redis -n 12 LRANGE dramatiq:default 0 -1`",
                "That is the room in which the worker looks, in vain.",
            ),
            (
                "`%redis -n 0 LRANGE dramatiq:default 0 -1`",
                "The list of waiting ids, in the room where the job is.",
            ),
            (
                "`%redis -n 0 GET dramatiq:default`",
                "GET reads strings, and a queue is a list: Redis answers WRONGTYPE.",
            ),
        ],
        right=2,
    ),
)
