"""The environment of a container: literal values, the downward API, ConfigMaps and Secrets."""

import base64
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from devcluster.node.api import Api, Json
from devcluster.node.network import HOST_ADDRESS

_SUFFIXES: dict[str, str | int] = {
    "n": "1e-9", "u": "1e-6", "m": "1e-3", "": "1", "k": "1e3", "M": "1e6", "G": "1e9",
    "T": "1e12", "P": "1e15", "E": "1e18", "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40,
    "Pi": 2**50, "Ei": 2**60,
}  # fmt: skip
_NODE_CAPACITY = {"cpu": "1000", "memory": "1Ti", "ephemeral-storage": "1Ti"}


class ConfigError(Exception):
    """A container cannot be configured yet (CreateContainerConfigError); the message says why."""


@dataclass(frozen=True)
class Sources:
    """The ConfigMaps and Secrets that a pod's containers refer to, by name; None is not found."""

    config_maps: dict[str, Json | None] = field(default_factory=dict)
    secrets: dict[str, Json | None] = field(default_factory=dict)

    def get_data(self, kind: str, name: str) -> dict[str, bytes] | None:
        """Return the keys and values of a `ConfigMap` or `Secret`, None if there is none."""
        obj = (self.config_maps if kind == "ConfigMap" else self.secrets).get(name)
        return None if obj is None else decode_data(obj, kind)


def decode_data(obj: Json, kind: str) -> dict[str, bytes]:
    """Return the bytes of each key of a `ConfigMap` or `Secret`."""
    encoded = obj.get("binaryData" if kind == "ConfigMap" else "data") or {}
    data = {key: base64.b64decode(value) for key, value in encoded.items()}
    if kind == "ConfigMap":
        data.update({key: value.encode() for key, value in (obj.get("data") or {}).items()})
    return data


async def get_sources(api: Api, namespace: str, container: Json) -> Sources:
    """Fetch the ConfigMaps and Secrets that a container's environment refers to."""
    sources = Sources()
    references = [entry.get("valueFrom") or {} for entry in container.get("env") or []]
    references += container.get("envFrom") or []
    for reference in references:
        for key in ("configMapKeyRef", "configMapRef"):
            if key in reference:
                name = reference[key]["name"]
                path = f"/api/v1/namespaces/{namespace}/configmaps/{name}"
                sources.config_maps[name] = await api.get_or_none(path)
        for key in ("secretKeyRef", "secretRef"):
            if key in reference:
                name = reference[key]["name"]
                path = f"/api/v1/namespaces/{namespace}/secrets/{name}"
                sources.secrets[name] = await api.get_or_none(path)
    return sources


def compute_environment(
    pod: Json, container: Json, sources: Sources, address: str
) -> dict[str, str]:
    """Return the variables that the pod gives a container, with `$(VAR)` expanded.

    Args:
        pod: The pod.
        container: One of its containers.
        sources: What `get_sources` found.
        address: The pod's address, which its status may not have yet.

    Raises:
        ConfigError: A ConfigMap, Secret or key that is not optional does not exist.
    """
    result: dict[str, str] = {}
    for reference in container.get("envFrom") or []:
        kind = "ConfigMap" if "configMapRef" in reference else "Secret"
        source = reference["configMapRef" if kind == "ConfigMap" else "secretRef"]
        data = sources.get_data(kind, source["name"])
        if data is None and not source.get("optional"):
            raise ConfigError(f'{kind.lower()} "{source["name"]}" not found')
        prefix = reference.get("prefix", "")
        result.update({prefix + key: value.decode() for key, value in (data or {}).items()})
    for entry in container.get("env") or []:
        if "valueFrom" not in entry:
            result[entry["name"]] = expand_variables(entry.get("value", ""), result)
            continue
        value = _get_value(entry["valueFrom"], pod, container, sources, address)
        if value is not None:
            result[entry["name"]] = value
    return result


def _get_value(
    origin: Json, pod: Json, container: Json, sources: Sources, address: str
) -> str | None:
    if "fieldRef" in origin:
        return get_field(pod, origin["fieldRef"]["fieldPath"], address)
    if "resourceFieldRef" in origin:
        return get_resource(pod, container, origin["resourceFieldRef"])
    kind = "ConfigMap" if "configMapKeyRef" in origin else "Secret"
    reference = origin["configMapKeyRef" if kind == "ConfigMap" else "secretKeyRef"]
    data = sources.get_data(kind, reference["name"])
    if data is not None and reference["key"] in data:
        return data[reference["key"]].decode()
    if reference.get("optional"):
        return None
    if data is None:
        raise ConfigError(f'{kind.lower()} "{reference["name"]}" not found')
    namespace = pod["metadata"]["namespace"]
    raise ConfigError(
        f"couldn't find key {reference['key']} in {kind} {namespace}/{reference['name']}"
    )


def expand_variables(text: str, variables: Mapping[str, str]) -> str:
    """Expand `$(NAME)`; `$$` is a dollar sign, and unknown names stay as they are."""

    def replace(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        return variables.get(match[1], match[0])

    return re.sub(r"\$\$|\$\(([-._a-zA-Z0-9]+)\)", replace, text)


def get_field(pod: Json, path: str, address: str) -> str:
    """Return a field of the downward API, as in `fieldRef`."""
    metadata = pod["metadata"]
    match = re.fullmatch(r"metadata\.(labels|annotations)\['(.+)'\]", path)
    if match:
        return str((metadata.get(match[1]) or {}).get(match[2], ""))
    if path in ("metadata.labels", "metadata.annotations"):
        entries = (metadata.get(path.partition(".")[2]) or {}).items()
        return "\n".join(f'{key}="{value}"' for key, value in sorted(entries))
    if path in ("status.podIP", "status.podIPs"):
        return address
    if path in ("status.hostIP", "status.hostIPs"):
        return HOST_ADDRESS
    value: object = pod
    for part in path.split("."):
        value = value.get(part, "") if isinstance(value, dict) else ""
    return str(value)


def get_resource(pod: Json, container: Json, reference: Json) -> str:
    """Return a request or limit of a container as a number of `divisor`, rounded up."""
    named = [c for c in pod["spec"]["containers"] if c["name"] == reference.get("containerName")]
    resources = (named[0] if named else container).get("resources") or {}
    group, _, name = reference["resource"].partition(".")
    amount = (resources.get(group) or {}).get(name) or _NODE_CAPACITY.get(name, "0")
    divisor = parse_quantity(reference.get("divisor") or "1") or Decimal(1)
    return str(math.ceil(parse_quantity(amount) / divisor))


def parse_quantity(text: str) -> Decimal:
    """Return the value of a Kubernetes quantity such as `500m` or `2Gi`."""
    match = re.fullmatch(r"([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([a-zA-Z]*)", str(text))
    if match is None:
        return Decimal(0)
    return Decimal(match[1]) * Decimal(_SUFFIXES.get(match[2], 1))
