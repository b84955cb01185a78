"""The CustomResourceDefinition, made from the models.

`python -m holdfast.api.crd` prints it; the result is committed under `crds/`.
"""

import sys

import yaml

from holdfast.api.identity import CATEGORY, GROUP, KIND, PLURAL, SHORT_NAME, VERSION
from holdfast.api.schema import compute_structural_schema
from holdfast.api.spec import Spec
from holdfast.api.status import Status
from holdfast.api.types import JsonObject, Rule, render_rules

MAX_NAME_LENGTH = 37
"""Leaves room for `-` and 8 characters of hash in the 46 that KServe leaves a revision's name."""

_COLUMNS = (
    ("Ready", "string", '.status.conditions[?(@.type=="Ready")].status', 0),
    ("Active", "integer", ".status.activeRevision.number", 0),
    ("Candidate", "integer", ".status.candidateRevision.number", 0),
    ("Drift", "string", ".status.drift.state", 0),
    ("Reason", "string", '.status.conditions[?(@.type=="Promoted")].reason', 0),
    ("Age", "date", ".metadata.creationTimestamp", 0),
    ("Pinned", "string", ".status.pinnedRevision", 1),
    ("Model", "string", ".status.model", 1),
    ("URL", "string", ".status.url", 1),
)


def render_crd() -> JsonObject:
    """The CustomResourceDefinition of ModelDeployment as the API server takes it."""
    schema: JsonObject = {
        "type": "object",
        "description": "A machine-learning model that runs on KServe behind one stable address, "
        "with its versions, their promotion and rollback.",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {
                "type": "object",
                "properties": {"name": {"type": "string", "maxLength": 253}},
            },
            "spec": compute_structural_schema(Spec, defaults=True),
            "status": compute_structural_schema(Status, defaults=False),
        },
        "x-kubernetes-validations": render_rules(
            Rule(
                f"self.metadata.name.size() <= {MAX_NAME_LENGTH}",
                f"write at most {MAX_NAME_LENGTH} characters, because KServe makes longer names "
                "of it",
                ".metadata.name",
            ),
            Rule(
                "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
                "write lower-case letters, digits and '-', starting with a letter, because a "
                "Service gets this name",
                ".metadata.name",
            ),
        ),
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": KIND.lower(),
                "shortNames": [SHORT_NAME],
                "categories": [CATEGORY],
            },
            "scope": "Namespaced",
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [
                        {
                            "name": name,
                            "type": kind,
                            "jsonPath": path,
                            **({"priority": priority} if priority else {}),
                        }
                        for name, kind, path, priority in _COLUMNS
                    ],
                }
            ],
        },
    }


class _Dumper(yaml.SafeDumper):
    """Writes every value out, without anchors, so that the file reads like a hand-written one."""

    def ignore_aliases(self, _data: object) -> bool:
        return True


def print_crd() -> str:
    """The YAML text that is committed under `crds/`."""
    header = "# Generated from operator/holdfast/api by `make crd`. Do not edit.\n"
    return header + yaml.dump(render_crd(), Dumper=_Dumper, sort_keys=False, width=100)


if __name__ == "__main__":
    sys.stdout.write(print_crd())
