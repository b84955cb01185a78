"""What KServe and Kubernetes' controllers would make, as the fleet's faker makes it.

As large as the real ones where the operator has to read them: a pod is mostly its spec.
"""

from typing import Any, Final

JsonObject = dict[str, Any]

REVISION: Final = "holdfast.dev/revision"
DEPLOYMENT: Final = "holdfast.dev/modeldeployment"


def render_owner(owner: JsonObject) -> list[JsonObject]:
    """The reference that makes `owner` the controller."""
    return [
        {
            "apiVersion": owner["apiVersion"],
            "kind": owner["kind"],
            "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]


def _render_metadata(owner: JsonObject, name: str, labels: JsonObject) -> JsonObject:
    return {
        "name": name,
        "namespace": owner["metadata"]["namespace"],
        "labels": labels,
        "ownerReferences": render_owner(owner),
    }


def _render_labels(inference_service: JsonObject) -> JsonObject:
    name = inference_service["metadata"]["name"]
    return {
        **inference_service["metadata"]["labels"],
        "app": f"isvc.{name}-predictor",
        "component": "predictor",
        "serving.kserve.io/inferenceservice": name,
    }


def _render_pod_spec(inference_service: JsonObject) -> JsonObject:
    resources = {"cpu": "100m", "memory": "512Mi"}
    return {
        "containers": [
            {
                "name": "kserve-container",
                "image": "kserve/sklearnserver:v0.20.0",
                "args": [
                    f"--model_name={inference_service['metadata']['name']}",
                    "--model_dir=/mnt/models",
                    "--http_port=8080",
                ],
                "env": [{"name": "PREDICT_PROBA", "value": "true"}],
                "ports": [{"containerPort": 8080, "name": "http", "protocol": "TCP"}],
                "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 10},
                "resources": {"requests": resources, "limits": resources},
                "volumeMounts": [{"name": "models", "mountPath": "/mnt/models", "readOnly": True}],
            }
        ],
        "volumes": [{"name": "models", "emptyDir": {}}],
        "automountServiceAccountToken": False,
    }


def render_deployment(inference_service: JsonObject) -> JsonObject:
    """The predictor's Deployment."""
    labels = _render_labels(inference_service)
    name = f"{inference_service['metadata']['name']}-predictor"
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _render_metadata(inference_service, name, labels),
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": labels["app"]}},
            "template": {
                "metadata": {"labels": labels},
                "spec": _render_pod_spec(inference_service),
            },
        },
    }


DEPLOYMENT_STATUS: Final[JsonObject] = {
    "observedGeneration": 1,
    "replicas": 1,
    "updatedReplicas": 1,
    "readyReplicas": 1,
    "availableReplicas": 1,
    "conditions": [
        {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"},
        {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
    ],
}


def render_service(inference_service: JsonObject) -> JsonObject:
    """The predictor's Service."""
    labels = _render_labels(inference_service)
    name = f"{inference_service['metadata']['name']}-predictor"
    port = {"name": name[:63], "port": 80, "targetPort": 8080, "protocol": "TCP"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _render_metadata(inference_service, name, labels),
        "spec": {"selector": {"app": labels["app"]}, "ports": [port]},
    }


def render_pod(inference_service: JsonObject, deployment: JsonObject) -> JsonObject:
    """The one pod; its owner is the Deployment, because nothing here reads ReplicaSets."""
    labels = {**_render_labels(inference_service), "pod-template-hash": "5d8c7b9f4"}
    name = f"{deployment['metadata']['name']}-5d8c7b9f4-x7k2p"
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _render_metadata(deployment, name, labels),
        "spec": _render_pod_spec(inference_service),
    }


def render_pod_status(number: int) -> JsonObject:
    """Running and ready, at an address of its own."""
    address = f"10.244.{number // 250 % 250}.{number % 250 + 1}"
    since = "2026-01-01T00:00:00Z"
    return {
        "phase": "Running",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": since,
        "conditions": [
            {"type": kind, "status": "True", "lastTransitionTime": since}
            for kind in ("PodScheduled", "Initialized", "ContainersReady", "Ready")
        ],
        "containerStatuses": [
            {
                "name": "kserve-container",
                "image": "kserve/sklearnserver:v0.20.0",
                "imageID": "kserve/sklearnserver@sha256:" + "0" * 64,
                "ready": True,
                "started": True,
                "restartCount": 0,
                "state": {"running": {"startedAt": since}},
            }
        ],
    }


def render_inference_service_status(inference_service: JsonObject) -> JsonObject:
    """What KServe says of one that is up."""
    name, namespace = (inference_service["metadata"][field] for field in ("name", "namespace"))
    url = f"http://{name}-predictor.{namespace}.svc.cluster.local"
    since = "2026-01-01T00:00:00Z"
    return {
        "url": url,
        "address": {"url": url},
        "deploymentMode": "Standard",
        "servingRuntimeName": name,
        "observedGeneration": 1,
        "components": {"predictor": {"url": url}},
        "conditions": [
            {"type": kind, "status": "True", "lastTransitionTime": since, "severity": "Info"}
            for kind in ("IngressReady", "PredictorReady")
        ]
        + [{"type": "Ready", "status": "True", "lastTransitionTime": since}],
        "modelStatus": {
            "copies": {"failedCopies": 0, "totalCopies": 1},
            "states": {"activeModelState": "Loaded", "targetModelState": "Loaded"},
            "transitionStatus": "UpToDate",
        },
    }


def render_endpoint_slice(service: JsonObject, pod: JsonObject) -> JsonObject:
    """The slice of a stable Service that selects the pod."""
    name = service["metadata"]["name"]
    labels = {**service["metadata"]["labels"], "kubernetes.io/service-name": name}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": _render_metadata(service, f"{name}-faked", labels),
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
        "endpoints": [
            {
                "addresses": [pod["status"]["podIP"]],
                "conditions": {"ready": True, "serving": True, "terminating": False},
                "targetRef": {
                    "kind": "Pod",
                    "namespace": pod["metadata"]["namespace"],
                    "name": pod["metadata"]["name"],
                    "uid": pod["metadata"]["uid"],
                },
            }
        ],
    }
