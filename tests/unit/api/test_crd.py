"""The CRD is what the models say, and the models refuse what the rules refuse."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from holdfast.api.crd import print_crd
from holdfast.api.drift import Drift
from holdfast.api.spec import Spec
from holdfast.api.template import Template
from tests.integration.bad_objects import REFUSED, BadObject
from tests.unit.api.schema_nodes import CRD, OURS

COMMITTED = Path(__file__).parents[3] / "crds" / "modeldeployments.holdfast.dev.yaml"
MODEL = {"uri": "s3://a/b", "format": {"name": "sklearn"}}
TEMPLATE = {"model": MODEL}
BY_RULE = [
    bad
    for bad in REFUSED
    if bad.field.startswith("spec.template.") and re.search("write|give|remove|say", bad.says)
]


def test_committed_crd_is_the_generated_one() -> None:
    assert COMMITTED.read_text() == print_crd(), "run `make crd`"


def test_printed_crd_reads_back_as_it_is() -> None:
    assert yaml.safe_load(print_crd()) == CRD


def test_names_are_what_users_type() -> None:
    names = CRD["spec"]["names"]
    assert (names["plural"], names["singular"]) == ("modeldeployments", "modeldeployment")
    assert (names["shortNames"], names["categories"]) == (["mdep"], ["mlops"])
    assert CRD["metadata"]["name"] == "modeldeployments.holdfast.dev"


def test_defaults_outside_the_template_are_those_of_the_models() -> None:
    given = {"template": TEMPLATE, "drift": {}}
    spec: Any = Spec.model_validate(given).model_dump(by_alias=True)
    for path, node in OURS:
        value = spec
        for name in path.removeprefix(".spec").split(".")[1:]:
            value = value.get(name) if isinstance(value, dict) else None
        if node.get("default"):
            assert value == node["default"], path


@pytest.mark.parametrize("bad", BY_RULE, ids=lambda bad: bad.case)
def test_models_refuse_what_got_past_the_rules(bad: BadObject) -> None:
    with pytest.raises(ValidationError) as refused:
        Spec.model_validate(bad.spec)
    said = str(refused.value)
    if "pattern" not in said:  # the form of a string, told in pydantic's words
        assert bad.field.removeprefix("spec.template") in said
        assert bad.says.removeprefix("Required value: ") in said


def test_least_that_works_is_small() -> None:
    spec = Spec.model_validate(
        {"template": {"model": {"uri": "v1", "format": {"name": "sklearn"}}}}
    )
    assert spec.revision is None
    assert spec.rollout.readiness == "Model"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rollout", {"capacity": "0%"}),
        ("rollout", {"capacity": "101%"}),
        ("rollout", {"capacity": "50"}),
        ("rollout", {"progressDeadlineSeconds": 0}),
        ("rollout", {"warmRevisions": -1}),
        ("rollout", {"readiness": "None"}),
        ("scaling", {"minReplicas": 0}),
        ("scaling", {"metric": "rps"}),
        ("scaling", {"target": 0}),
        ("revisionHistoryLimit", 0),
        ("drift", {"mode": "Off"}),
        ("drift", {"everySeconds": 4}),
        ("drift", {"windowsSeconds": []}),
        ("drift", {"falseAlarmsPerYear": "0"}),
        ("drift", {"falseAlarmsPerYear": "0.0"}),
        ("drift", {"minEffect": "-1"}),
        ("drift", {"minCoverage": "1.1"}),
        ("drift", {"quality": {"maxUnseenShare": "5%"}}),
        ("template", {"model": {"digest": "md5:1"}}),
        ("template", {"model": {"uri": "u" * 2049}}),
    ],
)
def test_what_is_out_of_bounds_is_refused(field: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        Spec.model_validate({"template": TEMPLATE, field: value})


@pytest.mark.parametrize("capacity", ["1%", "9%", "10%", "99%", "100%"])
def test_every_share_is_taken(capacity: str) -> None:
    spec = Spec.model_validate({"template": TEMPLATE, "rollout": {"capacity": capacity}})
    assert spec.rollout.capacity == capacity


@pytest.mark.parametrize("share", ["0", "0.0", "0.000001", "0.5", "1", "1.00"])
def test_every_decimal_share_is_taken(share: str) -> None:
    drift = Drift.model_validate({"minCoverage": share, "quality": {"maxUnseenShare": share}})
    assert drift.min_coverage == drift.quality.max_unseen_share == share


@pytest.mark.parametrize("budget", ["0.0001", "0.01", "0.5", "1", "12", "1.5", "9999.9999"])
def test_every_budget_above_zero_is_taken(budget: str) -> None:
    assert Drift.model_validate({"falseAlarmsPerYear": budget}).false_alarms_per_year == budget


@pytest.mark.parametrize("pin", [3, "employment-6c9f7d58"])
def test_revision_is_a_number_or_a_name(pin: int | str) -> None:
    assert Spec.model_validate({"template": TEMPLATE, "revision": pin}).revision == pin


def test_template_has_no_default_in_the_models_either() -> None:
    assert Template().model_dump(exclude_none=True) == {}
