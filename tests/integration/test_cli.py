"""The command line as people use it: as a user of a namespace, on a real cluster."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from devcluster.cluster import Cluster
from devcluster.holdfast import Operator
from devcluster.rest import Api
from holdfast.cli.exits import Exit
from holdfast.cli.lint.command import lint_text
from tests.integration.bad_objects import (
    CONTAINERS,
    MODEL,
    REFUSED,
    JsonObject,
    model,
    predictor,
    render_deployment,
    rollout,
    scaling,
    template,
    transformer,
)
from tests.integration.harness import Place
from tests.integration.users import add_user


def manifest_of(place: Place, uri: str) -> str:
    """What stands in Git for the deployment."""
    return (
        "# kept by the census team\napiVersion: holdfast.dev/v1alpha1\nkind: ModelDeployment\n"
        f"metadata: {{name: m, namespace: {place.namespace}}}\nspec:\n  template:\n"
        f"    model: {{uri: {uri}, format: {{name: sklearn, version: '1'}}}}\n"
        "  rollout: {drainSeconds: 1, probationSeconds: 0}   # quick\n"
    )


def test_a_rollout_and_its_rollback_by_somebody_who_may_edit(
    place: Place, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = add_user(place, cluster, "editor", role="edit")
    git = tmp_path / "m.yaml"
    one, two = place.add_model("one"), place.add_model("two")
    place.set_ready("one", False)
    git.write_text(manifest_of(place, one))
    assert "no findings" in user.must("lint", "-f", str(git))
    user.kubectl("apply", "-f", str(git))
    waiting = user.run("status", "m", "--timeout", "1s")
    assert waiting.returncode == Exit.PROGRESSING
    place.set_ready("one", True)
    told = user.must("status", "m", "--watch", "--timeout", "60s")
    assert "Serving: revision 1" in told
    assert f"pod {place.revision(1)}-predictor" in told

    git.write_text(manifest_of(place, two))
    user.kubectl("apply", "-f", str(git))
    report = json.loads(user.must("status", "m", "--timeout", "60s", "-o", "json"))
    assert (report["standing"], report["activeRevision"]["number"]) == ("Serving", 2)
    assert all(revision["pods"] for revision in report["revisions"])
    names = {number: place.revision(number) for number in (1, 2)}

    # The patch, the manifest, the cluster: all by name.
    assert f"spec:\n  revision: {names[1]}\n" in user.must("rollback", "m")
    before = git.read_text()
    user.must("rollback", "m", "--file", str(git))
    assert git.read_text().replace(f"  revision: {names[1]}\n", "") == before
    assert "revision" not in place.deployment()["spec"]
    told = user.must("rollback", "m", "--apply")
    assert f"revision 1 ({names[1]}) is active" in told
    assert place.status()["activeRevision"]["number"] == 1
    deployment = place.deployment()
    assert deployment["spec"]["revision"] == names[1]
    (ours,) = [
        entry
        for entry in deployment["metadata"]["managedFields"]
        if entry["manager"] == "holdfast-cli"
    ]
    assert ours["fieldsV1"] == {"f:spec": {"f:revision": {}}}

    # What it was can be committed, and makes nothing new.
    assert "-  uri: pvc://models/one" in user.must("diff", "m", "1", "2").replace("   uri", "  uri")
    assert "are equal" in user.must("diff", "m", "2")
    place.pin(None)
    place.wait_promoted(2)
    committed = user.must("history", "m", "--revision", "1", "-o", "yaml")
    assert "revision" not in yaml.safe_load(committed)["spec"]
    user.kubectl("apply", "-f", "-", stdin=committed)
    user.must("status", "m", "--timeout", "60s")
    assert place.status()["activeRevision"]["name"] == names[1]
    assert place.names("controllerrevisions") == set(names.values())
    assert [line["number"] for line in json.loads(user.must("history", "m", "-o", "json"))] == [
        2,
        1,
    ]

    refused = user.run("rollback", "m", "--to", "7", "--apply")
    assert refused.returncode == Exit.NOT_FOUND
    assert names[2] in refused.stderr
    monkeypatch.setattr("holdfast.cli.session._COMPLETION_SECONDS", 30)
    for words, expected in (
        ("holdfast status ", ["m"]),
        ("holdfast rollback m --to ", [names[2], names[1]]),
    ):
        completed = user.run(
            COMP_WORDS=words, COMP_CWORD=str(words.count(" ")), _HOLDFAST_COMPLETE="complete_bash"
        )
        assert completed.stdout.split() == expected


def test_a_rejected_revision_fails_the_pipeline_and_is_tried_again(
    place: Place, cluster: Cluster
) -> None:
    user = add_user(place, cluster, "editor", role="edit")
    place.deploy(place.add_broken_model("one"), rollout={"progressDeadlineSeconds": 5})
    failed = user.run("status", "m", "--watch", "--timeout", "60s")
    assert failed.returncode == Exit.STALLED
    assert "model.txt is missing" in failed.stdout
    assert user.run("rollback", "m", "--to", "1").returncode == Exit.STALLED

    place.edit({"rollout": {"progressDeadlineSeconds": 60}})
    place.add_model("one")
    assert "tries revision 1" in user.must("retry", "m")
    assert "Serving: revision 1" in user.must("status", "m", "--timeout", "60s")
    again = user.run("retry", "m")
    assert again.returncode == Exit.FAILED
    assert "nothing to try again" in again.stderr


def test_missing_rights_are_said(place: Place, cluster: Cluster) -> None:
    place.deploy(place.add_model("one"))
    place.wait_promoted(1)
    viewer = add_user(place, cluster, "viewer", role="view")
    assert "pod " in viewer.must("status", "m")
    viewer.must("history", "m", "--revision", "1", "-o", "json")
    refused = viewer.run("rollback", "m", "--to", "1", "--apply")
    assert refused.returncode == Exit.NO_ACCESS
    assert "Ask for the role" in refused.stderr
    missing = viewer.run("status", "n")
    assert (missing.returncode, "There are: m." in missing.stderr) == (Exit.NOT_FOUND, True)

    get = {"apiGroups": ["holdfast.dev"], "resources": ["modeldeployments"], "verbs": ["get"]}
    little = add_user(place, cluster, "little", rules=[get])
    told = little.must("status", "m")
    assert "pods are not shown: no permission to list pods in namespace" in told
    assert "inferenceservices are not shown" in told
    assert "revision 1" in told
    assert little.run("diff", "m", "1").returncode == Exit.NO_ACCESS
    nothing = add_user(place, cluster, "nothing", rules=[])
    assert nothing.run("status", "m").returncode == Exit.NO_ACCESS


# --- lint and the API server

_META: Any = render_deployment(template())
ACCEPTED: dict[str, JsonObject] = {
    "the least": template(),
    "a predictor": predictor(model={"env": []}, nodeSelector={"disk": "fast"}),
    "labels": predictor(labels={"team": "a"}, annotations={"prometheus.io/scrape": "true"}),
    "a transformer": transformer(),
    "an empty runtime": model(runtime=""),
    "containers": {"template": {"predictor": {"containers": CONTAINERS}}},
    "a pin by number": {**template(), "revision": 3},
    "a pin by name": {**template(), "revision": "employment-6c9f7d58"},
    "bounds that meet": scaling(minReplicas=2, maxReplicas=2),
    "a bound above the default": scaling(maxReplicas=3),
    "a share": rollout(capacity="100%"),
    "nulls": {**template(predictor=None), "revision": None, "scaling": None},
    "null in a rollout": rollout(capacity=None),
    "a whole float": scaling(minReplicas=2.0),
    "unknown to the schema, known to KServe": predictor(whatever={"a": [1, None]}),
    "text that is long in bytes": model(version="ü" * 128),
}
DOUBTFUL: dict[str, JsonObject] = {
    "a float": scaling(minReplicas=2.5),
    "a huge number": scaling(minReplicas=2**70),
    "true for a number": scaling(minReplicas=True),
    "a line end behind a share": rollout(capacity="50%\n"),
    "text that is too long": model(version="ü" * 129),
    "a data set twice": model(trainingData=[{"name": "a"}, {"name": "a"}]),
    "null for what is required": {"template": {"model": {**MODEL, "format": {"name": None}}}},
    "null in a list": predictor(containers=[None]),
    "a float as a pin": {**template(), "revision": 1.5},
}


@pytest.mark.parametrize(
    "spec",
    [*ACCEPTED.values(), *DOUBTFUL.values(), *(bad.spec for bad in REFUSED if bad.name == "m")],
    ids=[*ACCEPTED, *DOUBTFUL, *(bad.case for bad in REFUSED if bad.name == "m")],
)
def test_lint_and_the_api_server_agree(session_operator: Operator, api: Api, spec: Any) -> None:
    manifest = render_deployment(spec)
    path = "apis/holdfast.dev/v1alpha1/namespaces/default/modeldeployments"
    response = api.call("POST", f"{path}?dryRun=All&fieldValidation=Strict", manifest)
    findings, _ = lint_text(yaml.safe_dump(manifest), "f.yaml")
    assert bool(findings) == (not response.ok), (findings, response.text)
    assert spec not in ACCEPTED.values() or response.ok


@pytest.mark.parametrize(
    "metadata",
    [
        {"name": "m" * 37},
        {"name": "m" * 38},
        {"name": "M"},
        {"name": "1m"},
        {"name": "m.m"},
        {"generateName": "m-"},
        {"name": "m", "labels": {"a": ""}},
        {"name": "m", "labels": {"a/b": "c_d.e"}},
        {"name": "m", "labels": {"a b": "c"}},
        {"name": "m", "labels": {"a": "b c"}},
        {"name": "m", "labels": {"a": 1}},
        {"name": "m", "annotations": {"a": "b c\nd"}},
        {"name": "m", "annotations": {"-a": "b"}},
        {"name": "m", "unknown": "b"},
        {"name": "m", "creationTimestamp": None},
        {},
    ],
    ids=str,
)
def test_lint_and_the_api_server_agree_on_metadata(
    session_operator: Operator, api: Api, metadata: JsonObject
) -> None:
    manifest = {**render_deployment(template()), "metadata": metadata}
    path = "apis/holdfast.dev/v1alpha1/namespaces/default/modeldeployments"
    response = api.call("POST", f"{path}?dryRun=All&fieldValidation=Strict", manifest)
    findings, _ = lint_text(yaml.safe_dump(manifest), "f.yaml")
    assert bool(findings) == (not response.ok), (findings, response.text)
