"""The report of `status` as a tree: revision → InferenceService → pods."""

from typing import Any

from rich.text import Text
from rich.tree import Tree

from holdfast.cli.report import JsonObject, has_parts
from holdfast.cli.standing import Word

_GOOD, _BAD, _BUSY, _QUIET, _STRONG = "green", "red", "yellow", "dim", "bold"
_WORDS = {Word.SERVING: _GOOD, Word.STALLED: _BAD}
_PHASES = {"Active": _GOOD, "Warm": _GOOD, "Rejected": _BAD, "Cold": _QUIET, "Superseded": _QUIET}


def render_tree(report: JsonObject) -> Tree:
    """Header and tree, for any width: nothing is cut off."""
    tree = Tree(_header(report), guide_style=_QUIET)
    shown = [revision for revision in report["revisions"] if has_parts(revision)]
    for revision in shown:
        branch = tree.add(_revision_line(report, revision))
        node = branch
        if service := revision["inferenceService"]:
            node = branch.add(_service_line(service))
        for pod in revision["pods"]:
            node.add(_pod_line(pod))
    if kept := len(report["revisions"]) - len(shown):
        more = f"{kept} more on record: holdfast history {report['name']}"
        tree.add(Text(more, _QUIET))
    for hidden in report["hidden"]:
        tree.add(Text(hidden, _BUSY))
    return tree


def _header(report: JsonObject) -> Text:
    style = _WORDS.get(Word(report["standing"]), _BUSY)
    text = Text.assemble(
        (report["name"], _STRONG),
        (f" in {report['namespace']}  ", _QUIET),
        (report["standing"], style),
    )
    facts = {
        "wanted": _wanted(report),
        "active": _reference(report["activeRevision"]) or "none",
        "previous": _reference(report["previousRevision"]),
        "url": report["url"],
    }
    for name, fact in facts.items():
        if fact:
            text.append(f"\n{name:<13} ", _QUIET).append(fact)
    for condition in report["conditions"]:
        text.append(f"\n{condition['type']:<13} ", _QUIET)
        text.append(condition["status"], _condition_style(condition))
        text.append(f"  {_sentence(condition['reason'], condition['message'])}")
    if report["observedGeneration"] < report["generation"]:
        text.append(f"\n{report['message']}", _BUSY)
    return text


def _wanted(report: JsonObject) -> str:
    if report["pinned"] is not None:
        return f"revision {report['pinned']} (spec.revision)"
    return "the template"


def _condition_style(condition: JsonObject) -> str:
    if condition["type"] == "Stalled":
        return _BAD
    if condition["type"] == "Reconciling" or condition["status"] == "Unknown":
        return _BUSY
    return _GOOD if condition["status"] == "True" else _BAD


def _reference(revision: JsonObject | None) -> str:
    return f"revision {revision['number']} ({revision['name']})" if revision else ""


def _revision_line(report: JsonObject, revision: JsonObject) -> Text:
    text = Text.assemble(
        (f"revision {revision['number']}", _STRONG),
        f" {revision['name']} ",
        (revision["phase"], _PHASES.get(revision["phase"], _BUSY)),
    )
    if model := revision.get("modelVersion") or revision.get("modelUri"):
        text.append(f"  {_plain(model)}", _QUIET)
    if report["pinned"] in (revision["number"], revision["name"]):
        text.append("  pinned", _BUSY)
    if revision["message"]:
        text.append(f"  {_plain(revision['message'])}")
    return text


def _service_line(service: JsonObject) -> Text:
    ready = service["ready"] == "True"
    text = Text.assemble(
        f"InferenceService {service['name']} ",
        ("ready" if ready else "not ready", _GOOD if ready else _BUSY),
    )
    return _with_reason(text, service, ready)


def _pod_line(pod: JsonObject) -> Text:
    text = Text(f"pod {pod['name']} ")
    if pod["terminating"]:
        text.append("Terminating", _QUIET)
    else:
        text.append(pod["phase"], _GOOD if pod["ready"] else _BUSY)
        text.append(" ready" if pod["ready"] else " not ready", _GOOD if pod["ready"] else _BUSY)
    if pod["restarts"]:
        text.append(f", {pod['restarts']} restarts", _BUSY)
    return _with_reason(text, pod, pod["ready"])


def _with_reason(text: Text, part: dict[str, Any], ready: bool) -> Text:
    if part["terminating"] and "Terminating" not in text:
        text.append(" Terminating", _QUIET)
    if not ready and (part["reason"] or part["message"]):
        text.append(f"  {_sentence(part['reason'], part['message'])}")
    return text


def _sentence(reason: str | None, message: str | None) -> str:
    return _plain(": ".join(part for part in (reason, message) if part))


def _plain(text: str) -> str:
    """What containers and schedulers said, without codes that a terminal would obey."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
