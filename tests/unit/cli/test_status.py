"""What `status` tells, and with which exit status."""

import json
from typing import Any

import pytest
from rich.console import Console

from holdfast.cli.exits import Exit, Refusal
from holdfast.cli.report import Seen, compute_report
from holdfast.cli.retry import find_rejected
from holdfast.cli.revisions import find_target
from holdfast.cli.rollback import find_gitops_owner
from holdfast.cli.standing import Word, compute_standing
from holdfast.cli.tree import render_tree
from tests.unit.cli.shown import (
    APPROVAL,
    LOADING,
    REJECTED,
    SERVING,
    condition,
    deployment,
    inference_service,
    pod,
    revision,
)


@pytest.mark.parametrize(
    ("shown", "word", "code"),
    [
        (deployment(*SERVING), Word.SERVING, Exit.OK),
        (deployment(*LOADING), Word.PROGRESSING, Exit.PROGRESSING),
        (deployment(*REJECTED), Word.STALLED, Exit.STALLED),
        (deployment(*APPROVAL), Word.WAITING, Exit.PROGRESSING),
        (deployment(*SERVING, observed=1), Word.PROGRESSING, Exit.PROGRESSING),
        (deployment(*REJECTED, observed=1), Word.PROGRESSING, Exit.PROGRESSING),
        (
            deployment(
                condition("Ready", "False"),
                condition("Promoted", "True"),
                condition("Reconciling", "True"),
            ),
            Word.PROGRESSING,
            Exit.PROGRESSING,
        ),
        (
            deployment(*SERVING, condition("Reconciling", "True")),
            Word.SERVING,
            Exit.OK,
        ),
        ({**deployment(), "status": None}, Word.PROGRESSING, Exit.PROGRESSING),
    ],
)
def test_standing(shown: dict[str, Any], word: Word, code: Exit) -> None:
    standing = compute_standing(shown)
    assert (standing.word, standing.code) == (word, code)
    assert standing.is_settled == (word is not Word.PROGRESSING)
    assert standing.message


def draw(seen: Seen, width: int = 200) -> str:
    console = Console(width=width, color_system=None, legacy_windows=False)
    with console.capture() as capture:
        console.print(render_tree(compute_report(seen)))
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


ROLLOUT = Seen(
    deployment(
        *REJECTED,
        pin=2,
        url="http://m.ml.svc.cluster.local",
        activeRevision={"name": "m-2", "number": 2},
        revisions=[
            revision(3, "Rejected", message="no image"),
            revision(2, "Active"),
            revision(1, "Cold"),
        ],
    ),
    [inference_service(3, "False", "minimum"), inference_service(2)],
    [pod(3, ready=False, waiting="ImagePullBackOff"), pod(2)],
    ("pods are not shown: no permission",),
)


def test_tree() -> None:
    assert draw(ROLLOUT) == (
        "m in ml  Stalled\n"
        "wanted        revision 2 (spec.revision)\n"
        "active        revision 2 (m-2)\n"
        "url           http://m.ml.svc.cluster.local\n"
        "Ready         True  R: m\n"
        "Promoted      False  ImagePullBackOff: revision 3 (m-3) was rejected: no image\n"
        "Stalled       True  RevisionRejected: revision 3 (m-3) was rejected: no image\n"
        "├── revision 3 m-3 Rejected  v3  no image\n"
        "│   └── InferenceService m-3 not ready  minimum\n"
        "│       └── pod m-3-predictor-x Running not ready, 4 restarts  ImagePullBackOff: "
        "container c: image example.com/i:1 cannot be pulled\n"
        "├── revision 2 m-2 Active  v2  pinned\n"
        "│   └── InferenceService m-2 ready\n"
        "│       └── pod m-2-predictor-x Running ready, 4 restarts\n"
        "├── 1 more on record: holdfast history m\n"
        "└── pods are not shown: no permission"
    )


def test_narrow_terminal_loses_no_word() -> None:
    words = draw(ROLLOUT).replace("│", "").split()
    assert set(words) <= set(draw(ROLLOUT, 60).replace("│", "").split()) | {"├──", "└──"}


def test_what_may_not_be_seen_is_left_out() -> None:
    seen = Seen(ROLLOUT.deployment, None, None, ("pods are not shown",))
    report = compute_report(seen)
    assert [r["pods"] for r in report["revisions"]] == [[], [], []]
    assert report["hidden"] == ["pods are not shown"]
    assert "pods are not shown" in draw(seen)


def test_report_is_json_and_says_what_the_exit_status_says() -> None:
    report = json.loads(json.dumps(compute_report(ROLLOUT)))
    assert report["exitStatus"] == Exit.STALLED
    assert report["standing"] == "Stalled"
    assert report["revisions"][0]["pods"][0]["reason"] == "ImagePullBackOff"


def test_fresh_deployment_can_be_drawn() -> None:
    fresh = {**deployment(), "status": None}
    assert "the operator has not looked at it yet" in draw(Seen(fresh))


# --- the revision that is meant

HISTORY = deployment(
    *REJECTED,
    previousRevision={"name": "m-1", "number": 1},
    revisions=[revision(3, "Rejected"), revision(2, "Active"), revision(1, "Warm")],
)


@pytest.mark.parametrize(("wanted", "name"), [(None, "m-1"), ("2", "m-2"), ("m-1", "m-1")])
def test_target(wanted: str | None, name: str) -> None:
    assert find_target(HISTORY, wanted)["name"] == name


@pytest.mark.parametrize(
    ("shown", "wanted", "code", "message"),
    [
        (HISTORY, "9", Exit.NOT_FOUND, "m has no revision 9"),
        (HISTORY, "3", Exit.STALLED, "was rejected"),
        (deployment(*SERVING), None, Exit.NOT_FOUND, "no previous revision"),
    ],
)
def test_target_that_there_is_not(
    shown: dict[str, Any], wanted: str | None, code: Exit, message: str
) -> None:
    with pytest.raises(Refusal, match=message) as refused:
        find_target(shown, wanted)
    assert refused.value.code is code
    if shown is HISTORY:
        assert "revision 1 (m-1), model v1, Warm" in refused.value.advice


def test_only_a_wanted_revision_that_was_rejected_is_tried_again() -> None:
    assert find_rejected(HISTORY)["name"] == "m-3"
    pinned = deployment(*SERVING, revisions=[revision(3, "Rejected"), revision(2, "Active")])
    with pytest.raises(Refusal, match="nothing to try again"):
        find_rejected(pinned)


@pytest.mark.parametrize(
    ("metadata", "owner"),
    [
        ({"annotations": {"argocd.argoproj.io/tracking-id": "x"}}, "Argo CD"),
        ({"labels": {"kustomize.toolkit.fluxcd.io/name": "x"}}, "Flux"),
        ({"labels": {"app": "x"}}, None),
        ({}, None),
    ],
)
def test_who_keeps_it_in_git(metadata: dict[str, Any], owner: str | None) -> None:
    assert find_gitops_owner({"metadata": metadata}) == owner
