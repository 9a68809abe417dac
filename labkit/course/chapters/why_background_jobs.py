"""Chapter 01: the same sign-up with its work inside the request, and in the background."""

from __future__ import annotations

from collections.abc import Sequence

from labkit.course.chapters import Chapter
from labkit.course.chapters.why_background_jobs_checks import check_signup
from labkit.course.exercise import Exercise
from labkit.course.prediction import Prediction
from labkit.course.quiz import Question

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

#: The function of the exercise, up to its body.
HEAD = "def signup(email):\n"
ANSWER = '    return "Your e-mail is on its way."'

EXERCISES = {
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
            (f"{HEAD}    send_welcome_email(email)\n{ANSWER}", "it ran here and now"),
            (
                "import threading\n\n\n"
                f"{HEAD}    threading.Thread(target=send_welcome_email, args=(email,)).start()\n"
                f"{ANSWER}",
                "from a thread of this process",
            ),
            (
                f"{HEAD}    send_welcome_email.send(email)\n"
                f"    send_welcome_email(email)\n{ANSWER}",
                "she gets it twice",
            ),
            (f"{HEAD}    send_welcome_email.send()\n{ANSWER}", "it does not say to whom"),
            (f"{HEAD}{ANSWER}", "nobody will ever send an e-mail"),
        ],
        praise="The answer is honest, too: it promises the e-mail, and does not call it sent.",
    ),
}

QUIZ: Sequence[Question] = (
    Question(
        "A request takes 0.2 s, nearly all of it spent waiting for a mail server. The web server "
        "has four threads. How many such requests can it answer in a second, at most?",
        [
            (
                "5",
                "That would be one thread: 1 s / 0.2 s. There are four.",
            ),
            ("20", "4 / 0.2 s. More visitors make the line longer, and not the server faster."),
            (
                "As many as come: waiting costs no processor time",
                "It costs a thread, and there are four of them.",
            ),
        ],
        right=2,
    ),
    Question(
        "What does moving the e-mail into the background make less?",
        [
            (
                "The work: fewer e-mails are sent",
                "Each e-mail is still sent, by somebody else and a little later.",
            ),
            (
                "The time that an e-mail takes",
                "The mail server is as slow as before.",
            ),
            (
                "The time for which the visitor, and a thread of the web server, must wait",
                "The work is the same; it just stands in nobody’s way any more.",
            ),
        ],
        right=3,
    ),
    Question(
        "Sign-ups come in at 300 a second, and the workers get 50 e-mails a second done. This goes "
        "on all day. What happens?",
        [
            (
                "Nothing bad: the queue is there for that",
                "A queue evens out a peak. It does not help against a steady excess.",
            ),
            (
                "The queue grows by 250 jobs a second, until there are more workers",
                "A queue buys time. The length of the line is the number to keep an eye on.",
            ),
            (
                "The web server slows down to 50 a second",
                "It does not know how the workers fare. Redis takes what it is given.",
            ),
        ],
        right=2,
    ),
    Question(
        "Which of these belongs into the background?",
        [
            (
                "Checking that the password is right, at the log-in",
                "The answer depends on it: the visitor must know now.",
            ),
            (
                "Making the monthly report as a spreadsheet, which takes a minute",
                "Slow, and nobody needs it within this answer. The guide lists it too.",
            ),
            (
                "Reading the tasks that the page is to show",
                "Without them there is no page to answer with.",
            ),
        ],
        right=2,
    ),
    Question(
        "From chapter 00: at which moment does the state of a job become `completed`?",
        [
            (
                "When the request is answered",
                "By then it is `enqueued`, and no more.",
            ),
            (
                "When Redis has stored it",
                "Then its state is `enqueued`: it waits for a worker.",
            ),
            (
                "When a worker has run it to its end",
                "And until then it was `enqueued`, and then `running`.",
            ),
        ],
        right=3,
    ),
)

CHAPTER = Chapter(
    number="01",
    title="Why background jobs",
    minutes=20,
    mirrors="the opening",
    needs=("00",),
    predictions=PREDICTIONS,
    exercises=EXERCISES,
    quiz=QUIZ,
)
