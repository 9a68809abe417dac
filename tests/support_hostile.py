"""Text that a hostile application might send: markup, scripts, control characters, odd names.

``CORPUS`` is every payload in every wrapping: what breaks out of a tag, an attribute, a comment, a
terminal's window. A payload that runs sets ``window.stolen``.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from labkit.ledger.keys import Keys

if TYPE_CHECKING:
    from redis import Redis

RUN = "window.stolen=1"

PAYLOADS = (
    f"<script>{RUN}</script>",
    f"<ScRiPt/x>{RUN}</sCrIpT >",
    f"<scr<script>ipt>{RUN}</scr</script>ipt>",
    f"<script src=data:text/javascript,{RUN}></script>",
    f"<img src=x onerror={RUN}>",
    f"<img src='x' onerror='{RUN}'//",
    f'<image src="x" onerror="{RUN}">',
    f"<svg onload={RUN}>",
    f"<svg><script>{RUN}</script></svg>",
    f"<svg><animate onbegin={RUN} attributeName=x dur=1s>",
    f"<math><mtext></p><img src=x onerror={RUN}>",
    f"<iframe srcdoc='<script>parent.{RUN}</script>'></iframe>",
    f"<iframe src='javascript:parent.{RUN}'></iframe>",
    f"<object data='javascript:{RUN}'>",
    f"<embed src='javascript:{RUN}'>",
    f"<body onload={RUN}>",
    f"<details open ontoggle={RUN}>",
    f"<input autofocus onfocus={RUN}>",
    f"<select autofocus onfocus={RUN}>",
    f"<video><source onerror={RUN}></video>",
    f"<audio src=x onerror={RUN}>",
    f"<marquee onstart={RUN}>",
    f"<a href='javascript:{RUN}'>here</a>",
    f"<a href='&#106;avascript:{RUN}'>here</a>",
    f"[here](javascript:{RUN})",
    f"![x](x)<form action='javascript:{RUN}'><button>go</button></form>",
    f"<meta http-equiv=refresh content='0;url=javascript:{RUN}'>",
    "<base href='https://example.invalid/'>",
    "<link rel=stylesheet href='data:text/css,*{display:none}'>",
    "<style>*{display:none !important}</style>",
    "<div style='position:fixed;inset:0;background:red;z-index:9999'>x</div>",
    "<plaintext>",
    "<textarea>",
    "<table><tr><td>",
    "{{constructor.constructor('" + RUN + "')()}}",
    "${" + RUN + "}",
    f"&lt;script&gt;{RUN}&lt;/script&gt;",
    f"\\u003cscript\\u003e{RUN}\\u003c/script\\u003e",
    f"\uff1cscript\uff1e{RUN}\uff1c/script\uff1e",
    "__proto__",
    "constructor",
    "toString",
    "\x1b]8;;https://example.invalid\x07here\x1b]8;;\x07",
    "\x1b[2J\x1b[H\x1b[31mred\x1b[0m\x1bc",
    "\x00\x01\x02\x03\x07\x08\x0b\x0c\x7f\x80\x9f",
    "a\rb\nc\r\nd\te\u2028f\u2029g\x85h",
    "\u202eright to left\u202c\u2066\u2067\u200f",
    "\ufeff\u200b\u200c\u200d\u2060\u00ad invisible",
    "z" + "\u0300\u0301\u0302\u0303\u0304" * 40,
    "\ud800 alone \udfff",
    "\U000e0041\U0001f468\u200d\U0001f469\u200d\U0001f467 \ufdfd\u0bcc",
    "W" * 3_000,
    "\n" * 400,
)
WRAPPINGS = (
    "{}",
    '"{}',
    "'{}",
    "`{}",
    "-->{}<!--",
    '"><x y="{}',
    "</span></code></td></tr></table>{}",
    "</pre></details></li></ol></div>{}",
    "</title></style></textarea></script>{}",
    "]]>{}",
    "\x1b[1m{}",
)
CORPUS = tuple(wrapping.replace("{}", text) for text in PAYLOADS for wrapping in WRAPPINGS)
assert len(set(CORPUS)) == len(CORPUS) > 500
#: What some workers say of themselves: each payload once.
WORKERS = CORPUS[:: len(WRAPPINGS)]


def plant(client: Redis[bytes], namespace: str) -> None:
    """A dead job for each of the corpus, which fills every field of its record, and its id."""
    keys, now = Keys(namespace), round(time.time() * 1000)
    pipe = client.pipeline()
    for number, text in enumerate(CORPUS):
        job_id = text.encode("utf-8", "surrogatepass")
        sent = {"queue_name": text, "actor_name": text, "args": [text], "kwargs": {text: [text]}}
        attempt: dict[str, Any] = {"started": now, "finished": now + 5, "worker": text}
        attempt |= {"error": text, "traceback": f"{text}\n{text}"}
        first = f"dead x#y {now} - {now} {now + 5} 0 host:1"
        record = "\n".join([first, json.dumps(sent), json.dumps(attempt)])
        pipe.hset(keys.jobs, job_id, record)
        pipe.zadd(keys.state("dead"), {job_id: now + number})
    minute = {f"{text}/completed".encode("utf-8", "surrogatepass"): 1 for text in CORPUS}
    pipe.hset(keys.minute(now // 60_000), mapping=minute)
    for text in WORKERS:
        card = {"host": text, "pid": 1, "threads": 1, "queues": [text], "actors": [text]}
        name = text.encode("utf-8", "surrogatepass")
        pipe.hset(keys.workers, name, json.dumps({**card, "since": now}))
        pipe.zadd(f"{namespace}:__heartbeats__", {name: now + 3_600_000})
    pipe.execute()
