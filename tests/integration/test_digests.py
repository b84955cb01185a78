"""Images: a cold revision comes back with those that it was promoted with, while they exist."""

from pathlib import Path

import yaml

from tests.integration import model_server
from tests.integration.harness import Place

IMAGE = "holdfast.dev/tests/moving:1"


def push(registry: Path, content: str) -> None:
    """Have the tag name an image with this content; what it named before is gone."""
    entry = {
        "image": IMAGE,
        "command": ["{python}", model_server.__file__],
        "portFlag": "--http_port={port}",
        "port": 8080,
        "env": {"CONTENT": content},
    }
    registry.write_text(yaml.safe_dump({"images": [entry]}))


def image_of(place: Place, number: int) -> str:
    (pod,) = place.pods(number)
    return str(pod["spec"]["containers"][0]["image"])


def test_cold_revision_comes_back_by_digest_or_by_tag_where_that_is_gone(
    place: Place, registry: Path
) -> None:
    push(registry, "first")
    template = {
        "model": {"uri": place.add_model("one"), "format": {"name": "sklearn"}},
        "predictor": {"model": {"image": IMAGE}},
    }
    rollout = {"warmRevisions": 0, "drainSeconds": 0}
    place.create("m", {"template": template, "rollout": rollout})
    place.wait_promoted(1)
    assert image_of(place, 1) == IMAGE
    place.update(place.add_model("two"))
    place.wait_promoted(2)
    place.wait_phase(1, "Cold")
    place.pin(1)
    place.wait_promoted(1)
    assert image_of(place, 1).startswith("holdfast.dev/tests/moving@sha256:")
    place.wait_condition("Reproducible", "True", "DigestsRecorded")
    place.wait_phase(2, "Cold")

    push(registry, "second")
    place.pin(None)
    place.wait_promoted(2)
    assert image_of(place, 2) == IMAGE
    place.wait_condition("Reproducible", "False")
    reasons = [event["reason"] for event in place.list("events")]
    assert reasons.count("DigestNotPullable") == 1
    assert place.answer() == "two"
