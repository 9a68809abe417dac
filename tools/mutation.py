"""Mutants: each is a source with one change to its syntax tree, as a careless person might make it.

A comparison, an operator, a constant, a condition, an argument, a name of a method, a statement
left out.
"""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeGuard

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
    said: Counter[str] = Counter()
    for number in range(sum(1 for _ in _changes(ast.parse(source)))):
        tree = ast.parse(source)
        what, change = list(_changes(tree))[number]
        change()
        said[what] += 1
        what += f", place {said[what]}" if said[what] > 1 else ""
        changed = ast.unparse(ast.fix_missing_locations(tree))
        if changed not in (whole, *found):
            found[changed] = Mutant(what, changed)
    return list(found.values())


def _changes(tree: ast.Module) -> Iterator[Change]:
    silent = {id(node.value) for node in ast.walk(tree) if _is_docstring(node)}
    silent |= {id(inner) for told in _told(tree) for inner in ast.walk(told)}
    around = {id(inner): node for node in ast.walk(tree) for inner in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if id(node) in silent:
            continue
        where = f"line {node.lineno}: " if hasattr(node, "lineno") else ""
        inside = around.get(id(node))
        if isinstance(node, ast.Constant) and isinstance(inside, ast.expr | ast.keyword):
            where += f"in `{ast.unparse(inside)}` "
        if isinstance(node, ast.Constant) and isinstance(inside, ast.arguments):
            where += f"as the default of `{_parameter(inside, node)}` "
        for what, change in _of(node):
            yield where + what, change


def _parameter(given: ast.arguments, default: ast.Constant) -> str:
    """The name of the parameter that has this default."""
    named = zip(reversed([*given.posonlyargs, *given.args]), reversed(given.defaults), strict=False)
    pairs = [*named, *zip(given.kwonlyargs, given.kw_defaults, strict=True)]
    return next(parameter.arg for parameter, value in pairs if value is default)


def _told(tree: ast.Module) -> Iterator[ast.AST]:
    """What an error says: words for people, which no check could or should hold to the letter."""
    for node in ast.walk(tree):
        match node:
            case ast.Raise(exc=ast.expr() as error):
                yield error
            case ast.Assert(msg=ast.expr() as message):
                yield message


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


def _is_docstring(node: ast.AST) -> TypeGuard[ast.Expr]:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


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
