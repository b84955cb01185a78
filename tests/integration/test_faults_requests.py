"""Each kind of fault between operator and API server, once in a rollout: it ends the same."""

import itertools
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import requests

from devcluster import holdfast
from devcluster.cluster import Cluster
from devcluster.holdfast import Operator
from devcluster.rest import Api
from tests.crash.scenarios import template
from tests.faults.lag import LaggingLink
from tests.faults.proxy import FaultProxy
from tests.faults.rules import Cut, Delay, Duplicate, Fault, LoseAnswer, Refuse, Rule, Where
from tests.faults.writes import count_births_and_deaths
from tests.integration.faults import count, is_drained, selected, wait_settled
from tests.integration.harness import JsonObject, Place, create_place

CHILDREN = ("inferenceservices", "deployments", "pods", "services", "endpointslices")
LAG_SECONDS = 0.5
AWAY_SECONDS = float(os.environ.get("HOLDFAST_TEST_AWAY_SECONDS", "20"))
ROLE = "apis/rbac.authorization.k8s.io/v1/clusterroles/holdfast"


@dataclass
class Way:
    """A namespace, its operator, and the way from there to the API server."""

    place: Place
    proxy: FaultProxy
    operator: Operator
    revision: int = 1

    def update(self) -> int:
        """Ask for another revision; its number."""
        self.revision += 1
        self.place.edit({"template": template(f"v{self.revision}", "Container")})
        return self.revision

    def check_rollout(self, number: int) -> None:
        """The rollout has ended as one without a fault: each object is made and taken away once."""
        place = self.place
        place.wait_promoted(number)
        cold = dict.fromkeys(range(1, number - 1), "Cold")
        place.wait(
            lambda: place.phases() == {**cold, number - 1: "Warm", number: "Active"},
            "all revisions are where they belong",
        )
        new, old, oldest = (place.revision(n) for n in (number, number - 1, number - 2))
        expected = {
            f"Create controllerrevisions {new}": 1,
            f"Create inferenceservices {new}": 1,
            f"Delete inferenceservices {oldest}": 1,
            f"Delete pods {old}-predictor-*": 1,
        }
        journal = self.proxy.journal
        place.wait(
            lambda: count_births_and_deaths(journal.writes).keys() >= expected.keys(),
            f"all of it has come and gone: {sorted(expected)}",
        )
        wait_settled(place, self.operator)
        assert count_births_and_deaths(journal.writes) == expected
        assert selected(place) == new
        # Each watch comes back in its own time: that of the endpoints may be the last.
        place.wait_condition("Ready", "True")


@pytest.fixture(scope="module")
def module_way(
    session_cluster: Cluster,
    session_operator: Operator,
    api: Api,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Way]:
    """Two revisions, of which one is active; no other operator is there."""
    access, folder = session_cluster.access, tmp_path_factory.mktemp("requests")
    rights = access.kubeconfig_for(holdfast.NAMESPACE, holdfast.SERVICE_ACCOUNT)
    session_operator.stop()
    with (
        create_place(api, access, "requests", folder / "models") as place,
        FaultProxy(access) as proxy,
        Operator(
            access,
            settings={"HOLDFAST_NAMESPACES": place.namespace},
            kubeconfig=proxy.write_kubeconfig(rights, folder / "kubeconfig"),
            log=folder / "operator.log",
        ) as operator,
    ):
        rollout = {"readiness": "Pods", "drainSeconds": 0, "probationSeconds": 0}
        first = template("v1", "Container")
        place.create("m", {"template": first, "rollout": rollout, "revisionHistoryLimit": 50})
        place.wait_promoted(1)
        way = Way(place, proxy, operator)
        place.wait_promoted(way.update())
        place.wait(lambda: is_drained(place, 1), "revision 1 is drained")
        yield way
    session_operator.ensure_started()


@pytest.fixture
def way(cluster: Cluster, module_way: Way) -> Iterator[Way]:
    """The way, without a fault at the start and at the end."""
    proxy = module_way.proxy
    wait_settled(module_way.place, module_way.operator)
    proxy.journal.begin()
    yield module_way
    proxy.clear()
    proxy.choose_server = lambda asked: 0
    proxy.resume_watches()
    proxy.bring_up()
    module_way.operator.ensure_started()


FAULTS: dict[str, tuple[Where, Fault]] = {
    "the record's birth does not arrive": (Where("apply", "controllerrevisions"), Cut()),
    "the record's birth is not answered": (Where("apply", "controllerrevisions"), LoseAnswer()),
    "the birth of what serves comes twice": (Where("apply", "inferenceservices"), Duplicate()),
    "the birth of what serves is refused": (
        Where("apply", "inferenceservices"),
        Refuse(504, "Before"),
    ),
    "the birth of what serves seems refused": (
        Where("apply", "inferenceservices"),
        Refuse(500, "After"),
    ),
    "the birth of what serves is too much": (
        Where("apply", "inferenceservices"),
        Refuse(429, "Before", retry_after=1),
    ),
    "the flip comes late": (Where("apply", "services"), Delay(1.0)),
    "the flip comes twice": (Where("apply", "services"), Duplicate()),
    "the flip is not answered": (Where("apply", "services"), LoseAnswer()),
    "the flip seems to be on an old view": (Where("apply", "services"), Refuse(409, "After")),
    "the status comes twice": (Where("update", "modeldeployments/status"), Duplicate()),
    "the status is refused": (Where("update", "modeldeployments/status"), Refuse(500)),
    "the deletion of what serves comes twice": (Where("delete", "inferenceservices"), Duplicate()),
    "the deletion of a pod is not answered": (Where("delete", "pods"), LoseAnswer()),
    "reading is too much": (Where("get", "*"), Refuse(429, retry_after=1)),
    "listing fails": (Where("list", "*"), Refuse(500)),
}


@pytest.mark.parametrize("fault", FAULTS, ids=[name.replace(" ", "-") for name in FAULTS])
def test_fault_in_a_rollout_changes_nothing_of_its_end(way: Way, fault: str) -> None:
    where, what = FAULTS[fault]
    rule = way.proxy.add(Rule(where.matches, what))
    way.check_rollout(way.update())
    assert rule.fired == 1


def test_any_request_that_fails_now_and_then_is_made_again(way: Way) -> None:
    faults: list[Fault] = [Cut(), LoseAnswer(), Refuse(500), Refuse(409), Refuse(504, "After")]
    rules = [
        way.proxy.add(Rule(lambda asked: asked.verb != "watch", fault, nth=3 * turn))
        for turn, fault in enumerate(faults * 2, 1)
    ]
    way.check_rollout(way.update())
    assert [rule.fired for rule in rules] == [1] * len(rules)


def stall_until_kserve_is_done(way: Way) -> int:
    """Update while the watches of what KServe makes are silent, until that is ready."""
    for resource in CHILDREN:
        way.proxy.stall_watches(resource)
    before = selected(way.place)
    number = way.update()
    way.place.wait(lambda: is_served_by_kserve(way.place, number), "KServe calls it ready")
    assert selected(way.place) == before, "what is not seen does not count"
    return number


def is_served_by_kserve(place: Place, number: int) -> bool:
    found = (
        place.get("inferenceservices", place.revision(number)) if number in place.phases() else None
    )
    return found is not None and is_ready(found)


def is_ready(obj: JsonObject) -> bool:
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return any((c["type"], c["status"]) == ("Ready", "True") for c in conditions)


WAKE: dict[str, Callable[[FaultProxy, str], None]] = {
    "go-on": FaultProxy.resume_watches,
    "expire": FaultProxy.expire_watches,
    "end": FaultProxy.end_watches,
}


@pytest.mark.parametrize("end", WAKE)
def test_silent_watches_hold_a_rollout_up_and_no_longer(way: Way, end: str) -> None:
    restarts = count(way.operator, "holdfast_watch_restarts_total")
    number = stall_until_kserve_is_done(way)
    for resource in CHILDREN:
        WAKE[end](way.proxy, resource)
    way.check_rollout(number)
    restarted = count(way.operator, "holdfast_watch_restarts_total") - restarts
    assert (restarted >= len(CHILDREN)) == (end != "go-on")


def test_refused_watches_are_opened_again(way: Way) -> None:
    rule = way.proxy.add(Rule(Where("watch").matches, Refuse(429, retry_after=1), times=4))
    way.proxy.end_watches()
    way.place.wait(lambda: rule.fired == 4, "watches are refused")
    way.check_rollout(way.update())


def test_two_api_servers_of_which_one_is_behind(way: Way, cluster: Cluster) -> None:
    with LaggingLink(cluster.etcd_port) as link:
        behind = cluster.add_apiserver("kube-apiserver-behind", link.port)
        try:
            turns = itertools.count()
            index = way.proxy.add_server(behind)
            # Watches are told by the one that is behind; other requests go to either.
            way.proxy.choose_server = lambda asked: (
                index if asked.verb == "watch" or next(turns) % 2 else 0
            )
            link.seconds = LAG_SECONDS
            way.proxy.end_watches()
            way.check_rollout(way.update())
        finally:
            link.seconds = 0.0
            way.proxy.choose_server = lambda asked: 0
            way.proxy.end_watches()
            cluster.kill("kube-apiserver-behind")


def test_api_server_away_for_a_while_is_waited_for(way: Way) -> None:
    place, operator = way.place, way.operator
    started = count(operator, "process_start_time_seconds")
    failed = count(operator, "holdfast_api_requests_total", code="0")
    way.proxy.take_down()
    number = way.update()
    place.wait(
        lambda: count(operator, "holdfast_api_requests_total", code="0") > failed + 10,
        "the operator asks in vain",
    )
    time.sleep(AWAY_SECONDS)  # it is the length of the outage that is tested
    assert requests.get(operator.url("/healthz"), timeout=5).ok, "a restart would not help"
    said = [line for line in operator.log.read_text().splitlines() if "WARNING" in line]
    assert 0 < len(said) < 50, "it says so, and not at each attempt"
    assert selected(place) == place.revision(number - 1)
    way.proxy.bring_up()
    way.check_rollout(number)
    assert count(operator, "process_start_time_seconds") == started


def test_rights_that_are_taken_away_and_given_back(way: Way) -> None:
    place = way.place
    role = place.api.must("GET", ROLE)
    before = selected(place)
    try:
        place.api.must("PUT", ROLE, without_rights(role, "pods"))
        missing = f"grant get, list and watch on pods in namespace {place.namespace}"

        def is_told() -> bool:
            way.proxy.end_watches("pods")  # again: it takes a moment until a right is gone
            return missing in requests.get(way.operator.url("/readyz"), timeout=5).text

        place.wait(is_told, "it says what is missing")
        assert missing in way.operator.log.read_text()
        number = way.update()
        assert missing in place.wait_condition("Promoted", "Unknown", "CannotWatch")["message"]
        assert place.condition("Ready")["status"] == "Unknown"
        assert selected(place) == before
    finally:
        place.api.must("PUT", ROLE, {**place.api.must("GET", ROLE), "rules": role["rules"]})
    way.check_rollout(number)


def test_right_to_write_that_is_taken_away_and_given_back(way: Way) -> None:
    place = way.place
    role = place.api.must("GET", ROLE)
    try:
        place.api.must("PUT", ROLE, without_rights(role, "inferenceservices", "create", "patch"))
        number = way.update()
        told = place.wait_condition("Promoted", "False", "ApiServerError")
        assert "cannot patch resource" in told["message"]
        # Each watch comes back in its own time: that of the endpoints may be the last.
        place.wait_condition("Ready", "True")
    finally:
        place.api.must("PUT", ROLE, {**place.api.must("GET", ROLE), "rules": role["rules"]})
    way.check_rollout(number)


def without_rights(role: JsonObject, plural: str, *verbs: str) -> JsonObject:
    """The role without these verbs on a resource; without any if none is named."""
    rules = []
    for rule in role["rules"]:
        if plural not in rule["resources"]:
            rules.append(rule)
            continue
        left = [verb for verb in rule["verbs"] if verbs and verb not in verbs]
        others = [resource for resource in rule["resources"] if resource != plural]
        if others:
            rules.append({**rule, "resources": others})
        if left:
            rules.append({**rule, "resources": [plural], "verbs": left})
    return {**role, "rules": rules}
