"""Chapter 01: the same sign-up with its work inside the request, and in the background."""

from __future__ import annotations

from labkit.course.chapters import Chapter
from labkit.course.chapters.why_background_jobs_checks import (
    check_signup,
    check_status,
    check_threads,
)
from labkit.course.chapters.why_background_jobs_keep import KEEP
from labkit.course.chapters.why_background_jobs_quiz import IN_CLASS, MISCONCEPTIONS, QUIZ
from labkit.course.exercise import Exercise
from labkit.course.prediction import Prediction

PREDICTIONS = {
    "crowd": Prediction(
        "The server has four threads. One visitor at a time waited as you see above. Now eight "
        "sign up at the same time. How long does a visitor wait?",
        [
            (
                "As long as before: each has a thread of her own",
                lambda one, eight: eight.p50 < 1.4 * one.p50,
                "There are four threads, and a thread serves one request until it is answered.",
            ),
            (
                "Longer: half of them wait for a thread first",
                lambda one, eight: 1.4 * one.p50 <= eight.p50 < 8 * one.p50,
            ),
            (
                "Eight times as long, or more: they are served one after the other",
                lambda one, eight: eight.p50 >= 8 * one.p50,
                "That would be a server with a single thread.",
            ),
        ],
        "While a thread waits for the mail server it does nothing, and still it cannot serve "
        "anybody else. Four threads, four visitors; the others stand in line.",
    ),
    "bystander": Prediction(
        "While eight visitors sign up, somebody else only wants to read the page of tasks, which "
        "sends nothing and makes nothing. How long does that take?",
        [
            (
                "A few milliseconds, as before",
                lambda quiet, busy: busy.p50 < 3 * quiet.p50,
                "It needs a thread too, and all four are waiting for the mail server.",
            ),
            (
                "Several times as long as before",
                lambda quiet, busy: busy.p50 >= 3 * quiet.p50 and min(busy.latencies) < 30,
            ),
            (
                "It gets an error: the server is busy",
                lambda quiet, busy: min(busy.latencies) >= 30,
                "The server lets it stand in line. An error would come only much later.",
            ),
        ],
        "This is the guide's first argument: slow work for some makes everything slow for all, "
        "the quick pages too.",
    ),
    "background": Prediction(
        "Now the server enqueues the e-mail and the invoice, and answers. The machine, the "
        "threads and the visitors are the same. How many more sign-ups a second does it answer?",
        [
            (
                "About as many: the work is the same",
                lambda inside, behind: behind.throughput < 1.5 * inside.throughput,
                "The work is the same, and it no longer stands between the visitor and the answer.",
            ),
            (
                "Some more, up to five times",
                lambda inside, behind: (
                    1.5 * inside.throughput <= behind.throughput < 5 * inside.throughput
                ),
                "An enqueue takes a fraction of a millisecond, where the e-mail took 150.",
            ),
            (
                "Far more: five times or better",
                lambda inside, behind: behind.throughput >= 5 * inside.throughput,
            ),
        ],
        "Storing a job is one short command to Redis. The visitor waits for that, and not for "
        "what the job does.",
    ),
    "mailbox": Prediction(
        "All sign-ups have been answered. How many of their e-mails has the mail server received?",
        [
            (
                "All of them",
                lambda received, promised: received >= promised,
                "Nobody has sent any yet: to enqueue is to promise.",
            ),
            ("Some of them", lambda received, promised: 0 < received < promised),
            ("None", lambda received, promised: received == 0),
        ],
        "No worker runs. The jobs are in Redis and will wait for as long as it takes. That is why "
        "the page says that the e-mail is on its way, and not that it was sent.",
    ),
}

SETUP = "from labkit.jobs import send_welcome_email"

#: The function of the second exercise, up to its body.
HEAD = "def signup(email):\n"
ANSWER = '    return "Your e-mail is on its way."'
#: Those of the first and the third.
NEEDED = "def threads_needed(visitors, seconds):\n"
STATUS = "def mail_status(ledger, job_id):\n"

EXERCISES = {
    "threads": Exercise(
        "A server does its e-mail inside the request. `visitors` come each second, evenly, and "
        "each holds a thread for `seconds`. Write `threads_needed(visitors, seconds)`: the "
        "smallest number of threads with which the line does not grow.",
        check=check_threads,
        hints=[
            "Begin with what you have measured: one thread, 0.2 s for each visitor. How many can "
            "it serve in a second? How many threads do twenty visitors a second need, then?",
            "In each second, `visitors` people ask for `seconds` of some thread’s time. A thread "
            "has one second to give in each second.",
            "A number of threads is whole, and the next lower one is too few: `math.ceil` rounds "
            "up.",
        ],
        setup="import math",
        stub=f"{NEEDED}    return ...",
        given=["threads_needed"],
        solution=f"{NEEDED}    return math.ceil(visitors * seconds)",
        also_correct=(
            f"{NEEDED}    threads = 1\n"
            "    while threads / seconds < visitors:\n"
            "        threads += 1\n"
            "    return threads"
        ),
        wrong=[
            (f"{NEEDED}    return 4", "it holds its thread all the same", "free"),
            (f"{NEEDED}    return int(visitors * seconds) or 1", "the line grows"),
            (f"{NEEDED}    return visitors / seconds", "with a thread less nobody would"),
            (f"{NEEDED}    return visitors * seconds", "is a whole number"),
            (f"{NEEDED}    return max(1, round(visitors * seconds))", "the line grows"),
            (f"{NEEDED}    print(math.ceil(visitors * seconds))", "hands nothing out"),
        ],
        praise="Twice the visitors, or a mail server that is twice as slow: twice the threads, and "
        "all of them only wait.",
    ),
    "signup": Exercise(
        "Write `signup(email)`: it leaves the e-mail to a worker and returns an answer at once.",
        check=check_signup,
        hints=[
            "`send_welcome_email(email)` sends the e-mail now and here. An actor can do one thing "
            "more than a function.",
            "The guide calls it `perform_async`. In Dramatiq it is a method of the actor, and it "
            "takes the same arguments as the function.",
        ],
        setup=SETUP,
        stub="def signup(email):\n    return ...",
        given=["signup"],
        solution=f"{HEAD}    send_welcome_email.send(email)\n{ANSWER}",
        also_correct=(
            f"{HEAD}    send_welcome_email.send_with_options(kwargs={{'address': email}})\n"
            "    return {'status': 202}"
        ),
        wrong=[
            (f"{HEAD}    send_welcome_email(email)\n{ANSWER}", "it ran here and now", "here"),
            (
                "import threading\n\n\n"
                f"{HEAD}    threading.Thread(target=send_welcome_email, args=(email,)).start()\n"
                f"{ANSWER}",
                "from a thread of this process",
                "thread",
            ),
            (
                f"{HEAD}    send_welcome_email.send(email)\n"
                f"    send_welcome_email(email)\n{ANSWER}",
                "she gets it twice",
            ),
            (f"{HEAD}    send_welcome_email.send()\n{ANSWER}", "it does not say to whom"),
            (f"{HEAD}{ANSWER}", "nobody will ever send an e-mail"),
            (
                "from labkit.course.lab import wait_for_state\n\n\n"
                f"{HEAD}    wait_for_state(send_welcome_email.send(email), 'completed')\n{ANSWER}",
                "waits until a worker has come",
            ),
        ],
        praise="The answer is honest, too: it promises the e-mail, and does not call it sent.",
    ),
    "status": Exercise(
        "Write `mail_status(ledger, job_id)`, the words for a page that the visitor may reload: "
        "`'on its way'`, `'sent'`, `'not sent'` when nobody will try any more, and `'unknown'` "
        "for an id that Redis does not know.",
        check=check_status,
        hints=[
            "`ledger.job(job_id)` gives the job’s record, or None. What is known of a job is in "
            "its `state`.",
            "Go through the seven states on the board. Which one means that it was sent, and in "
            "which of the others will no worker touch the job again?",
            "Chapter 00 has used it: `state.is_final` is True for the three that are an end. Ask "
            "for None first, then for completed, then for that.",
        ],
        stub=f"{STATUS}    return ...",
        given=["mail_status"],
        keep=KEEP,
        solution=(
            f"{STATUS}"
            "    job = ledger.job(job_id)\n"
            "    if job is None:\n"
            '        return "unknown"\n'
            '    if job.state == "completed":\n'
            '        return "sent"\n'
            '    return "not sent" if job.state.is_final else "on its way"'
        ),
        also_correct=(
            'words = {None: "unknown", "completed": "sent"}\n'
            'words |= dict.fromkeys(("dead", "cancelled"), "not sent")\n\n\n'
            f"{STATUS}"
            "    job = ledger.job(job_id)\n"
            '    return words.get(job and job.state, "on its way")'
        ),
        wrong=[
            (
                f'{STATUS}    return "sent" if ledger.job(job_id) else "unknown"',
                "only a job that is completed was sent",
                "promised",
            ),
            (
                f"{STATUS}    job = ledger.job(job_id)\n"
                "    if job is None:\n"
                '        return "unknown"\n'
                '    return "sent" if job.state == "completed" else "on its way"',
                "would wait for ever",
                "eventually",
            ),
            (
                f"{STATUS}    state = ledger.job(job_id).state\n"
                '    ended = "sent" if state == "completed" else "not sent"\n'
                '    return ended if state.is_final else "on its way"',
                "the ledger has no record",
            ),
            (
                f"{STATUS}    job = ledger.job(job_id)\n"
                '    open = ("enqueued", "running", "scheduled")\n'
                "    if job is None or job.state in open:\n"
                '        return "on its way" if job else "unknown"\n'
                '    return "sent" if job.state == "completed" else "not sent"',
                "it will be tried again",
            ),
            (f"{STATUS}    print(ledger.job(job_id).state)", "`return` the words"),
        ],
        praise="Every state of a job is somebody’s wait. A page that can be reloaded tells her.",
    ),
}

CHAPTER = Chapter(
    number="01",
    title="Why background jobs",
    minutes=25,
    mirrors="the opening",
    needs=("00",),
    predictions=PREDICTIONS,
    exercises=EXERCISES,
    quiz=QUIZ,
    misconceptions=MISCONCEPTIONS,
    in_class=IN_CLASS,
)
