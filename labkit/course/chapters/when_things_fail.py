"""Chapter 09: everything breaks, on purpose, and what holds is seen."""

from __future__ import annotations

from labkit.course.chapters import Chapter
from labkit.course.chapters import when_things_fail_once as once
from labkit.course.chapters import when_things_fail_once_answers as once_answers
from labkit.course.chapters import when_things_fail_outbox as outbox
from labkit.course.chapters import when_things_fail_outbox_answers as outbox_answers
from labkit.course.chapters import when_things_fail_tries as tries
from labkit.course.chapters.when_things_fail_predictions import PREDICTIONS
from labkit.course.chapters.when_things_fail_quiz import IN_CLASS, MISCONCEPTIONS, QUIZ
from labkit.course.exercise import Exercise

EXERCISES = {
    "tries": Exercise(
        "A job asks a service. Put into `options`, a dict, what its `@actor(…)` is to be told: run "
        "it five times at most; wait two seconds or more before the second run, and never more "
        "than ten seconds; and after a `ValueError`, which says that the address makes no sense, "
        "make it a dead letter at once.",
        check=tries.check_tries,
        hints=[
            "Four options are needed. Section 1 has used two of them, and section 2 a third.",
            "Two numbers are counted otherwise than one thinks: retries come behind the first run, "
            "and waits are milliseconds.",
            "`max_retries`, `min_backoff`, `max_backoff`; and `throws` names the error that no "
            "retry mends.",
        ],
        stub="options = ...  # a dict: what @actor(…) is to be told",
        given=["options"],
        solution=tries.SOLUTION,
        also_correct=tries.OTHERWISE,
        wrong=[
            (tries.COUNTS_RUNS, "comes after the first run", "counts_runs"),
            (tries.EVERY_ERROR, "no retry mends", "retries_mend"),
            (tries.SECONDS, "milliseconds"),
            (tries.NO_LIMIT, "none was to be longer"),
            (tries.NOTHING_TWICE, "after 1 of 5 runs"),
            (tries.AS_TEXT, "wants the class itself"),
            (tries.AS_TIMES, "could not reckon"),
        ],
        praise="`@actor(**options)` takes them as they are.",
    ),
    "once": Exercise(
        "Write the model `Payment` with the fields `order`, a text, and `cents`, a whole number; "
        "and `pay(order, cents)`, which saves a payment and a task `Ship …` with the order behind "
        "it. However often an order is delivered, to however many workers at once, and wherever "
        "one of them dies, there is one payment and one task in the end.",
        check=once.check_pay,
        hints=[
            "What do two deliveries of the same order have in common? That is the key, and whoever "
            "orders has chosen it.",
            "The database can refuse a second row with the same value: `Field(unique=True)`. "
            "`session()` then raises `InvalidRow`.",
            "One `with session()` block for both rows, so that none is there without the other. A "
            "block that was refused means: it is paid. No other error means that.",
        ],
        setup=once_answers.SETUP,
        stub=once_answers.STUB,
        given=["pay", "Payment"],
        solution=once_answers.SOLUTION,
        also_correct=once_answers.OTHERWISE,
        wrong=[
            (once_answers.NO_KEY, "delivered twice, and paid 2 times"),
            (once_answers.FAILS, "the second delivery fails"),
            (once_answers.LOOKS_FIRST, "Both looked", "looks_first"),
            (once_answers.WITH_A_LOCK, "in a process of its own", "looks_first"),
            (once_answers.NEW_KEY, "another value for it", "new_key"),
            (once_answers.TWO_STEPS, "between two commits"),
            (once_answers.SWALLOWS, "no error got out"),
            (once_answers.IN_MEMORY, "remembered in this process"),
        ],
        praise="The order’s number is an idempotency key. Banks and shops take one with each "
        "request, for just this reason.",
    ),
    "outbox": Exercise(
        "Write the outbox. `put(db, job, *arguments)` writes the job’s message into a row, in the "
        "block’s own transaction `db`. `relay(broker, ledger)` sends what the outbox holds, in "
        "order, and empties it. When Redis is away, the rows stay. And wherever the relay dies, "
        "once it has been run again each message is in the queue exactly once.",
        check=outbox.check_outbox,
        hints=[
            "`job.message(*arguments)` makes the message that `send` would send, with its id. "
            "`message.encode()` gives bytes, and `Message.decode(…)` takes them.",
            "What must the relay do first, send or delete, so that at worst a message is there "
            "twice, and never not at all?",
            "The id in the row tells whether it was sent before the relay died: "
            "`ledger.job(message.message_id)` is None if it was not.",
        ],
        setup=outbox_answers.SETUP,
        stub=outbox_answers.STUB,
        given=["put", "relay", "Outbox"],
        solution=outbox_answers.SOLUTION,
        also_correct=outbox_answers.OTHERWISE,
        wrong=[
            (outbox_answers.SENDS, "Inside the block nothing may be sent", "block_covers"),
            (outbox_answers.OWN_SESSION, "a session of its own"),
            (outbox_answers.FORGETS_FIRST, "Who forgets a row", "forgets_first"),
            (outbox_answers.SENDS_AGAIN, "between sending and saving"),
            (outbox_answers.KEEPS, "sends again what it has sent"),
            (outbox_answers.NEVER_EMPTIES, "take out what is sent"),
            (outbox_answers.BY_ARGUMENTS, "when two look alike"),
        ],
        praise="Two relays at once might still deliver a message twice. The jobs behind it are "
        "idempotent, so that does no harm.",
    ),
}

CHAPTER = Chapter(
    number="09",
    title="When things fail",
    minutes=60,
    needs=("06", "08"),
    predictions=PREDICTIONS,
    exercises=EXERCISES,
    quiz=QUIZ,
    misconceptions=MISCONCEPTIONS,
    in_class=IN_CLASS,
)
