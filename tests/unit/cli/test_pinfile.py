"""Editing `spec.revision` in a manifest changes that one value and not one byte else."""

import difflib
from pathlib import Path

import pytest

from holdfast.cli.exits import Exit, Refusal
from holdfast.cli.pinfile import edit_pin, edit_pin_in_file

BLOCK = """\
# Who owns this: the census team
apiVersion: holdfast.dev/v1alpha1
kind:   ModelDeployment   # odd spaces
metadata: {name: 'employment', namespace: "ml"}
spec:
  # versioned
  template:
    model:
        uri: "s3://a/b"   # deep indentation
        format: {name: sklearn}
        trainingData:
        - {name: a}
        - name: >-
            folded
            text
  scaling: {minReplicas: 2}
"""
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: employment}\nspec: {revision: no}\n"


def changed(text: str, name: str = "employment", namespace: str = "ml") -> list[str]:
    """The lines that differ, as a reviewer sees them."""
    edited = edit_pin(text, name, namespace, "employment-6c9f7d58")
    lines = difflib.unified_diff(text.splitlines(), edited.splitlines(), lineterm="", n=0)
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (BLOCK, ["+  revision: employment-6c9f7d58"]),
        (
            BLOCK + "  revision: 3   # for now\n",
            ["-  revision: 3   # for now", "+  revision: employment-6c9f7d58   # for now"],
        ),
        (
            BLOCK + "  revision: 'employment-0'\n",
            ["-  revision: 'employment-0'", "+  revision: 'employment-6c9f7d58'"],
        ),
        (BLOCK + "  revision:\n", ["-  revision:", "+  revision: employment-6c9f7d58"]),
        (BLOCK + "  revision: employment-6c9f7d58\n", []),
        (SERVICE + "---\n" + BLOCK + "---\n" + SERVICE, ["+  revision: employment-6c9f7d58"]),
        (BLOCK.replace(', namespace: "ml"', ""), ["+  revision: employment-6c9f7d58"]),
        (
            "{apiVersion: holdfast.dev/v1alpha1, kind: ModelDeployment, metadata: {name: "
            "employment}, spec: {template: {}}}\n",
            [
                "-{apiVersion: holdfast.dev/v1alpha1, kind: ModelDeployment, metadata: {name: "
                "employment}, spec: {template: {}}}",
                "+{apiVersion: holdfast.dev/v1alpha1, kind: ModelDeployment, metadata: {name: "
                "employment}, spec: {revision: employment-6c9f7d58, template: {}}}",
            ],
        ),
    ],
    ids=["added", "replaced", "quoted", "empty", "same", "documents", "anywhere", "flow"],
)
def test_only_the_pin_changes(text: str, expected: list[str]) -> None:
    assert changed(text) == expected


def test_carriage_returns_stay() -> None:
    text = BLOCK.replace("\n", "\r\n")
    edited = edit_pin(text, "employment", "ml", "employment-6c9f7d58")
    assert edited.replace("  revision: employment-6c9f7d58\r\n", "") == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SERVICE, "there is no ModelDeployment employment"),
        (BLOCK.replace('"ml"', "other"), "there is no ModelDeployment employment for namespace ml"),
        (BLOCK.replace("holdfast.dev/", "example.com/"), "there is no ModelDeployment"),
        (BLOCK + "---\n" + BLOCK, "more than one"),
        ("{{- if .Values.on }}\n" + BLOCK, "this is no YAML"),
        (
            BLOCK.replace("metadata:", "x: &r 3\nmetadata:") + "  revision: *r\n",
            "cannot be replaced alone",
        ),
        (BLOCK + "  revision: [3]\n", "cannot be replaced alone"),
        (
            SERVICE.replace("{revision: no}", "&spec\n  template: {}")
            + "---\n"
            + BLOCK.partition("spec:")[0]
            + "spec: {}\n",
            "there is no ModelDeployment",
        ),
    ],
    ids=["no", "elsewhere", "group", "two", "helm", "alias", "list", "no spec"],
)
def test_what_cannot_be_edited_is_refused(text: str, message: str) -> None:
    with pytest.raises(Refusal, match=message):
        edit_pin(text, "employment", "ml", "employment-6c9f7d58")


def test_an_anchored_spec_that_others_use_is_refused() -> None:
    text = BLOCK.replace("spec:\n", "spec: &s\n") + "other: *s\n"
    with pytest.raises(Refusal, match="cannot be replaced alone"):
        edit_pin(text, "employment", "ml", "employment-6c9f7d58")


def test_file_is_replaced_at_once_with_its_mode_and_through_links(tmp_path: Path) -> None:
    file, link = tmp_path / "real.yaml", tmp_path / "link.yaml"
    file.write_text(BLOCK)
    file.chmod(0o640)
    link.symlink_to(file)
    assert edit_pin_in_file(link, "employment", "ml", "employment-6c9f7d58")
    assert "revision: employment-6c9f7d58" in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o640
    assert link.is_symlink()
    assert not edit_pin_in_file(link, "employment", "ml", "employment-6c9f7d58")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.yaml", "real.yaml"]


def test_file_stays_as_it_was_when_it_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    file.write_text(SERVICE)
    with pytest.raises(Refusal, match=r"f\.yaml: there is no ModelDeployment") as refused:
        edit_pin_in_file(file, "employment", "ml", "employment-6c9f7d58")
    assert refused.value.code is Exit.NOT_FOUND
    assert file.read_text() == SERVICE
    with pytest.raises(Refusal, match=r"none\.yaml: No such file"):
        edit_pin_in_file(tmp_path / "none.yaml", "employment", "ml", "employment-6c9f7d58")
