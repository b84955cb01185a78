"""ModelDeployments that the API server refuses, each with what the user then reads.

`REFUSED` is a table for anybody who judges ModelDeployments: the real API server in
`test_refusals`, a linter offline.
"""

from dataclasses import dataclass
from typing import Any, Final

JsonObject = dict[str, Any]

MODEL: Final[JsonObject] = {"uri": "pvc://models/one", "format": {"name": "sklearn"}}
CONTAINERS: Final = [{"name": "kserve-container", "image": "holdfast.dev/tests/model:1"}]
_SIDECAR: Final = {"name": "sidecar", "image": "holdfast.dev/tests/model:1"}


@dataclass(frozen=True)
class BadObject:
    """One object, and what has to be in the message.

    Attributes:
        case: What is tried.
        spec: The whole spec; None for an object without one.
        field: The path that the message names.
        says: What is wrong, or what to write instead.
        applied: What a server-side apply says, where it differs: it checks types by itself.
        name: `metadata.name`.
    """

    case: str
    spec: Any
    field: str
    says: str
    applied: str = ""
    name: str = "m"

    @property
    def manifest(self) -> JsonObject:
        """The object as it would be applied."""
        return render_deployment(self.spec, self.name)


def render_deployment(spec: Any, name: str = "m") -> JsonObject:
    """A ModelDeployment, or what somebody takes for one."""
    return {
        "apiVersion": "holdfast.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name},
        **({} if spec is None else {"spec": spec}),
    }


def template(**fields: Any) -> JsonObject:
    """A spec with a model and more in its template."""
    return {"template": {"model": MODEL, **fields}}


def model(**fields: Any) -> JsonObject:
    """A spec whose model has other or further fields."""
    return {"template": {"model": {**MODEL, **fields}}}


def predictor(**fields: Any) -> JsonObject:
    """A spec with a predictor."""
    return template(predictor=fields)


def transformer(**fields: Any) -> JsonObject:
    """A spec with a transformer."""
    return template(transformer={"containers": CONTAINERS, **fields})


def scaling(**fields: Any) -> JsonObject:
    """A spec with a scaling."""
    return {**template(), "scaling": fields}


def rollout(**fields: Any) -> JsonObject:
    """A spec with a rollout."""
    return {**template(), "rollout": fields}


def network(**fields: Any) -> JsonObject:
    """A spec with a network."""
    return {**template(), "network": fields}


def drift(**fields: Any) -> JsonObject:
    """A spec that asks for drift to be found."""
    return {**template(), "drift": fields}


def _pin(revision: Any) -> JsonObject:
    return {**template(), "revision": revision}


_STRING = ('must be of type string: "{}"', "expected string")
_OBJECT = ('must be of type object: "{}"', "expected map")
_INTEGER = ('must be of type integer: "{}"', "expected numeric")


def _is(kind: str, expected: tuple[str, str]) -> tuple[str, str]:
    said, applied = expected
    return said.format(kind), applied


_UNKNOWN = "field not declared in schema"
_PIN = "write a revision's number (3) or its name (employment-6c9f7d58); status.revisions lists"
_SHARE = 'write a share from "1%" to "100%", with the sign and in quotes'
_SHA = "write sha256: and 64 hexadecimal digits in lower case"
_NOTHING = "give model.uri and model.format.name, or predictor.containers"
_NAME = "write lower-case letters, digits and '-', starting with a letter"

_SHAPE = (
    BadObject("no spec", None, "spec", "Required value"),
    BadObject("an empty spec", {}, "spec.template", "Required value"),
    BadObject(
        "a template that is null",
        {"template": None},
        "spec.template",
        "Required value",
        'must be of type object: "null"',
    ),
    BadObject("a template of text", {"template": "x"}, "spec.template", *_is("string", _OBJECT)),
    BadObject("an empty template", {"template": {}}, "spec.template.model", _NOTHING),
    BadObject(
        "replicas as in a Deployment",
        {**template(), "replicas": 3},
        "spec.replicas",
        "unknown field",
        _UNKNOWN,
    ),
    BadObject(
        "a field with a typing error",
        scaling(minReplica=1),
        "spec.scaling.minReplica",
        "unknown field",
        _UNKNOWN,
    ),
    BadObject(
        "a field in the wrong place",
        model(storageUri="s3://a/b"),
        "spec.template.model.storageUri",
        "unknown field",
        _UNKNOWN,
    ),
    BadObject(
        "a gate, which this version does not have",
        {**template(), "evaluation": {}},
        "spec.evaluation",
        "unknown field",
        _UNKNOWN,
    ),
    BadObject(
        "a name too long for what KServe makes of it",
        template(),
        "metadata.name",
        "write at most 37 characters, because KServe makes longer names of it",
        name="m" * 38,
    ),
    BadObject("a name with a digit first", template(), "metadata.name", _NAME, name="3m"),
    BadObject("a name with a dot", template(), "metadata.name", _NAME, name="a.b"),
    BadObject("a name in capitals", template(), "metadata.name", _NAME, name="Employment"),
)

_MODEL = (
    BadObject(
        "a model of text",
        {"template": {"model": "s3://a/b"}},
        "spec.template.model",
        *_is("string", _OBJECT),
    ),
    BadObject(
        "a model without a format",
        {"template": {"model": {"uri": "s3://a/b"}}},
        "spec.template.model.format",
        "Required value: say what the model is, for example {name: sklearn}",
    ),
    BadObject(
        "a model that is nowhere",
        {"template": {"model": {"format": {"name": "sklearn"}}}},
        "spec.template.model.uri",
        "Required value: say where the model is kept, for example s3://bucket/path",
    ),
    BadObject(
        "a uri that is a number", model(uri=3), "spec.template.model.uri", *_is("integer", _STRING)
    ),
    BadObject("an empty uri", model(uri=""), "spec.template.model.uri", "at least 1 chars long"),
    BadObject(
        "an endless uri", model(uri="s" * 2049), "spec.template.model.uri", "more than 2048 bytes"
    ),
    BadObject(
        "a format of text",
        model(format="sklearn"),
        "spec.template.model.format",
        *_is("string", _OBJECT),
    ),
    BadObject(
        "a format without a name", model(format={}), "spec.template.model.format.name", "Required"
    ),
    BadObject(
        "a format with an empty name",
        model(format={"name": ""}),
        "spec.template.model.format.name",
        "at least 1 chars long",
    ),
    BadObject(
        "a format's version without quotes",
        model(format={"name": "sklearn", "version": 1}),
        "spec.template.model.format.version",
        *_is("integer", _STRING),
    ),
    BadObject(
        "a version without quotes",
        model(version=2015.1),
        "spec.template.model.version",
        *_is("number", _STRING),
    ),
    BadObject(
        "a version that is a text",
        model(version="v" * 129),
        "spec.template.model.version",
        "more than 128 bytes",
    ),
    BadObject(
        "a runtime that no object can be",
        model(runtime="My_Runtime"),
        "spec.template.model.runtime",
        "write the name of an object: lower-case letters, digits, dots and hyphens",
    ),
    BadObject(
        "a runtime too long to exist",
        model(runtime="r" * 254),
        "spec.template.model.runtime",
        "more than 253 bytes",
    ),
    BadObject(
        "a digest that is cut off",
        model(digest="sha256:abc"),
        "spec.template.model.digest",
        _SHA,
    ),
    BadObject(
        "a digest of another kind",
        model(digest="md5:" + "0" * 32),
        "spec.template.model.digest",
        _SHA,
    ),
    BadObject(
        "training data without a name",
        model(trainingData=[{"uri": "s3://a/b"}]),
        "spec.template.model.trainingData",
        "[0].name: Required value",
        'omits all key fields ["name"]',
    ),
    BadObject(
        "training data given twice",
        model(trainingData=[{"name": "acs"}, {"name": "acs"}]),
        "spec.template.model.trainingData",
        'Duplicate value: {"name":"acs"}',
        'duplicate entries for key [name="acs"]',
    ),
    BadObject(
        "too much training data",
        model(trainingData=[{"name": f"acs-{year}"} for year in range(17)]),
        "spec.template.model.trainingData",
        "must have at most 16 items",
    ),
    BadObject(
        "training data with a bad digest",
        model(trainingData=[{"name": "acs", "digest": "abc"}]),
        "spec.template.model.trainingData[0].digest",
        _SHA,
    ),
    BadObject(
        "a source of text",
        model(source="https://example.com"),
        "spec.template.model.source",
        *_is("string", _OBJECT),
    ),
    BadObject(
        "a commit that is a number",
        model(source={"commit": 1234567}),
        "spec.template.model.source.commit",
        *_is("integer", _STRING),
    ),
    BadObject(
        "a baseline of text",
        template(baseline="employment-2015-baseline"),
        "spec.template.baseline",
        *_is("string", _OBJECT),
    ),
    BadObject(
        "a baseline that is nowhere",
        template(baseline={}),
        "spec.template.baseline.configMapRef",
        "Required value",
    ),
    BadObject(
        "a baseline without a name",
        template(baseline={"configMapRef": {"key": "baseline.json"}}),
        "spec.template.baseline.configMapRef.name",
        "Required value",
    ),
    BadObject(
        "a baseline with an empty name",
        template(baseline={"configMapRef": {"name": ""}}),
        "spec.template.baseline.configMapRef.name",
        "write the name of an object: lower-case letters, digits, dots and hyphens",
    ),
    BadObject(
        "a baseline that no object can be",
        template(baseline={"configMapRef": {"name": "../secret"}}),
        "spec.template.baseline.configMapRef.name",
        "write the name of an object: lower-case letters, digits, dots and hyphens",
    ),
    BadObject(
        "a baseline of another namespace",
        template(baseline={"configMapRef": {"name": "b", "namespace": "other"}}),
        "spec.template.baseline.configMapRef.namespace",
        "unknown field",
        _UNKNOWN,
    ),
    BadObject(
        "a baseline under a path",
        template(baseline={"configMapRef": {"name": "b", "key": "2015/baseline.json"}}),
        "spec.template.baseline.configMapRef.key",
        "write a key of the ConfigMap: letters, digits, '-', '_' and '.'",
    ),
    BadObject(
        "payloads that are true",
        template(monitoring={"payloads": True}),
        "spec.template.monitoring.payloads",
        *_is("boolean", _STRING),
    ),
    BadObject(
        "payloads that are on",
        template(monitoring={"payloads": "On"}),
        "spec.template.monitoring.payloads",
        'supported values: "Enabled", "Disabled"',
    ),
    BadObject(
        "a restart that is a number",
        template(restartedAt=1),
        "spec.template.restartedAt",
        *_is("integer", _STRING),
    ),
    BadObject(
        "a restart that is a story",
        template(restartedAt="r" * 65),
        "spec.template.restartedAt",
        "more than 64 bytes",
    ),
)

_SETS = {
    "minReplicas": (1, "write spec.scaling.minReplicas instead"),
    "maxReplicas": (2, "write spec.scaling.maxReplicas instead"),
    "scaleTarget": (80, "write spec.scaling.target instead"),
    "scaleMetric": ("cpu", "write spec.scaling.metric instead"),
    "scaleMetricType": ("Utilization", "write spec.scaling.metric and spec.scaling.target"),
    "autoScaling": ({}, "write spec.scaling instead"),
    "canaryTrafficPercent": (5, "remove it: all traffic moves at once"),
    "logger": ({"mode": "all"}, "write spec.template.monitoring.payloads: Enabled instead"),
}
_SETS_IN_MODEL = {
    "storageUri": ("s3://a/b", "write spec.template.model.uri instead"),
    "storage": ({}, "write spec.template.model.uri instead"),
    "modelFormat": ({"name": "sklearn"}, "write spec.template.model.format instead"),
    "runtime": ("kserve-sklearnserver", "write spec.template.model.runtime instead"),
    "name": ("x", "the model is served under the name of the ModelDeployment"),
}

_COMPONENTS = (
    *(
        BadObject(
            f"{component} with {field}",
            build(**{field: value}),
            f"spec.template.{component}.{field}",
            says,
        )
        for component, build in (("predictor", predictor), ("transformer", transformer))
        for field, (value, says) in _SETS.items()
    ),
    *(
        BadObject(
            f"predictor.model with {field}",
            predictor(model={field: value}),
            f"spec.template.predictor.model.{field}",
            says,
        )
        for field, (value, says) in _SETS_IN_MODEL.items()
    ),
    BadObject(
        "several nodes",
        predictor(workerSpec={}),
        "spec.template.predictor.workerSpec",
        "several nodes are not supported, because KServe replaces all pods",
    ),
    BadObject(
        "KServe's old way to name a format",
        predictor(sklearn={"storageUri": "s3://a/b"}),
        "spec.template.predictor.sklearn",
        "write spec.template.model.format: {name: sklearn} and spec.template.model.uri instead",
    ),
    BadObject(
        "half a replica of KServe's",
        predictor(minReplicas=0.5),
        "spec.template.predictor.minReplicas",
        "must be of type int64",
    ),
    BadObject(
        "a label of ours",
        predictor(labels={"holdfast.dev/revision": "x"}),
        "spec.template.predictor.labels",
        "keys that start with holdfast.dev/ are reserved: remove them",
    ),
    BadObject(
        "a label that is a number",
        predictor(labels={"stage": 1}),
        "spec.template.predictor.labels.stage",
        *_is("integer", _STRING),
    ),
    BadObject(
        "an annotation that switches KServe",
        transformer(annotations={"serving.kserve.io/stop": "true"}),
        "spec.template.transformer.annotations",
        "keys that start with serving.kserve.io/ are reserved",
    ),
    BadObject(
        "both ways to serve",
        predictor(containers=CONTAINERS, model={"args": ["--workers=2"]}),
        "spec.template.predictor",
        "give either containers (a predictor of your own) or model",
    ),
    BadObject(
        "a runtime that nothing uses",
        {
            "template": {
                "model": {**MODEL, "runtime": "x"},
                "predictor": {"containers": CONTAINERS},
            }
        },
        "spec.template.model.runtime",
        "it has no meaning beside predictor.containers: remove one of them",
    ),
    BadObject(
        "no container in the list",
        predictor(containers=[]),
        "spec.template.predictor.containers",
        "should have at least 1 items",
    ),
    BadObject(
        "a container without a name",
        predictor(containers=[{"image": "x"}]),
        "spec.template.predictor.containers",
        "[0].name: Required value",
        'omits all key fields ["name"]',
    ),
    BadObject(
        "a container given twice",
        predictor(containers=[*CONTAINERS, *CONTAINERS]),
        "spec.template.predictor.containers",
        'Duplicate value: {"name":"kserve-container"}',
        'duplicate entries for key [name="kserve-container"]',
    ),
    BadObject(
        "too many containers",
        predictor(containers=[{**_SIDECAR, "name": f"c{number}"} for number in range(17)]),
        "spec.template.predictor.containers",
        "must have at most 16 items",
    ),
    BadObject(
        "containers that are text",
        predictor(containers=["model:1"]),
        "spec.template.predictor.containers",
        'must be of type object: "string"',
        "may not have non-map elements",
    ),
    BadObject(
        "a predictor of text",
        template(predictor="sklearn"),
        "spec.template.predictor",
        *_is("string", _OBJECT),
    ),
    BadObject(
        "a transformer without containers",
        template(transformer={"nodeSelector": {"disk": "fast"}}),
        "spec.template.transformer.containers",
        "Required value",
    ),
)

_REST = (
    BadObject("revision zero", _pin(0), "spec.revision", _PIN),
    BadObject("a revision below zero", _pin(-1), "spec.revision", _PIN),
    BadObject("an empty revision", _pin(""), "spec.revision", _PIN),
    BadObject("a revision in capitals", _pin("UPPER"), "spec.revision", _PIN),
    BadObject("the latest revision", _pin("latest!"), "spec.revision", _PIN),
    BadObject("a revision's name too long to be one", _pin("a" * 64), "spec.revision", _PIN),
    BadObject("a number in quotes", _pin("3"), "spec.revision", "write the number without quotes"),
    BadObject("one and a half revisions", _pin(1.5), "spec.revision", "of type integer,string"),
    BadObject("a revision that is true", _pin(True), "spec.revision", "of type integer,string"),
    BadObject("a list of revisions", _pin([3]), "spec.revision", "of type integer,string"),
    BadObject(
        "bounds that cross",
        scaling(minReplicas=3, maxReplicas=2),
        "spec.scaling.maxReplicas",
        "write at least as many as minReplicas",
    ),
    BadObject(
        "no replica",
        scaling(minReplicas=0),
        "spec.scaling.minReplicas",
        "should be greater than or equal to 1",
    ),
    BadObject(
        "more replicas than any cluster has",
        scaling(minReplicas=1, maxReplicas=10_001),
        "spec.scaling.maxReplicas",
        "should be less than or equal to 10000",
    ),
    BadObject(
        "one and a half replicas",
        scaling(minReplicas=1.5),
        "spec.scaling.minReplicas",
        "must be of type int64",
    ),
    BadObject(
        "replicas in quotes",
        scaling(minReplicas="2"),
        "spec.scaling.minReplicas",
        *_is("string", _INTEGER),
    ),
    BadObject(
        "a metric that KServe's autoscaler does not have",
        scaling(metric="rps"),
        "spec.scaling.metric",
        'supported values: "cpu", "memory"',
    ),
    BadObject(
        "a target of nothing",
        scaling(target=0),
        "spec.scaling.target",
        "should be greater than or equal to 1",
    ),
    BadObject(
        "a target above all there is",
        scaling(target=101),
        "spec.scaling.target",
        "should be less than or equal to 100",
    ),
    BadObject(
        "a target with a unit",
        scaling(target="80%"),
        "spec.scaling.target",
        *_is("string", _INTEGER),
    ),
    BadObject(
        "a promotion in small letters",
        rollout(promotion="manual"),
        "spec.rollout.promotion",
        'supported values: "Automatic", "Manual"',
    ),
    BadObject(
        "a strategy of another tool",
        rollout(strategy="Canary"),
        "spec.rollout.strategy",
        'supported values: "BlueGreen", "Recreate"',
    ),
    BadObject(
        "a readiness that is off",
        rollout(readiness="None"),
        "spec.rollout.readiness",
        'supported values: "Model", "Pods"',
    ),
    BadObject("a capacity of nothing", rollout(capacity="0%"), "spec.rollout.capacity", _SHARE),
    BadObject("more than all", rollout(capacity="101%"), "spec.rollout.capacity", _SHARE),
    BadObject("a capacity of what", rollout(capacity="50"), "spec.rollout.capacity", _SHARE),
    BadObject("an empty capacity", rollout(capacity=""), "spec.rollout.capacity", _SHARE),
    BadObject(
        "a capacity that is a number",
        rollout(capacity=50),
        "spec.rollout.capacity",
        *_is("integer", _STRING),
    ),
    BadObject(
        "a deadline in minutes",
        rollout(progressDeadlineSeconds="10m"),
        "spec.rollout.progressDeadlineSeconds",
        *_is("string", _INTEGER),
    ),
    *(
        BadObject(
            f"{field} of {value}",
            rollout(**{field: value}),
            f"spec.rollout.{field}",
            f"should be {bound}",
        )
        for field, value, bound in (
            ("progressDeadlineSeconds", 0, "greater than or equal to 1"),
            ("progressDeadlineSeconds", 86_401, "less than or equal to 86400"),
            ("warmRevisions", -1, "greater than or equal to 0"),
            ("warmRevisions", 11, "less than or equal to 10"),
            ("warmSeconds", -1, "greater than or equal to 0"),
            ("warmSeconds", 31_536_001, "less than or equal to 31536000"),
            ("probationSeconds", -1, "greater than or equal to 0"),
            ("probationSeconds", 86_401, "less than or equal to 86400"),
            ("drainSeconds", -1, "greater than or equal to 0"),
            ("drainSeconds", 86_401, "less than or equal to 86400"),
            ("failedSeconds", -1, "greater than or equal to 0"),
            ("failedSeconds", 31_536_001, "less than or equal to 31536000"),
        )
    ),
    BadObject(
        "no history",
        {**template(), "revisionHistoryLimit": 0},
        "spec.revisionHistoryLimit",
        "should be greater than or equal to 1",
    ),
    BadObject(
        "an endless history",
        {**template(), "revisionHistoryLimit": 51},
        "spec.revisionHistoryLimit",
        "should be less than or equal to 50",
    ),
)

_GATEWAY: Final = {"parentRefs": [{"name": "public"}]}
_HOSTS: Final = {"hosts": ["models.example.com"]}
_HOST = "write a host name in lower case, for example models.example.com"

_NETWORK = (
    BadObject("no way in", network(), "spec.network", "give either httpRoute or ingress"),
    BadObject(
        "two ways in",
        network(httpRoute=_GATEWAY, ingress=_HOSTS),
        "spec.network",
        "give either httpRoute or ingress",
    ),
    BadObject(
        "a route without a Gateway",
        network(httpRoute={"hostnames": ["models.example.com"]}),
        "spec.network.httpRoute.parentRefs",
        "Required value",
    ),
    BadObject(
        "a Gateway without a name",
        network(httpRoute={"parentRefs": [{"namespace": "infra"}]}),
        "spec.network.httpRoute.parentRefs[0].name",
        "Required value",
    ),
    BadObject(
        "a Gateway that no object can be",
        network(httpRoute={"parentRefs": [{"name": "Public_Gateway"}]}),
        "spec.network.httpRoute.parentRefs[0].name",
        "write the name of an object",
    ),
    BadObject(
        "a URL for a host name",
        network(httpRoute={**_GATEWAY, "hostnames": ["https://models.example.com"]}),
        "spec.network.httpRoute.hostnames[0]",
        _HOST,
    ),
    BadObject(
        "a path that is none",
        network(httpRoute={**_GATEWAY, "pathPrefix": "employment/"}),
        "spec.network.httpRoute.pathPrefix",
        "write a path that starts with / and does not end with it",
    ),
    BadObject(
        "no time for an answer",
        network(httpRoute={**_GATEWAY, "requestTimeoutSeconds": 0}),
        "spec.network.httpRoute.requestTimeoutSeconds",
        "should be greater than or equal to 1",
    ),
    BadObject(
        "an Ingress without a host",
        network(ingress={}),
        "spec.network.ingress.hosts",
        "Required value",
    ),
    BadObject(
        "a host in capitals",
        network(ingress={"hosts": ["Models.example.com"]}),
        "spec.network.ingress.hosts[0]",
        _HOST,
    ),
    BadObject(
        "a host given twice",
        network(ingress={"hosts": ["models.example.com", "models.example.com"]}),
        "spec.network.ingress.hosts",
        "Duplicate value",
        "duplicate entries",
    ),
    BadObject(
        "an annotation of ours",
        network(ingress={**_HOSTS, "annotations": {"holdfast.dev/rendered": "x"}}),
        "spec.network.ingress.annotations",
        "keys that start with holdfast.dev/ are reserved: remove them",
    ),
    BadObject(
        "an annotation's key that is a text",
        network(ingress={**_HOSTS, "annotations": {"k" * 318: "x"}}),
        "spec.network.ingress.annotations",
        "write keys of at most 317 characters",
    ),
)

_DECIMAL_SHARE = 'write a share from "0" to "1", in quotes, for example "0.05"'
_EFFECT = 'write a number that is not below 0, in quotes, for example "0.01"'
_BUDGET = 'write a number above 0, in quotes, for example "1"'

_DRIFT = (
    BadObject(
        "drift that is true",
        {**template(), "drift": True},
        "spec.drift",
        *_is("boolean", _OBJECT),
    ),
    BadObject(
        "drift that is on",
        drift(mode="On"),
        "spec.drift.mode",
        'supported values: "Enabled", "Disabled"',
    ),
    BadObject(
        "another engine",
        drift(engine="Evidently"),
        "spec.drift.engine",
        'supported values: "Native", "Alibi"',
    ),
    BadObject(
        "an action on drift",
        drift(action={"onDrift": "Rollback"}),
        "spec.drift.action",
        "unknown field",
        _UNKNOWN,
    ),
    BadObject(
        "windows between which nobody looks",
        drift(windowsSeconds=[600, 86400]),
        "spec.drift.windowsSeconds",
        "write windows of at least everySeconds",
    ),
    BadObject(
        "a window twice",
        drift(windowsSeconds=[3600, 3600]),
        "spec.drift.windowsSeconds",
        "Duplicate value: 3600",
        "duplicate entries for key [=3600]",
    ),
    BadObject(
        "no window",
        drift(windowsSeconds=[]),
        "spec.drift.windowsSeconds",
        "should have at least 1 items",
    ),
    BadObject(
        "too many windows",
        drift(windowsSeconds=[3600 * number for number in range(1, 8)]),
        "spec.drift.windowsSeconds",
        "must have at most 6 items",
    ),
    BadObject(
        "a window in hours",
        drift(windowsSeconds=["24h"]),
        "spec.drift.windowsSeconds",
        *_is("string", _INTEGER),
    ),
    BadObject(
        "a check in every second",
        drift(everySeconds=1),
        "spec.drift.everySeconds",
        "should be greater than or equal to 5",
    ),
    BadObject(
        "a burn-in of years",
        drift(burnInSeconds=94_608_000),
        "spec.drift.burnInSeconds",
        "should be less than or equal to 7776000",
    ),
    BadObject(
        "no check in a row",
        drift(confirmChecks=0),
        "spec.drift.confirmChecks",
        "should be greater than or equal to 1",
    ),
    BadObject(
        "no samples",
        drift(minSamples=0),
        "spec.drift.minSamples",
        "should be greater than or equal to 1",
    ),
    BadObject(
        "a budget of nothing",
        drift(falseAlarmsPerYear="0"),
        "spec.drift.falseAlarmsPerYear",
        _BUDGET,
    ),
    BadObject(
        "a budget without quotes",
        drift(falseAlarmsPerYear=1),
        "spec.drift.falseAlarmsPerYear",
        *_is("integer", _STRING),
    ),
    BadObject("an effect below nothing", drift(minEffect="-1"), "spec.drift.minEffect", _EFFECT),
    BadObject("an exponent", drift(minEffect="1e-2"), "spec.drift.minEffect", _EFFECT),
    BadObject(
        "a coverage in percent", drift(minCoverage="90%"), "spec.drift.minCoverage", _DECIMAL_SHARE
    ),
    BadObject(
        "more than all may be unseen",
        drift(quality={"maxUnseenShare": "1.5"}),
        "spec.drift.quality.maxUnseenShare",
        _DECIMAL_SHARE,
    ),
    BadObject(
        "an override of nothing",
        drift(features={"overrides": [{"name": "AGEP"}]}),
        "spec.drift.features.overrides",
        "Required value",
    ),
    BadObject(
        "an override twice",
        drift(features={"overrides": [{"name": "AGEP", "minEffect": "1"}] * 2}),
        "spec.drift.features.overrides",
        'Duplicate value: {"name":"AGEP"}',
        'duplicate entries for key [name="AGEP"]',
    ),
    BadObject(
        "an override of what is excluded",
        drift(features={"exclude": ["AGEP"], "overrides": [{"name": "AGEP", "minEffect": "1"}]}),
        "spec.drift.features.overrides",
        "a feature that is excluded needs no override: remove one of them",
    ),
    BadObject(
        "a feature excluded twice",
        drift(features={"exclude": ["AGEP", "AGEP"]}),
        "spec.drift.features.exclude",
        'Duplicate value: "AGEP"',
        'duplicate entries for key [="AGEP"]',
    ),
    BadObject(
        "names beyond all bounds",
        drift(features={"exclude": [f"{number:0128}" for number in range(33)]}),
        "spec.drift.features.exclude",
        "write names of at most 4096 characters altogether",
    ),
    BadObject(
        "more overrides than anybody can want",
        drift(features={"overrides": [{"name": f"f{n}", "minEffect": "1"} for n in range(33)]}),
        "spec.drift.features.overrides",
        "must have at most 32 items",
    ),
)

REFUSED: Final[tuple[BadObject, ...]] = (
    *_SHAPE,
    *_MODEL,
    *_COMPONENTS,
    *_REST,
    *_NETWORK,
    *_DRIFT,
)
