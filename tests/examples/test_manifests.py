import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from examples.employment.data import FEATURES
from holdfast.api.template import Template
from tests.examples.processes import EXAMPLE

MANIFESTS = sorted(EXAMPLE.glob("modeldeployment*.yaml"))


def read_template(path: Path) -> dict[str, Any]:
    template: dict[str, Any] = yaml.safe_load(path.read_text())["spec"]["template"]
    return template


def test_there_is_one_for_each_way_of_serving() -> None:
    assert [path.stem.removeprefix("modeldeployment") for path in MANIFESTS] == [
        "-container",
        "-transformer",
        "",
    ]


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_what_the_example_declares_is_known_to_the_api(path: Path) -> None:
    Template.model_validate(read_template(path))


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_the_node_knows_every_image(path: Path) -> None:
    template = read_template(path)
    table = yaml.safe_load((EXAMPLE / "images.yaml").read_text())["images"]
    for component in ("predictor", "transformer"):
        for container in template.get(component, {}).get("containers", []):
            assert any(fnmatch.fnmatch(container["image"], entry["image"]) for entry in table)


def test_the_transformer_is_told_the_order_that_the_model_is_trained_on() -> None:
    template = read_template(EXAMPLE / "modeldeployment-transformer.yaml")
    assert template["transformer"]["containers"][0]["args"] == [f"--features={','.join(FEATURES)}"]
