"""`spec.network`: how a model is reached from outside of the cluster."""

from typing import Annotated

from pydantic import Field

from holdfast.api.types import ApiModel, Rule, matching, schema_extra, with_rules

MAX_KEY_LENGTH = 317
"""A prefix of 253, a slash and a name of 63."""

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_NAME_MESSAGE = "write the name of an object: lower-case letters, digits, dots and hyphens"
Name = Annotated[str, matching(rf"^{_LABEL}([.]{_LABEL})*$", _NAME_MESSAGE, max_length=253)]
Namespace = Annotated[
    str,
    matching(
        rf"^{_LABEL}$",
        "write the name of a namespace: lower-case letters, digits and hyphens",
        max_length=63,
    ),
]
Host = Annotated[
    str,
    matching(
        rf"^([*][.])?{_LABEL}([.]{_LABEL})*$",
        "write a host name in lower case, for example models.example.com",
        max_length=253,
    ),
]


class GatewayReference(ApiModel):
    """A Gateway that a route is attached to."""

    name: Name = Field(description="Name of the Gateway.")
    namespace: Namespace | None = Field(
        default=None, description="Its namespace. Absent: that of the ModelDeployment."
    )
    section_name: Name | None = Field(
        default=None, description="Name of one of its listeners. Absent: all that allow the route."
    )


class HttpRoute(ApiModel):
    """An HTTPRoute of the Gateway API."""

    parent_refs: Annotated[
        list[GatewayReference],
        Field(
            min_length=1,
            max_length=8,
            json_schema_extra=schema_extra(x_kubernetes_list_type="atomic"),
        ),
    ] = Field(description="The Gateways that the route is attached to.")
    hostnames: (
        Annotated[
            list[Host],
            Field(
                min_length=1,
                max_length=16,
                json_schema_extra=schema_extra(x_kubernetes_list_type="set"),
            ),
        ]
        | None
    ) = Field(
        default=None,
        description="The host names that requests are for. Absent: those of the Gateway's "
        "listeners.",
    )
    path_prefix: (
        Annotated[
            str,
            matching(
                "^/[A-Za-z0-9._~/-]*[A-Za-z0-9._~-]$",
                "write a path that starts with / and does not end with it, for example /employment",
                max_length=256,
            ),
        ]
        | None
    ) = Field(
        default=None,
        description="Only requests below this path are for the model, which gets them without it: "
        "several models can share a host name. Absent: all requests.",
    )
    request_timeout_seconds: Annotated[int, Field(ge=1, le=3600)] | None = Field(
        default=None,
        description="How many seconds the Gateway waits for an answer. Absent: as the Gateway has "
        "it.",
    )


class Ingress(ApiModel):
    """An Ingress."""

    ingress_class_name: Name | None = Field(
        default=None,
        description="Which controller takes care of it. Absent: the cluster's default class.",
    )
    hosts: Annotated[
        list[Host],
        Field(
            min_length=1,
            max_length=16,
            json_schema_extra=schema_extra(x_kubernetes_list_type="set"),
        ),
    ] = Field(description="The host names that requests are for.")
    tls_secret_name: Name | None = Field(
        default=None,
        description="Name of the Secret with the certificate for all hosts. Absent: no TLS.",
    )
    annotations: (
        Annotated[dict[str, Annotated[str, Field(max_length=1024)]], Field(max_length=16)] | None
    ) = Field(
        default=None,
        description="Annotations of the Ingress, by which many controllers take their settings. "
        "Absent: none.",
    )


class Network(ApiModel):
    """The way in from outside; the model itself is never changed by it."""

    model_config = with_rules(
        [
            Rule(
                "has(self.httpRoute) != has(self.ingress)",
                "give either httpRoute or ingress",
            ),
            Rule(
                "!has(self.ingress) || !has(self.ingress.annotations) || "
                f"self.ingress.annotations.all(key, key.size() <= {MAX_KEY_LENGTH})",
                f"write keys of at most {MAX_KEY_LENGTH} characters, as of any annotation",
                ".ingress.annotations",
            ),
            Rule(
                "!has(self.ingress) || !has(self.ingress.annotations) || "
                "!self.ingress.annotations.exists(key, key.startsWith('holdfast.dev/'))",
                "keys that start with holdfast.dev/ are reserved: remove them",
                ".ingress.annotations",
                "FieldValueForbidden",
            ),
        ]
    )

    http_route: HttpRoute | None = Field(
        default=None,
        description="An HTTPRoute of the Gateway API, named as the ModelDeployment. Absent: none.",
    )
    ingress: Ingress | None = Field(
        default=None, description="An Ingress, named as the ModelDeployment. Absent: none."
    )
