"""Which images a revision runs: as its template says, or as they were when it was promoted.

A tag may name another image later. A cold revision is therefore created again with the digests
that its pods reported at its first promotion; where one cannot be pulled any more, with the tags
(design §4). While an InferenceService or a runtime lives, its images stay as they are.
"""

import copy
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from holdfast.domain.kubeobject import KubeObject, annotations_of, created_at
from holdfast.domain.observed import LiveRevision, is_pod_ready
from holdfast.domain.record import IMAGE_DIGESTS, IMAGE_FALLBACK, IMAGES, Record
from holdfast.domain.serving import MODEL_CONTAINER

RECORDED: Final = "Recorded"
"""Value of the annotation of what was created with the recorded digests."""

_BY_DIGEST: Final = re.compile(r"(?:docker-pullable://)?(?P<image>[^@\s]+@sha256:[0-9a-f]{64})")


def parse_image_id(image_id: str) -> str | None:
    """The reference by which an image can be pulled again; None for an ID of one node only."""
    match = _BY_DIGEST.fullmatch(image_id)
    return match["image"] if match else None


def find_image_ids(live: LiveRevision, record: Record) -> dict[str, str]:
    """Image IDs by `component/container`, as the first ready pod of each component reports.

    Empty unless every container of every component has one.
    """
    found: dict[str, str] = {}
    for component in record.components:
        pods = filter(is_pod_ready, live.component(component).pods)
        reported = next((ids for ids in map(_image_ids, pods) if ids), None)
        if reported is None:
            return {}
        found |= {f"{component}/{name}": image for name, image in reported.items()}
    return found


def _image_ids(pod: KubeObject) -> dict[str, str]:
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    ids = {status["name"]: status.get("imageID", "") for status in statuses}
    return ids if all(ids.values()) else {}


def read_digests(record: Record) -> dict[str, str]:
    """The images that the revision was promoted with, where they can be pulled by digest."""
    return _parse_images(json.loads(annotations_of(record.manifest).get(IMAGE_DIGESTS, "{}")))


def _parse_images(image_ids: Mapping[str, str]) -> dict[str, str]:
    parsed = {name: parse_image_id(image_id) for name, image_id in image_ids.items()}
    return {name: image for name, image in parsed.items() if image is not None}


def read_fallback(record: Record) -> str | None:
    """The image that could not be pulled by digest any more, if that was found."""
    return annotations_of(record.manifest).get(IMAGE_FALLBACK)


def find_images(record: Record) -> dict[str, str]:
    """Images by `component/container`, as the revision was rendered at birth."""
    manifests = (record.serving_runtime, record.inference_service)
    return {
        name: container["image"]
        for manifest in manifests
        if manifest is not None
        for name, container in _containers(manifest)
        if container.get("image")
    }


def _containers(manifest: KubeObject) -> Iterator[tuple[str, dict[str, Any]]]:
    """Everything that may hold an image, by `component/container`."""
    spec = manifest["spec"]
    if manifest["kind"] == "ServingRuntime":
        spec = {"predictor": spec}
    for component in ("predictor", "transformer"):
        for container in spec.get(component, {}).get("containers") or ():
            yield f"{component}/{container.get('name', MODEL_CONTAINER)}", container
    if model := spec.get("predictor", {}).get("model"):
        yield f"predictor/{MODEL_CONTAINER}", model


def runs_by_digest(record: Record, live: LiveRevision) -> bool:
    """Whether the revision runs by the recorded digests; or would, if it was created now.

    What stands decides for as long as it stands: by a mark that it got at birth, or if somebody
    has taken that away, by its images.
    """
    digests = read_digests(record)
    if live.inference_service is None:
        return bool(digests) and read_fallback(record) is None
    if annotations_of(live.inference_service).get(IMAGES) == RECORDED:
        return True
    if _has_lost_its_notes(record, live):
        digests = _find_standing_digests(live) | digests
    written = find_images(record)
    return any(
        image == digests.get(name) != written.get(name) for name, image in _standing_images(live)
    )


def with_images(record: Record, live: LiveRevision, manifest: KubeObject) -> KubeObject:
    """What was recorded, with the images that the revision runs or, if it is cold, will run."""
    if not runs_by_digest(record, live):
        return manifest
    digests = read_digests(record) or {
        **_find_running_digests(record, live),
        **_find_standing_digests(live),
    }
    changed = copy.deepcopy(dict(manifest))
    for name, container in _containers(changed):
        if "@" not in container.get("image", "@") and name in digests:
            container["image"] = digests[name]
    if changed["kind"] == "InferenceService":
        model = changed["spec"]["predictor"].get("model", {})
        if f"predictor/{MODEL_CONTAINER}" in digests:
            # KServe would write it over the end of the digest.
            model.pop("runtimeVersion", None)
        changed["metadata"].setdefault("annotations", {})[IMAGES] = RECORDED
    return changed


def _has_lost_its_notes(record: Record, live: LiveRevision) -> bool:
    """Whether somebody has deleted the record of what stands, so that it was made again."""
    standing = live.inference_service
    return standing is not None and record.created > created_at(standing)


def _standing_images(live: LiveRevision) -> Iterator[tuple[str, str]]:
    """Images by `component/container`, as they stand in the cluster."""
    for obj in (live.runtime, live.inference_service):
        for name, container in _containers(obj) if obj is not None else ():
            if container.get("image"):
                yield name, container["image"]


def _find_standing_digests(live: LiveRevision) -> dict[str, str]:
    """Images that stand by digest: they count where the record has lost what was noted on it."""
    return {name: image for name, image in _standing_images(live) if "@" in image}


def _find_running_digests(record: Record, live: LiveRevision) -> dict[str, str]:
    """What its pods run, where the runtime has gone with the record."""
    return _parse_images(find_image_ids(live, record))
