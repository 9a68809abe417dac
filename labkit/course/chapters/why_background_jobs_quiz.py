"""The quiz of chapter 01, its misconceptions, and notes for teachers."""

from __future__ import annotations

from collections.abc import Sequence

from labkit.course.misconception import Misconception
from labkit.course.quiz import Question

MISCONCEPTIONS = {
    "free": Misconception(
        "A request that only waits costs the server nothing.",
        "Let four people be the threads, and each hold a card for ten seconds. Who serves the "
        "fifth visitor, and what were the four busy with?",
    ),
    "here": Misconception(
        "The function is a job, so calling it puts it into the background.",
        "Call it with the board in view and no worker running: the board does not move, and the "
        "mailbox does.",
    ),
    "thread": Misconception(
        "A thread of my own is as good as a queue.",
        "It answers as quickly. Then ask what becomes of the e-mail when the process is restarted "
        "a second later, and where one would see that it was owed.",
    ),
    "promised": Misconception(
        "When the page has answered, the e-mail has been sent.",
        "Stop before section 5’s worker is started, and ask the room to open the mailbox: forty "
        "jobs, and no e-mail.",
    ),
    "eventually": Misconception(
        "What is in the queue will be done, sooner or later.",
        "Ask what a worker should do with an address that the mail server refuses every time. The "
        "board has a state for it.",
    ),
}

IN_CLASS = (
    "The figures differ from desk to desk, and sometimes from run to run. Collect them on the "
    "board in front: the ratio is the point, and it is large everywhere.",
    "On a laptop that runs on battery the PDFs take twice as long. Nothing is wrong; the text "
    "speaks of the shape, and no cell asserts a time.",
    "Some ask for more threads in place of a queue, and they are half right: more threads help "
    "until the rush is twice as large. `01.threads` is made for that talk.",
)

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
                "free",
            ),
        ],
        right=2,
    ),
    Question(
        "A sign-up saves the visitor, calls `send_welcome_email(email)`, and returns a page. The "
        "page should come sooner, and no e-mail may be lost. What do you change?",
        [
            (
                "The call becomes the last line before `return`",
                "A call is done when it is done, wherever it stands. The page waits for it.",
                "here",
            ),
            (
                "The call runs in a thread that the request starts",
                "The page comes sooner. When the process ends, the e-mails of all its threads are "
                "gone, and nobody knows of them.",
                "thread",
            ),
            (
                "The call becomes `send_welcome_email.send(email)`",
                "The job is in Redis before the page is answered, and stays there until a worker "
                "has done it.",
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
        "The mail server refuses an address, at the first attempt and at every later one. The "
        "visitor was told that her e-mail is on its way. What becomes of the job?",
        [
            (
                "It is tried until it works: that is what a queue is for",
                "Some things never work. A queue that tried for ever would fill with them.",
                "eventually",
            ),
            (
                "After its last attempt it is dead, and somebody should tell her",
                "A dead job is kept to be looked at, and no worker takes it by itself.",
            ),
            (
                "It is completed: a worker has run it",
                "Completed means that it ended well. This one raised an exception each time.",
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
                "promised",
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
