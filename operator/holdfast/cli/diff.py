"""`holdfast diff`: what differs between two revisions, template and frozen runtime."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import ValidationError
from rich.text import Text

from holdfast.api.template import Template
from holdfast.cli.exits import Exit, Refusal
from holdfast.cli.options import Output, Where
from holdfast.cli.revisions import read_record, read_records
from holdfast.cli.session import Session, run
from holdfast.cli.terminal import show, show_json
from holdfast.domain.kubeobject import KubeObject
from holdfast.domain.record import Record
from holdfast.domain.revisions import find_by_template, normalise_template

_STYLES = {"+": "green", "-": "red", "@": "cyan"}


@dataclass(frozen=True)
class Side:
    """One side of the comparison.

    Attributes:
        runtime: The frozen runtime; None where there is none, or none yet.
    """

    label: str
    template: Mapping[str, Any]
    runtime: Mapping[str, Any] | None


def show_diff(name: str, a: str, b: str | None, where: Where, *, output: Output) -> Exit:
    """Print a unified diff from revision `a` to revision `b`, or to the current template."""

    async def work(session: Session) -> Exit:
        deployment = await session.get_deployment(name)
        before = _side(await read_record(session, deployment, a))
        if b is not None:
            after = _side(await read_record(session, deployment, b))
        else:
            records = await read_records(session, name)
            after = _current(deployment, list(records.values()))
        template = compute_diff(before, after, "template", before.template, after.template)
        runtime: list[str] = []
        if before.runtime is not None and after.runtime is not None:
            runtime = compute_diff(before, after, "runtime", before.runtime, after.runtime)
        if output is Output.JSON:
            show_json(
                {
                    "from": before.label,
                    "to": after.label,
                    "equal": not template and not runtime,
                    "template": template,
                    "runtime": runtime,
                }
            )
        elif not template and not runtime:
            show(Text(f"{before.label} and {after.label} are equal"))
        else:
            show(_coloured([*template, *runtime]))
        return Exit.OK

    return run(where, work)


def _side(record: Record) -> Side:
    runtime = record.serving_runtime
    return Side(
        label=f"{record.number} ({record.name})",
        template=record.template,
        runtime=_what_matters(runtime) if runtime else None,
    )


def _what_matters(runtime: Mapping[str, Any]) -> dict[str, Any]:
    """The runtime without its name, which is the revision's and always differs."""
    annotations = runtime["metadata"].get("annotations")
    return {**({"annotations": annotations} if annotations else {}), "spec": runtime["spec"]}


def _current(deployment: KubeObject, records: Sequence[Record]) -> Side:
    try:
        template = normalise_template(Template.model_validate(deployment["spec"]["template"]))
    except ValidationError as error:
        raise Refusal(
            Exit.FAILED, "the current template is not one that this version of holdfast knows"
        ) from error
    record = find_by_template(records, template)
    if record is not None:
        side = _side(record)
        return Side(f"current, {side.label}", side.template, side.runtime)
    return Side("current, not recorded yet", template, None)


def compute_diff(
    before: Side, after: Side, part: str, a: Mapping[str, Any], b: Mapping[str, Any]
) -> list[str]:
    """The lines of a unified diff of one part; none where it is equal."""
    return list(
        difflib.unified_diff(
            _lines(a), _lines(b), f"{part} {before.label}", f"{part} {after.label}", lineterm=""
        )
    )


def _lines(value: Mapping[str, Any]) -> list[str]:
    # Sorted, because the order of fields in a record says nothing.
    return yaml.safe_dump(dict(value), allow_unicode=True, width=1000).splitlines()


def _coloured(lines: Sequence[str]) -> Text:
    text = Text()
    for number, line in enumerate(lines):
        header = line.startswith(("+++", "---"))
        style = "bold" if header else _STYLES.get(line[:1], "")
        text.append(("\n" if number else "") + line, style)
    return text
