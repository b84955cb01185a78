"""`holdfast lint`: files, directories and stdin to findings."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.text import Text

from holdfast.cli.exits import Exit, Refusal
from holdfast.cli.lint.documents import Document, read_documents
from holdfast.cli.lint.findings import Finding, Problem, format_path
from holdfast.cli.lint.findings import Path as FieldPath
from holdfast.cli.lint.manifest import find_problems, is_meant
from holdfast.cli.options import Output
from holdfast.cli.terminal import show, show_json

_SUFFIXES = {".yaml", ".yml", ".json"}


def lint_files(files: Sequence[str], *, namespace: str | None, output: Output) -> Exit:
    """Print what is wrong in files, directories and stdin (`-`)."""
    findings: list[Finding] = []
    checked = 0
    for file, text in _read(files):
        found, manifests = lint_text(text, file, namespace)
        findings += found
        checked += manifests
    if output is Output.JSON:
        show_json({"checked": checked, "findings": [finding.to_json() for finding in findings]})
    else:
        for finding in findings:
            show(Text(str(finding)))
        show(
            Text(
                f"{_count(checked, 'ModelDeployment')} checked, {_count(len(findings), 'finding')}"
            )
        )
    return Exit.FAILED if findings else Exit.OK


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"


def lint_text(text: str, file: str, namespace: str | None = None) -> tuple[list[Finding], int]:
    """The findings of a file's text, by line, and how many ModelDeployments are in it."""
    findings: list[Finding] = []
    checked = 0
    for document in read_documents(text):
        manifests = list(_expand(document))
        checked += len(manifests)
        problems = [*(document.problems if manifests or document.value is None else ())]
        for prefix, value in manifests:
            for problem in find_problems(value, namespace):
                problems.append(Problem((*prefix, *problem.path), problem.message))
        for problem in problems:
            line = document.find_line(problem.path)
            findings.append(Finding(file, line, format_path(problem.path), problem.message))
    return sorted(set(findings)), checked


def _expand(document: Document) -> Iterator[tuple[FieldPath, dict[str, object]]]:
    """The ModelDeployments of a document, also those in a List."""
    value = document.value
    if is_meant(value):
        yield (), value
    elif isinstance(value, dict) and value.get("kind") == "List":
        items = value.get("items")
        for index, item in enumerate(items if isinstance(items, list) else ()):
            if is_meant(item):
                yield ("items", index), item


def _read(files: Sequence[str]) -> Iterator[tuple[str, str]]:
    for name in files:
        path = Path(name)
        paths = sorted(p for p in path.rglob("*") if p.suffix in _SUFFIXES) if path.is_dir() else []
        if path.is_dir() and not paths:
            raise Refusal(Exit.FAILED, f"{name}: no {', '.join(sorted(_SUFFIXES))} files in it")
        for file in paths or [path]:
            try:
                content = sys.stdin.buffer.read() if name == "-" else file.read_bytes()
                yield "stdin" if name == "-" else str(file), content.decode("utf-8-sig")
            except (OSError, UnicodeDecodeError) as error:
                reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
                raise Refusal(Exit.FAILED, f"{file}: {reason}") from error
