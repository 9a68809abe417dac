"""The repository's rules as functions: text or files in, a list of complaints out.

tests/test_repository.py holds the repository to them, and each of them to a planted violation.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

LONGEST_FILE = 300
LONGEST_CELL = 15
#: What the package may hold, in lines of code: no blank lines, comments or docstrings.
CODE_BUDGET = 11_595
# Spelt so that this file does not complain of itself.
MACHINE_PATHS = re.compile(r"(?<![\w.*-])/(?:root|work/main|Users/\w|home/(?!you/|jovyan/)\w)")
REGISTRIES = re.compile(
    r"""(?i)(?:index-url|find-links|registry|resolved)"?[ =:]+"?(?:https?|file):/"""
    r"""|https?:/{2}[^ "]+\.(?:whl|tgz|tar\.gz)\b|https?:/{2}[^ "]+/simple/?(?:["'\s]|$)"""
    r"""|files\.pythonhosted\.""",
    re.MULTILINE,
)


def repository_files(root: Path) -> list[Path]:
    """The files under version control, and the new ones that are not ignored; absolute paths."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [path for name in listing.split("\0") if name and (path := root / name).is_file()]


# --- imports ---------------------------------------------------------------------------------


def read_layers(markdown: str) -> list[set[str]]:
    """The layers of CONTRIBUTING.md, lowest first: the text block that begins with ``errors``."""
    block = re.search(r"```text\n(errors\b.*?)```", markdown, re.DOTALL)
    assert block, "CONTRIBUTING.md lost its block of layers"
    return [set(line.split()) for line in block[1].splitlines() if line.strip()]


def imports(source: str, modules: set[str]) -> Iterator[tuple[str, bool]]:
    """The modules of labkit that a source imports, and whether for the type checker alone."""
    tree = ast.parse(source)
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            # `from labkit import modes` names a module; `from labkit.modes import x` is in one.
            inner_modules = [f"{node.module}.{alias.name}" for alias in node.names]
            named = [name for name in inner_modules if name in modules]
            names = named if len(named) == len(inner_modules) else [node.module, *named]
        for name in names:
            if name.split(".")[0] == "labkit":
                yield name, id(node) in for_types


def wrong_imports(sources: dict[str, str], layers: Sequence[set[str]]) -> list[str]:
    """Imports that go up the layers, modules in no layer, layers of no module, and cycles.

    ``sources`` are module names and texts. The package's own ``__init__`` may name everything: it
    imports nothing until asked.
    """
    level = {name: height for height, layer in enumerate(layers) for name in layer}
    complaints, graph = [], {}
    for module, source in sources.items():
        if module == "labkit":
            continue
        home = module.split(".")[1]
        if home not in level:
            complaints.append(f"{module} stands in no layer: give it one in CONTRIBUTING.md")
            continue
        found = list(imports(source, set(sources)))
        graph[module] = {name for name, for_types in found if not for_types}
        for name, _ in found:
            target = name.split(".")[1] if "." in name else ""
            if level.get(target, -1) > level[home]:
                complaints.append(f"{module} imports {name}, which stands above it")
    known = {name.split(".")[1] for name in sources if "." in name}
    complaints += [f"{name} is a layer's name and no module" for name in sorted(set(level) - known)]
    return complaints + [f"imports in a circle: {' > '.join(ring)}" for ring in _rings(graph)]


def _rings(graph: dict[str, set[str]]) -> Iterator[list[str]]:
    done: set[str] = set()

    def visit(module: str, trail: list[str]) -> Iterator[list[str]]:
        if module in trail:
            yield [*trail[trail.index(module) :], module]
        elif module not in done:
            for target in sorted(graph.get(module, ())):
                yield from visit(target, [*trail, module])
            done.add(module)

    for module in sorted(graph):
        yield from visit(module, [])


# --- files -----------------------------------------------------------------------------------


def too_long(files: Iterable[tuple[str, str]], limit: int = LONGEST_FILE) -> list[str]:
    """Files, given as names and texts, with more lines than ``limit``."""
    return [
        f"{name}: {count} lines, which hold two things"
        for name, text in files
        if (count := len(text.splitlines())) > limit
    ]


def code_lines(source: str) -> int:
    """Lines of Python that are code: not blank, no comment, no docstring."""
    silent = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in silent and token.type != tokenize.ENDMARKER:
            lines |= set(range(token.start[0], token.end[0] + 1))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            lines -= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    return len(lines)


def magic_dispatch(name: str, source: str) -> list[str]:
    """``__getattr__`` and its like: what a name means must be found by reading."""
    return [
        f"{name}:{node.lineno} defines {node.name}"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef) and node.name in {"__getattr__", "__getattribute__"}
    ]


def betrayals(name: str, text: str) -> list[str]:
    """Paths of one machine and addresses of package registries."""
    complaints = []
    for number, line in enumerate(text.splitlines(), 1):
        for kind, pattern in (("a path of one machine", MACHINE_PATHS), ("a registry", REGISTRIES)):
            if found := pattern.search(line):
                complaints.append(f"{name}:{number} names {kind}: {found[0]}")
    return complaints


# --- links -----------------------------------------------------------------------------------


def anchor(heading: str) -> str:
    """What GitHub makes of a heading."""
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")


def broken_links(markdown: str, page: Path) -> list[str]:
    """Links of a page that point to no file beside it, or to no heading."""
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", markdown, flags=re.DOTALL)
    complaints = []
    targets = re.findall(r"\]\(([^)\s]+)\)", prose) + re.findall(r'(?:src|href)="([^"]+)"', prose)
    for target in targets:
        if re.match(r"[a-z]+:", target):
            continue
        place, _, fragment = target.partition("#")
        goal = (page.parent / place) if place else page
        if not goal.exists():
            complaints.append(f"{page.name} links to {target}: no such file")
        elif fragment and goal.suffix == ".md":
            text = markdown if goal == page else goal.read_text(encoding="utf-8")
            if fragment not in map(anchor, re.findall(r"^#+ (.*)$", text, re.MULTILINE)):
                complaints.append(f"{page.name} links to {target}: no such heading")
    return complaints


# --- notebooks -------------------------------------------------------------------------------


def notebook_faults(name: str, notebook: dict[str, Any]) -> list[str]:
    """What makes a stored notebook vacuous, untrue or unreadable."""
    faults = []
    metadata = notebook["metadata"]
    if metadata.get("kernelspec", {}).get("name") != "python3":
        faults.append("its kernel is not python3")
    if "widgets" in metadata:
        faults.append("widget state is stored")
    cells = [
        cell
        for cell in notebook["cells"]
        if cell["cell_type"] == "code" and "".join(cell["source"]).strip()
    ]
    if not any(cell["outputs"] for cell in cells):
        faults.append("no cell has an output, so nbval compares nothing")
    # nbval passes a cell without a count, whatever it prints.
    counts = [cell["execution_count"] for cell in cells]
    if counts != list(range(1, len(cells) + 1)):
        faults.append(f"not run once from top to bottom: {counts}")
    for number, cell in enumerate(cells, 1):
        faults += [f"code cell {number} {fault}" for fault in _cell_faults(cell)]
    return [f"{name}: {fault}" for fault in faults]


def _cell_faults(cell: dict[str, Any]) -> Iterator[str]:
    source, tags = "".join(cell["source"]), cell["metadata"].get("tags", [])
    if len(source.splitlines()) > LONGEST_CELL:
        yield f"has more than {LONGEST_CELL} lines"
    skipped = "NBVAL_SKIP" in source or "nbval-skip" in tags
    ignored = "NBVAL_IGNORE_OUTPUT" in source or "nbval-ignore-output" in tags
    # nbval's own marker fills its comment line, so the reason stands in another one.
    reason = cell["metadata"].get("nbval-reason") or re.search(r"#(?! *NBVAL_) *\w", source)
    if (skipped or ignored) and not reason:
        yield "is not compared, and no comment or nbval-reason in its metadata says why"
    errors = [output for output in cell["outputs"] if output["output_type"] == "error"]
    if errors and "raises-exception" not in tags:
        yield "stores a traceback"
    if "raises-exception" in tags and not errors:
        yield "is tagged raises-exception and stores no exception, so nbval asks for none"
    for output in cell["outputs"]:
        if "application/vnd.jupyter.widget-view+json" in output.get("data", {}):
            yield "stores a widget view, which a reader sees as 'model not found'"
