"""`holdfast rollback`: the patch for Git, the edited manifest, or the write to the cluster."""

import json
import time
from pathlib import Path

from rich.text import Text

from holdfast.cli.exits import Exit
from holdfast.cli.options import Output, Where
from holdfast.cli.pinfile import edit_pin_in_file
from holdfast.cli.revisions import Line, describe, find_target
from holdfast.cli.session import Session, run
from holdfast.cli.status import wait_until_active
from holdfast.cli.terminal import show, show_json, show_plain, warn
from holdfast.domain.kubeobject import KubeObject, annotations_of, labels_of

_DEFAULT_WAIT_SECONDS = 600.0
_OWNERS = {
    "argocd.argoproj.io/tracking-id": "Argo CD",
    "argocd.argoproj.io/instance": "Argo CD",
    "kustomize.toolkit.fluxcd.io/name": "Flux",
    "helm.toolkit.fluxcd.io/name": "Flux",
}


def find_gitops_owner(deployment: KubeObject) -> str | None:
    """What keeps the object as it is in Git, by the marks that it leaves."""
    marks = {*labels_of(deployment), *annotations_of(deployment)}
    return next((owner for mark, owner in _OWNERS.items() if mark in marks), None)


def roll_back(
    name: str,
    where: Where,
    *,
    to: str | None,
    file: Path | None,
    apply: bool,
    wait: bool,
    timeout: float | None,
    output: Output,
) -> Exit:
    """Roll back to a revision, or print how."""

    async def work(session: Session) -> Exit:
        deployment = await session.get_deployment(name)
        target = find_target(deployment, to)
        if file is not None:
            return _edit(session, name, target, file, output)
        if not apply:
            return _print(session, name, target, output)
        if owner := find_gitops_owner(deployment):
            warn(
                f"{name} is managed by {owner}, which will undo this at its next sync: "
                f"commit `revision: {target['name']}` as well."
            )
        seconds = await _apply(
            session, name, target, timeout or _DEFAULT_WAIT_SECONDS if wait else None
        )
        _tell_applied(name, target, seconds, output)
        return Exit.OK

    return run(where, work)


def _edit(session: Session, name: str, target: Line, file: Path, output: Output) -> Exit:
    changed = edit_pin_in_file(file, name, session.namespace, target["name"])
    if output is Output.JSON:
        show_json({"target": _reference(target), "file": str(file), "changed": changed})
    elif changed:
        show(Text(f"{file}: {name} is pinned to {describe(target)}"))
    else:
        show(Text(f"{file}: {name} is pinned to {describe(target)} already; nothing changed"))
    return Exit.OK


def _print(session: Session, name: str, target: Line, output: Output) -> Exit:
    patch = {"spec": {"revision": target["name"]}}
    command = _render_command(session, name, target)
    if output is Output.JSON:
        show_json({"target": _reference(target), "patch": patch, "command": command})
        return Exit.OK
    show_plain(
        f"# {name} would go to {describe(target)}.\n"
        "# For Git (--file MANIFEST edits it for you):\n"
        f"spec:\n  revision: {target['name']}\n"
        "# For the cluster (--apply does it for you):\n"
        f"# {command}\n"
    )
    return Exit.OK


def _render_command(session: Session, name: str, target: Line) -> str:
    where = session.where
    options = [
        f"--{option}={value}"
        for option, value in (("context", where.context), ("kubeconfig", where.kubeconfig))
        if value
    ]
    patch = json.dumps({"spec": {"revision": target["name"]}})
    words = ["kubectl", *options, "-n", session.namespace, "patch", "mdep", name]
    return f"{' '.join(words)} --type=merge -p '{patch}'"


async def _apply(session: Session, name: str, target: Line, wait: float | None) -> float | None:
    """Write the pin; wait until it is active, and return the seconds that took."""
    started = time.monotonic()
    await session.patch_deployment(name, {"spec": {"revision": target["name"]}})
    if wait is None:
        return None
    await wait_until_active(session, name, target["name"], wait)
    return time.monotonic() - started


def _tell_applied(name: str, target: Line, seconds: float | None, output: Output) -> None:
    if output is Output.JSON:
        took = None if seconds is None else round(seconds, 3)
        show_json({"target": _reference(target), "applied": True, "activeAfterSeconds": took})
        return
    told = f"revision {target['number']} ({target['name']})"
    if seconds is None:
        show(Text(f"{name} is to go to {told}; look with: holdfast status {name} --watch"))
        return
    show(Text(f"{told} is active, {seconds:.1f} s after the write"))
    show(Text("To follow the template again, remove spec.revision."))


def _reference(target: Line) -> dict[str, object]:
    return {"name": target["name"], "number": target["number"]}
