"""The names by which Holdfast's objects are found: group, kind, labels, annotations.

They are part of the API: users select by these labels, and records written by one
version of the operator are read by the next.
"""

from typing import Final, NamedTuple

GROUP: Final = "holdfast.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
KIND: Final = "ModelDeployment"
PLURAL: Final = "modeldeployments"
SHORT_NAME: Final = "mdep"
CATEGORY: Final = "mlops"

FIELD_MANAGER: Final = "holdfast"
"""The one field manager of everything that the operator applies, status included."""

LABEL_MANAGED_BY: Final = "app.kubernetes.io/managed-by"
MANAGED_BY: Final = "holdfast"
LABEL_DEPLOYMENT: Final = f"{GROUP}/modeldeployment"
LABEL_REVISION: Final = f"{GROUP}/revision"

RETRY_REQUESTED_AT: Final = f"{GROUP}/retry-requested-at"
"""On a ModelDeployment: any new value gives the wanted revision another try if it was rejected."""


class Key(NamedTuple):
    """Which ModelDeployment: what the work queue holds and the store finds children by."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"
