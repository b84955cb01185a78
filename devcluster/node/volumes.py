"""The volumes of a pod, as directories."""

import os
from collections.abc import Callable
from pathlib import Path

from devcluster.node.api import Api, ApiError, Json
from devcluster.node.environment import (
    ConfigError,
    decode_data,
    expand_variables,
    get_field,
    get_resource,
)


class VolumeError(Exception):
    """A volume cannot be mounted yet; the message says why."""


class VolumeMaker:
    """Makes the volumes of one pod."""

    def __init__(self, api: Api, pod: Json, directory: Path, address: str) -> None:
        self._api = api
        self._pod = pod
        self._namespace = pod["metadata"]["namespace"]
        self._directory = directory
        self._address = address

    async def make_volumes(self) -> dict[str, Path]:
        """Return the host path of every volume that a container mounts, by name.

        Raises:
            VolumeError: Something that a volume needs is not there yet; try again later.
        """
        spec = self._pod["spec"]
        mounted = {
            mount["name"]
            for container in [*spec["containers"], *(spec.get("initContainers") or [])]
            for mount in container.get("volumeMounts") or []
        }
        wanted = [volume for volume in spec.get("volumes") or [] if volume["name"] in mounted]
        return {volume["name"]: await self._make(volume) for volume in wanted}

    async def _make(self, volume: Json) -> Path:
        if "hostPath" in volume:
            return _check_host_path(volume["hostPath"])
        if "persistentVolumeClaim" in volume:
            return await self._find_claim(volume["persistentVolumeClaim"]["claimName"])
        directory = self._directory / str(volume["name"])
        directory.mkdir(parents=True, exist_ok=True)
        sources = volume["projected"].get("sources") or [] if "projected" in volume else [volume]
        mode = (volume.get("projected") or {}).get("defaultMode", 0o644)
        for source in sources:
            for path, (content, own_mode) in (await self._get_files(source, mode)).items():
                _write(directory, path, content, own_mode)
        return directory

    async def _get_files(self, source: Json, mode: int) -> dict[str, tuple[bytes, int]]:
        if "configMap" in source:
            return await self._get_keys("ConfigMap", source["configMap"], "name", mode)
        if "secret" in source:
            name = "secretName" if "secretName" in source["secret"] else "name"
            return await self._get_keys("Secret", source["secret"], name, mode)
        if "serviceAccountToken" in source:
            token = await self._request_token(source["serviceAccountToken"])
            return {source["serviceAccountToken"]["path"]: (token, mode)}
        if "downwardAPI" in source:
            default = source["downwardAPI"].get("defaultMode", mode)
            items = source["downwardAPI"].get("items") or []
            return {item["path"]: (self._describe(item), default) for item in items}
        return {}  # emptyDir, and kinds that have no meaning here

    def _describe(self, item: Json) -> bytes:
        if "fieldRef" in item:
            return get_field(self._pod, item["fieldRef"]["fieldPath"], self._address).encode()
        first = self._pod["spec"]["containers"][0]
        return get_resource(self._pod, first, item["resourceFieldRef"]).encode()

    async def _get_keys(
        self, kind: str, reference: Json, name_key: str, mode: int
    ) -> dict[str, tuple[bytes, int]]:
        name = reference[name_key]
        path = f"/api/v1/namespaces/{self._namespace}/{kind.lower()}s/{name}"
        obj = await self._api.get_or_none(path)
        # kube-root-ca.crt exists only where the controller manager was given a root certificate.
        optional = reference.get("optional") or name == "kube-root-ca.crt"
        if obj is None:
            if optional:
                return {}
            raise VolumeError(f'{kind.lower()} "{name}" not found')
        data = decode_data(obj, kind)
        mode = reference.get("defaultMode", mode)
        if not reference.get("items"):
            return {key: (value, mode) for key, value in data.items()}
        files = {}
        for item in reference["items"]:
            if item["key"] in data:
                files[item["path"]] = (data[item["key"]], item.get("mode", mode))
            elif not optional:
                raise VolumeError(f"references non-existent {kind.lower()} key: {item['key']}")
        return files

    async def _request_token(self, source: Json) -> bytes:
        account = self._pod["spec"].get("serviceAccountName", "default")
        metadata = self._pod["metadata"]
        spec: Json = {
            "expirationSeconds": source.get("expirationSeconds", 3600),
            "boundObjectRef": {
                "apiVersion": "v1", "kind": "Pod", "name": metadata["name"], "uid": metadata["uid"],
            },
        }  # fmt: skip
        if source.get("audience"):
            spec["audiences"] = [source["audience"]]
        path = f"/api/v1/namespaces/{self._namespace}/serviceaccounts/{account}/token"
        try:
            answer = await self._api.request("POST", path, {"spec": spec})
        except ApiError as error:
            raise VolumeError(f"failed to fetch token: {error.message}") from error
        return str(answer["status"]["token"]).encode()

    async def _find_claim(self, name: str) -> Path:
        path = f"/api/v1/namespaces/{self._namespace}/persistentvolumeclaims/{name}"
        claim = await self._api.get_or_none(path)
        if claim is None:
            raise VolumeError(f'persistentvolumeclaim "{name}" not found')
        if (claim.get("status") or {}).get("phase") != "Bound":
            raise VolumeError(f'persistentvolumeclaim "{name}" is not bound')
        volume = await self._api.get_or_none(
            f"/api/v1/persistentvolumes/{claim['spec']['volumeName']}"
        )
        spec = volume["spec"] if volume else {}
        if "hostPath" in spec:
            return _check_host_path(spec["hostPath"])
        if "local" in spec:
            return Path(spec["local"]["path"])
        raise VolumeError(f'volume of persistentvolumeclaim "{name}" is not a hostPath')


def _check_host_path(source: Json) -> Path:
    path = Path(source["path"])
    kind = source.get("type") or ""
    if kind == "DirectoryOrCreate":
        path.mkdir(parents=True, exist_ok=True)
    checks: dict[str, Callable[[], bool]] = {"Directory": path.is_dir, "File": path.is_file}
    if kind in checks and not checks[kind]():
        raise VolumeError(f"hostPath type check failed: {path} is not a {kind.lower()}")
    return path


def _write(directory: Path, name: str, content: bytes, mode: int) -> None:
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(content)
    path.chmod(mode | 0o400)


def link_mounts(
    container: Json, volumes: dict[str, Path], root: Path, variables: dict[str, str]
) -> dict[str, str]:
    """Make a container's mount paths appear under a directory; return mount path to host path.

    Args:
        container: The container.
        volumes: Host path of each volume.
        root: Directory that stands for the container's root.
        variables: The container's environment, for `subPathExpr`.

    Raises:
        ConfigError: A subPath leads out of its volume or cannot be made.
    """
    mounts: dict[str, str] = {}
    for mount in sorted(container.get("volumeMounts") or [], key=lambda m: str(m["mountPath"])):
        path = os.path.normpath(mount["mountPath"])
        source = _find_sub_path(mount, volumes[mount["name"]], variables)
        link = root / path.lstrip("/")
        if any(path.startswith(outer + "/") for outer in mounts):
            mounts[path] = str(source)  # inside another volume, where no link may be made
            continue
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(source)
        mounts[path] = str(link)
    return mounts


def _find_sub_path(mount: Json, volume: Path, variables: dict[str, str]) -> Path:
    sub_path = mount.get("subPath") or expand_variables(mount.get("subPathExpr", ""), variables)
    if not sub_path:
        return volume
    source = (volume / sub_path).resolve()
    problem = f'failed to prepare subPath for volumeMount "{mount["name"]}"'
    if not source.is_relative_to(volume.resolve()):
        raise ConfigError(f"{problem}: it leads out of the volume")
    if not source.exists():
        try:
            source.mkdir(parents=True)
        except OSError as error:
            raise ConfigError(f"{problem}: {error}") from error
    return source
