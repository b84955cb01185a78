"""`holdfast history`: the revisions, and a manifest of any of them that can be committed."""

from collections.abc import Mapping
from typing import Any

import yaml
from rich import box
from rich.table import Table

from holdfast.api.crd import render_crd
from holdfast.api.identity import API_VERSION, GROUP, KIND
from holdfast.cli.exits import Exit, Refusal
from holdfast.cli.options import ManifestOutput, Where
from holdfast.cli.revisions import Line, find_line, list_lines, read_record
from holdfast.cli.session import Session, run
from holdfast.cli.terminal import show, show_json, show_plain
from holdfast.domain.kubeobject import KubeObject
from holdfast.domain.record import Record

_NOT_COMMITTED = (
    "argocd.argoproj.io/",
    "helm.toolkit.fluxcd.io/",
    "kubectl.kubernetes.io/last-applied-configuration",
    "kustomize.toolkit.fluxcd.io/",
    "meta.helm.sh/",
    f"{GROUP}/",
)
"""Labels and annotations that tools write when they apply."""


def show_history(name: str, where: Where, *, revision: str | None, output: ManifestOutput) -> Exit:
    """Print the revisions, or one of them."""
    if revision is None and output is ManifestOutput.YAML:
        raise Refusal(Exit.USAGE, "-o yaml is for one revision", "Name it with --revision.")

    async def work(session: Session) -> Exit:
        deployment = await session.get_deployment(name)
        if revision is not None and output is not ManifestOutput.TEXT:
            record = await read_record(session, deployment, revision)
            manifest = render_committable(deployment, record)
            if output is ManifestOutput.YAML:
                show_plain(dump(manifest))
            else:
                show_json(manifest)
            return Exit.OK
        lines = list_lines(deployment)
        if revision is not None:
            lines = [find_line(deployment, revision)]
        if output is ManifestOutput.JSON:
            show_json(list(lines))
        else:
            show(_render_table(lines))
        return Exit.OK

    return run(where, work)


def _render_table(lines: Any) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in ("NUMBER", "REVISION", "PHASE", "MODEL", "PROMOTED", "NOTE"):
        table.add_column(heading, overflow="fold")
    for line in lines:
        table.add_row(*_cells(line))
    return table


def _cells(line: Line) -> list[str]:
    return [
        str(line["number"]),
        line["name"],
        line["phase"],
        line.get("modelVersion") or line.get("modelUri") or "",
        line.get("promotedTime") or "never",
        line.get("cause") or line.get("message") or "",
    ]


def render_committable(deployment: KubeObject, record: Record) -> dict[str, Any]:
    """The ModelDeployment with this revision's template, as somebody would have written it.

    Without what the cluster adds, without the pin, and without values that are the default
    anyway.
    """
    metadata = deployment["metadata"]
    kept = {field: metadata[field] for field in ("name", "namespace") if field in metadata}
    for field in ("labels", "annotations"):
        written = {
            name: value
            for name, value in (metadata.get(field) or {}).items()
            if not name.startswith(_NOT_COMMITTED)
        }
        if written:
            kept[field] = written
    (version,) = render_crd()["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    rest = {
        field: value
        for field, value in deployment["spec"].items()
        if field not in ("template", "revision")
    }
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": kept,
        "spec": {"template": dict(record.template), **_without_defaults(rest, schema)},
    }


def _without_defaults(value: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for field, item in value.items():
        known = schema.get("properties", {}).get(field, {})
        written = _without_defaults(item, known) if isinstance(item, dict) else item
        if "default" not in known or written != known["default"]:
            kept[field] = written
    return kept


def dump(value: Any) -> str:
    """YAML in the order given, as a person would write it."""
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)
