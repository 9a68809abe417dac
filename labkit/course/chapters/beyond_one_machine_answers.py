"""Answers to try the checks of chapter 11 on: right ones, and mistakes that people make."""

from __future__ import annotations

# -- address ---------------------------------------------------------------------------------------

ADDRESS_SETUP = "from urllib.parse import quote, urlencode\n"

ADDRESS_STUB = """\
def address(user, password, host, port, database):
    return ..."""

ADDRESS = """\
def address(user, password, host, port, database):
    secret = quote(password, safe="")
    return f"redis://{quote(user)}:{secret}@{host}:{port}/{database}"
"""

ADDRESS_OTHERWISE = """\
def address(user, password, host, port, database):
    options = urlencode({"username": user, "password": password, "db": database})
    return f"redis://{host}:{port}?{options}"
"""

PLAIN = """\
def address(user, password, host, port, database):
    return f"redis://{user}:{password}@{host}:{port}/{database}"
"""

NO_DATABASE = """\
def address(user, password, host, port, database):
    return f"redis://{user}:{quote(password, safe='')}@{host}:{port}"
"""

NO_USER = """\
def address(user, password, host, port, database):
    return f"redis://:{quote(password, safe='')}@{host}:{port}/{database}"
"""

SLASH = """\
def address(user, password, host, port, database):
    return f"redis://{user}:{quote(password)}@{host}:{port}/{database}"
"""

# -- insist ----------------------------------------------------------------------------------------

INSIST_SETUP = """\
from contextlib import suppress
from time import monotonic, sleep

from labkit.errors import RedisUnavailable
"""

INSIST_STUB = """\
def insist(send, seconds):
    return ..."""

INSIST = """\
def insist(send, seconds):
    deadline = monotonic() + seconds
    while True:
        try:
            return send()
        except RedisUnavailable:
            if monotonic() > deadline:
                raise
            sleep(0.1)
"""

INSIST_OTHERWISE = """\
def insist(send, seconds):
    began = monotonic()
    while monotonic() - began < seconds:
        with suppress(RedisUnavailable):
            return send()
        sleep(0.05)
    return send()
"""

EVERY_ERROR = INSIST.replace("except RedisUnavailable", "except Exception")

QUIETLY = """\
def insist(send, seconds):
    deadline = monotonic() + seconds
    while monotonic() < deadline:
        try:
            return send()
        except RedisUnavailable:
            sleep(0.1)
"""

AT_ONCE = INSIST.replace("            sleep(0.1)\n", "")

FOR_EVER = """\
def insist(send, seconds):
    while True:
        try:
            return send()
        except RedisUnavailable:
            sleep(0.1)
"""

ONCE_MORE = """\
def insist(send, seconds):
    try:
        return send()
    except RedisUnavailable:
        sleep(0.1)
        return send()
"""

# -- certain ---------------------------------------------------------------------------------------

CERTAIN_SETUP = """\
from time import monotonic, sleep

from labkit import Ledger
from labkit.errors import RedisUnavailable
"""

CERTAIN_STUB = """\
def certain(broker, message):
    return ..."""

CERTAIN = """\
def certain(broker, message):
    broker.wait_replicas = 1
    try:
        broker.enqueue(message)
    except RedisUnavailable:
        return False
    return True
"""

CERTAIN_OTHERWISE = """\
def certain(broker, message):
    broker.enqueue(message)
    written = broker.client.info("replication")["master_repl_offset"]
    deadline = monotonic() + 2.5
    while monotonic() < deadline:
        replica = broker.client.info("replication").get("slave0", {"offset": -1})
        if replica["offset"] >= written:
            return True
        sleep(0.05)
    return False
"""

ACCEPTED = """\
def certain(broker, message):
    broker.enqueue(message)
    return True
"""

READ_BACK = """\
def certain(broker, message):
    broker.enqueue(message)
    return Ledger(client=broker.client).job(message.message_id) is not None
"""

CONNECTED = """\
def certain(broker, message):
    broker.enqueue(message)
    return broker.client.info("replication")["connected_slaves"] > 0
"""

NO_END = """\
def certain(broker, message):
    broker.enqueue(message)
    with broker.client.client() as one:
        return one.wait(1, 0) >= 1
"""

NOT_SENT = """\
def certain(broker, message):
    return broker.client.info("replication")["connected_slaves"] > 0
"""
