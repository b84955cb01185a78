"""What lint finds, offline. The same table is judged by a real API server in tests/integration."""

import json
from textwrap import dedent

import pytest
import yaml

from holdfast.api.crd import render_crd
from holdfast.cli.exits import Exit, Refusal
from holdfast.cli.lint.command import lint_files, lint_text
from holdfast.cli.lint.expressions import holds
from holdfast.cli.lint.schema import Schema
from holdfast.cli.options import Output
from tests.integration.bad_objects import REFUSED, BadObject

GOOD = """\
apiVersion: holdfast.dev/v1alpha1
kind: ModelDeployment
metadata: {name: m, namespace: ml}
spec:
  template:
    model: {uri: s3://a/b, format: {name: sklearn}}
"""


def told(text: str, namespace: str | None = None) -> list[str]:
    findings, _ = lint_text(dedent(text), "f.yaml", namespace)
    return [str(finding) for finding in findings]


def every_rule(schema: Schema | None = None) -> list[Schema]:
    schema = schema or render_crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    rules: list[Schema] = list(schema.get("x-kubernetes-validations", []))
    children = [*schema.get("properties", {}).values(), schema.get("items")]
    for child in (*children, schema.get("additionalProperties")):
        if isinstance(child, dict):
            rules += every_rule(child)
    return rules


RULES = every_rule()


@pytest.mark.parametrize("bad", REFUSED, ids=lambda bad: bad.case)
def test_what_the_api_server_refuses_is_found_at_the_same_field(bad: BadObject) -> None:
    findings, checked = lint_text(yaml.safe_dump(bad.manifest), "f.yaml")
    assert checked == 1
    assert any(finding.field.startswith(bad.field) for finding in findings), findings


@pytest.mark.parametrize("bad", REFUSED, ids=lambda bad: bad.case)
def test_rules_say_the_same_as_the_api_server(bad: BadObject) -> None:
    findings, _ = lint_text(yaml.safe_dump(bad.manifest), "f.yaml")
    if any(bad.says in str(rule.get("message")) for rule in RULES):
        assert any(bad.says in finding.message for finding in findings), findings


def test_every_rule_of_the_crd_is_understood() -> None:
    assert len(RULES) > 20
    for rule in RULES:
        holds(rule["rule"], {})  # raises for what is no CEL or uses an unknown function


def test_a_finding_tells_file_line_and_field() -> None:
    text = GOOD + '  rollout:\n    capacity: "half"\n'
    (finding,) = told(text)
    assert finding.startswith("f.yaml:8: spec.rollout.capacity: write a share from")


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        (GOOD.replace("uri:", "url:"), "f.yaml:6: spec.template.model.url: there is no such field"),
        (GOOD.replace("v1alpha1", "v1"), "f.yaml:1: apiVersion: write holdfast.dev/v1alpha1"),
        (
            GOOD.replace("ModelDeployment", "ModelDeploymnt"),
            "f.yaml:2: kind: write ModelDeployment",
        ),
        (GOOD.replace("metadata: {name: m, namespace: ml}", ""), "f.yaml:1: metadata: is missing"),
        (GOOD.replace("name: m,", "nam: m,"), "f.yaml:3: metadata.nam: there is no such field"),
        (GOOD + "spec: {}\n", "f.yaml:7: spec: is there twice"),
        (GOOD + "  a: [\n", "f.yaml:8: this is no YAML"),
        (
            GOOD.replace("namespace: ml", "namespace: ml, labels: {a: 1}"),
            "f.yaml:3: metadata.labels.a: this is an integer: put it in quotes",
        ),
        (
            GOOD.replace("namespace: ml", "labels: {'a b': c}"),
            "f.yaml:3: metadata.labels[a b]: cannot be a key",
        ),
        (GOOD + "    restartedAt: yes\n", "f.yaml:7: spec.template.restartedAt: this is a boolean"),
    ],
)
def test_what_is_wrong_around_the_spec(text: str, finding: str) -> None:
    assert any(line.startswith(finding) for line in told(text)), told(text)


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        GOOD + "    restartedAt: 2026-01-01T00:00:00Z\n",
        GOOD + "  revision: 3\n",
        GOOD + "  scaling: {maxReplicas: 3}\n",
        GOOD + "  revision: m-6c9f7d58\n",
        GOOD + "status: {whatever: true}\n",
        GOOD.replace("{name: m, ", "{name: m, creationTimestamp: null, "),
        GOOD + "    predictor: {nodeSelector: {a: b}, model: {env: [{name: A, value: b}]}}\n",
        "kind: Service\napiVersion: v1\nspec: {type: 7}\n---\n" + GOOD,
        "# nothing\n",
    ],
)
def test_what_is_good_is_left_alone(text: str) -> None:
    assert told(text) == []


def test_values_are_not_repeated() -> None:
    secret = "hunter2-very-secret"
    text = GOOD + f"  scaling: {secret}\n  rollout: {{capacity: {secret}, readiness: {secret}}}\n"
    assert len(told(text)) >= 3
    assert secret not in "".join(told(text))


def test_names_that_are_too_long_for_their_namespace_are_found() -> None:
    text = GOOD.replace("name: m,", f"name: {'m' * 37},").replace(
        "namespace: ml", f"namespace: {'n' * 20}"
    )
    (finding,) = told(text)
    assert "metadata.name: at most 21 characters in namespace" in finding
    elsewhere = GOOD.replace("name: m, namespace: ml", f"name: {'m' * 30}")
    assert told(elsewhere) == []
    assert len(told(elsewhere, "n" * 20)) == 1


def test_a_predictor_that_is_too_large_is_found() -> None:
    value = "x" * 70_000
    text = GOOD + f"    predictor: {{model: {{env: [{{name: A, value: {value}}}]}}}}\n"
    assert "bytes of JSON" in told(text)[0]


def test_items_of_a_list_are_checked() -> None:
    item = yaml.safe_load(GOOD.replace("uri:", "url:"))
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [item]})
    assert any("items[0].spec.template.model.url" in line for line in told(text))


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [*a]\n",
        GOOD + "    predictor: &p {nodeSelector: *p}\n",
        "a: &a [x, x]\n"
        + "".join(
            f"{n}: &{n} [*{m}, *{m}, *{m}, *{m}, *{m}, *{m}, *{m}, *{m}]\n"
            for m, n in zip("abcdefgh", "bcdefghi", strict=True)
        ),
        GOOD.replace("{name: sklearn}", "!!python/object/apply:os.system [ls]"),
        "a:\n\t- b",
        GOOD + "  ? [a, b]\n  : c\n",
        "[" * 5_000,
        GOOD + "  restartedAt: 2026-13-45\n",
    ],
    ids=["itself", "itself deeper", "bomb", "python", "tab", "key", "deep", "no date"],
)
def test_hostile_yaml_ends_in_a_finding(text: str) -> None:
    assert told(text)


def test_files_directories_and_exit_status(
    tmp_path: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "deep" / "bad.yml"  # type: ignore[operator]
    bad.parent.mkdir()
    good.write_text(GOOD)
    assert lint_files([str(good)], namespace=None, output=Output.TEXT) is Exit.OK
    bad.write_text(GOOD.replace("uri:", "url:"))
    assert lint_files([str(tmp_path)], namespace=None, output=Output.JSON) is Exit.FAILED
    answer = json.loads(capsys.readouterr().out.partition("\n")[2])
    assert answer["checked"] == 2
    assert answer["findings"][0]["file"] == str(bad)
    with pytest.raises(Refusal, match="No such file"):
        lint_files([str(tmp_path) + "/none.yaml"], namespace=None, output=Output.TEXT)
