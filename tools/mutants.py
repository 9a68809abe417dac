"""Changes each exercise's solutions a little, many times, and sees whether the check still passes.

``make mutants`` takes every exercise, ``ARGS='05 00.left'`` some; ``--sample 3`` takes that many
of each, chosen by ``--seed``. A mutant that the check lets pass is printed with what was changed.
Those that do the same as the solution, and so pass rightly, stand with the reason in
``tools/equivalents.toml``.

A mutant is one change to the syntax tree of ``solution`` or ``also_correct``: a comparison, an
operator, a constant, a condition, an argument, a name of a method, a statement left out. It is
caught when the check calls it wrong or not attempted, and when the learner's own cell raises.
"""

from __future__ import annotations

import argparse
import ast
import copy
import os
import random
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.course import chapters
from labkit.course.contract import answer, stage

EQUIVALENTS = Path(__file__).with_name("equivalents.toml")
#: The share of mutants, in percent, that the checks are to catch.
GOAL = 95
#: Seconds after which a mutant that still runs has shown that it is one.
PATIENCE = 20

#: Statements without which nothing runs: leaving them out would count as caught for nothing.
WHOLE = (ast.Pass, ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)

Change = tuple[str, Callable[[], None]]

OPPOSITE: dict[type[ast.AST], type[ast.AST]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
#: Names whose neighbour somebody might have taken.
NEIGHBOUR = {
    "send": "message",
    "send_in": "send_at",
    "send_at": "send_in",
    "lpop": "rpop",
    "rpop": "lpop",
    "lpush": "rpush",
    "rpush": "lpush",
    "blpop": "brpop",
    "min": "max",
    "max": "min",
    "any": "all",
    "all": "any",
    "started_at": "enqueued_at",
    "enqueued_at": "started_at",
    "finished_at": "started_at",
    "after_commit": "after_create",
    "True": "False",
}


@dataclass(frozen=True)
class Mutant:
    """One changed answer: ``what`` was changed, in words that name the line and its text."""

    what: str
    source: str


def mutants(source: str) -> list[Mutant]:
    """Every change of one place of a source; those that change nothing are left out."""
    whole = ast.unparse(ast.parse(source))
    found: dict[str, Mutant] = {}
    for number in range(sum(1 for _ in _changes(ast.parse(source)))):
        tree = ast.parse(source)
        what, change = list(_changes(tree))[number]
        change()
        changed = ast.unparse(ast.fix_missing_locations(tree))
        if changed not in (whole, *found):
            found[changed] = Mutant(what, changed)
    return list(found.values())


def _changes(tree: ast.Module) -> Iterator[Change]:
    for node in ast.walk(tree):
        where = f"line {node.lineno}: " if hasattr(node, "lineno") else ""
        for what, change in _of(node):
            yield where + what, change


def _of(node: ast.AST) -> Iterator[Change]:
    """The changes that one node allows."""
    for name in ("body", "orelse"):
        block = getattr(node, name, None)
        if isinstance(block, list) and not isinstance(node, ast.IfExp):
            yield from _left_out(block)
    match node:
        case ast.Compare(ops=ops):
            for place, operator in enumerate(ops):
                yield from _swap(node, operator, lambda new, at=place: _put(ops, at, new))
        case ast.BinOp(op=operator) | ast.BoolOp(op=operator) | ast.AugAssign(op=operator):
            yield from _swap(node, operator, lambda new: setattr(node, "op", new))
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            yield f"`{ast.unparse(node)}` without its not", lambda: _become(node, inner)
        case ast.If() | ast.IfExp() | ast.While():
            turned = ast.UnaryOp(ast.Not(), copy.deepcopy(node.test))
            yield f"not `{ast.unparse(node.test)}`", lambda: setattr(node, "test", turned)
        case ast.comprehension(ifs=[first, *_]):
            yield f"without `if {ast.unparse(first)}`", lambda: node.ifs.remove(first)
        case ast.Return(value=ast.expr() as value):
            yield f"no return of `{ast.unparse(value)}`", lambda: setattr(node, "value", None)
        case ast.Constant():
            yield from _other_constant(node)
        case ast.Call():
            yield from _call(node)
        case ast.Name(id=name) if name in NEIGHBOUR:
            new = NEIGHBOUR[name]
            yield f"`{new}` for `{name}`", lambda: setattr(node, "id", new)
        case ast.Attribute(attr=name) if name in NEIGHBOUR:
            new = NEIGHBOUR[name]
            yield f"`.{new}` for `.{name}`", lambda: setattr(node, "attr", new)
        case ast.FunctionDef(decorator_list=[first, *_]):
            yield (
                f"without `@{ast.unparse(first)}`",
                lambda: node.decorator_list.remove(first),
            )


def _left_out(block: list[ast.stmt]) -> Iterator[Change]:
    for place, statement in enumerate(block):
        if isinstance(statement, WHOLE) or _is_docstring(statement):
            continue
        line = ast.unparse(statement).partition("\n")[0]
        yield (
            f"line {statement.lineno} left out: `{line}`",
            lambda at=place: _put(block, at, ast.Pass()),
        )


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _swap(node: ast.AST, operator: ast.AST, put: Callable[[ast.AST], None]) -> Iterator[Change]:
    if other := OPPOSITE.get(type(operator)):
        name = other.__name__
        yield f"{name} in `{ast.unparse(node)}`", lambda: put(other())


def _other_constant(node: ast.Constant) -> Iterator[Change]:
    value: Any = node.value
    others: list[Any] = []
    match value:
        case bool():
            others = [not value]
        case int():
            others = [value + 1, value - 1]
        case float():
            others = [value + 1.0]
        case str() if value:
            others = ["", f"{value}x"]
        case None:
            others = [0]
    for other in others:
        yield f"`{other!r}` for `{value!r}`", lambda new=other: setattr(node, "value", new)


def _call(node: ast.Call) -> Iterator[Change]:
    text = ast.unparse(node)
    for place, argument in enumerate(node.args):
        yield (
            f"`{ast.unparse(argument)}` left out of `{text}`",
            lambda at=place: node.args.__delitem__(at),
        )
    if len(node.args) >= 2:
        yield f"arguments of `{text}` swapped", lambda: node.args.reverse()
    for keyword in node.keywords:
        yield (
            f"`{ast.unparse(keyword)}` left out of `{text}`",
            lambda gone=keyword: node.keywords.remove(gone),
        )
    if not node.args and not node.keywords:
        yield f"`{text}` not called", lambda: _become(node, node.func)


def _put(items: list[Any], place: int, new: Any) -> None:
    items[place] = new


def _become(node: ast.AST, other: ast.AST) -> None:
    """Make one node of the tree another one, in its place."""
    node.__class__ = other.__class__  # type: ignore[assignment]
    node.__dict__ = other.__dict__


# --- running them ----------------------------------------------------------------------------


def of_exercise(key: str) -> list[Mutant]:
    """The mutants of both correct answers to an exercise, each once, without the equivalent."""
    task = chapters.exercise(key)
    same = equivalents().get(key, {})
    both = {m.source: m for source in (task.solution, task.also_correct) for m in mutants(source)}
    return [mutant for mutant in both.values() if mutant.what not in same]


def equivalents() -> dict[str, dict[str, str]]:
    """By exercise: what was changed -> why it is as right as the solution."""
    return tomllib.loads(EQUIVALENTS.read_text(encoding="utf-8"))


def survivors(key: str, chosen: list[Mutant]) -> Iterator[Mutant]:
    """Those that the check lets pass; runs their code, so call it in a ``stage``."""
    task = chapters.exercise(key)
    for mutant in chosen:
        # A process of its own: it may hang, and what it declares or breaks goes with it.
        child = os.fork()
        if child == 0:
            os.setsid()
            signal.alarm(PATIENCE)
            silence = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silence, 1)
            os.dup2(silence, 2)
            try:
                passed = answer(key, task, mutant.source).right is True
            except BaseException:
                passed = False
            os._exit(0 if passed else 1)
        if os.waitpid(child, 0)[1] == 0:
            yield mutant


def examine(key: str, sample: int | None, seed: int) -> tuple[int, list[Mutant]]:
    """How many mutants were tried, and which survived."""
    chosen = of_exercise(key)
    if sample is not None:
        chosen = random.Random(f"{seed} {key}").sample(chosen, min(sample, len(chosen)))  # noqa: S311
    with stage():
        return len(chosen), list(survivors(key, chosen))


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status: 1 where less than the goal are caught."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", help="chapters or exercises (default: all)")
    parser.add_argument("--sample", type=int, help="that many of each exercise")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    every = [key for chapter in chapters.every() for key in chapter.ids()["exercises"]]
    keys = [
        key
        for key in every
        if not options.names or {key, key.partition(".")[0]} & set(options.names)
    ]
    if len(keys) == 1:
        tried, left = examine(keys[0], options.sample, options.seed)
        print(f"{keys[0]}: {tried - len(left)} of {tried} caught")
        for mutant in left:
            print(f"    {mutant.what}")
        return int(tried == 0 or 100 * (tried - len(left)) < GOAL * tried)
    return _each(keys, options)


def _each(keys: list[str], options: argparse.Namespace) -> int:
    """Each exercise in a process of its own: what it imports and declares stays there."""
    tried = caught = 0
    for key in keys:
        command = [sys.executable, "-m", "tools.mutants", key, f"--seed={options.seed}"]
        command += [f"--sample={options.sample}"] if options.sample is not None else []
        said = subprocess.run(command, capture_output=True, text=True, check=False)
        print(said.stdout or said.stderr, end="", flush=True)
        words = said.stdout.partition("\n")[0].split()
        if len(words) != 5:
            return 1
        caught, tried = caught + int(words[1]), tried + int(words[3])
    share = 100 * caught / tried if tried else 0
    print(f"in all: {caught} of {tried} caught, {share:.1f} %; the goal is {GOAL} %")
    return int(share < GOAL)


if __name__ == "__main__":
    sys.exit(main())
