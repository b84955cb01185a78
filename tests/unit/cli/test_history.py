"""Manifests that are ready to commit, and what differs between revisions."""

from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from holdfast.api.template import Template
from holdfast.cli.diff import Side, compute_diff
from holdfast.cli.history import dump, render_committable
from holdfast.cli.lint.command import lint_text
from holdfast.domain.record import Record, parse_record
from holdfast.domain.revisions import normalise_template

TEMPLATE = {
    "model": {"uri": "s3://a/1", "format": {"name": "sklearn"}, "version": "2015.1"},
    "predictor": {"model": {"env": [{"name": "A", "value": "yes"}]}},
}


def record(template: dict[str, Any] | None = None) -> Record:
    return parse_record(
        {
            "metadata": {
                "name": "m-1",
                "creationTimestamp": datetime(2026, 1, 1, tzinfo=UTC).isoformat(),
            },
            "data": {
                "number": 1,
                "template": template or TEMPLATE,
                "inferenceService": {"spec": {"predictor": {}}},
            },
        }
    )


def live(**spec: Any) -> dict[str, Any]:
    """A ModelDeployment as the cluster keeps it: with defaults, a pin and what others noted."""
    return {
        "metadata": {
            "name": "m",
            "namespace": "ml",
            "uid": "u",
            "generation": 7,
            "resourceVersion": "9",
            "managedFields": [{}],
            "labels": {"team": "census", "argocd.argoproj.io/instance": "x"},
            "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": "{}",
                "holdfast.dev/retry-requested-at": "now",
                "owner": "ana",
            },
        },
        "spec": {
            "template": {"model": {"uri": "s3://a/2", "format": {"name": "sklearn"}}},
            "revision": "m-1",
            "revisionHistoryLimit": 10,
            "scaling": {"minReplicas": 2, "metric": "cpu", "target": 80},
            "rollout": {"capacity": "100%", "warmSeconds": 60},
            **spec,
        },
        "status": {"activeRevision": {}},
    }


def test_manifest_is_what_somebody_would_have_written() -> None:
    assert render_committable(live(), record()) == {
        "apiVersion": "holdfast.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {
            "name": "m",
            "namespace": "ml",
            "labels": {"team": "census"},
            "annotations": {"owner": "ana"},
        },
        "spec": {
            "template": TEMPLATE,
            "scaling": {"minReplicas": 2},
            "rollout": {"warmSeconds": 60},
        },
    }


def test_manifest_with_nothing_but_defaults_is_the_template_alone() -> None:
    spec = render_committable(live(scaling={"minReplicas": 1}, rollout={}), record())["spec"]
    assert spec == {"template": TEMPLATE}


def test_manifest_is_the_same_revision_and_passes_lint() -> None:
    text = dump(render_committable(live(), record()))
    assert lint_text(text, "f.yaml") == ([], 1)
    template = Template.model_validate(yaml.safe_load(text)["spec"]["template"])
    assert normalise_template(template) == TEMPLATE


@pytest.mark.parametrize(
    ("part", "a", "b", "lines"),
    [
        ("template", {"a": 1, "b": 2}, {"b": 2, "a": 1}, []),
        (
            "runtime",
            {"a": 1},
            {"a": 2},
            ["--- runtime 1 (m-1)", "+++ runtime 2 (m-2)", "@@ -1 +1 @@", "-a: 1", "+a: 2"],
        ),
    ],
)
def test_diff(part: str, a: dict[str, Any], b: dict[str, Any], lines: list[str]) -> None:
    before, after = Side("1 (m-1)", a, None), Side("2 (m-2)", b, None)
    assert compute_diff(before, after, part, a, b) == lines
