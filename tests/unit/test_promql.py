"""The texts that Prometheus is asked, against the metrics that the collector has."""

import inspect
import re

import pytest

from holdfast.clients import promql
from holdfast.clients.promql import Scope
from holdfast.collector import families

QUESTIONS = [
    promql.ask_requests,
    promql.ask_responses,
    promql.ask_missing_responses,
    promql.ask_feature_bins,
    promql.ask_feature_categories,
    promql.ask_feature_missing,
    promql.ask_feature_values,
]


@pytest.mark.parametrize(
    "text",
    [
        promql.ask_collectors(),
        promql.ask_latency(Scope("ml"), 60, 0.5),
        *(question(Scope("ml"), 60) for question in QUESTIONS),
    ],
)
def test_only_metrics_and_labels_are_asked_for_that_there_are(text: str) -> None:
    known = {family.name: set(family.labels) for family in (*families.BY_REVISION, *families.OWN)}
    asked = re.findall(r"holdfast_\w+", text)
    assert asked
    names = [re.sub(r"_(bucket|count)$", "", name) for name in asked]
    assert set(names) <= set(known)
    for labels in re.findall(r"by \((.*?)\)", text):
        for name in names:
            assert set(labels.split(", ")) <= known[name] | {"le"}


def test_every_question_is_checked() -> None:
    asking = {name for name, _ in inspect.getmembers(promql, inspect.isfunction) if "ask_" in name}
    checked = {question.__name__ for question in QUESTIONS}
    assert asking == checked | {"ask_collectors", "ask_latency"}


def test_texts() -> None:
    assert promql.ask_requests(Scope("ml", "m", "m-1"), 300) == (
        "sum by (namespace, modeldeployment, revision) (increase(holdfast_requests_total"
        '{namespace="ml", modeldeployment="m", revision="m-1"}[300s]))'
    )
    assert "holdfast_requests_total{}[60s]" in promql.ask_requests(Scope(), 60)


def test_a_name_cannot_leave_its_quotes() -> None:
    text = promql.ask_requests(Scope(deployment='m"} or vector(1) # \\'), 60)
    assert r'modeldeployment="m\"} or vector(1) # \\"' in text
