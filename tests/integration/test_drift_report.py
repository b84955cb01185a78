"""`holdfast drift` out of the real Prometheus, by somebody who may only look."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from devcluster.cluster import Cluster
from devcluster.collector import NAME, deploy_collector
from devcluster.holdfast import NAMESPACE, Operator
from holdfast.cli.exits import Exit
from tests.integration.harness import JsonObject, Place
from tests.integration.users import Done, User, add_user
from tests.integration.watching import FEATURE, QUICK, Traffic, put_baseline


@pytest.fixture
def collector(cluster: Cluster, operator: Operator) -> Iterator[None]:
    """One, scraped."""
    settings = {"POLL_SECONDS": "1", "DRAIN_SECONDS": "0", "SCRAPE_SECONDS": "0"}
    deploy_collector(cluster.access, operator.url(""), settings=settings)
    yield
    cluster.access.kubectl.run("delete", f"deployment/{NAME}", "-n", NAMESPACE, "--wait=false")


class Looker:
    """Runs `holdfast drift` as a user."""

    def __init__(self, user: User, prometheus: str) -> None:
        self._user = user
        self._prometheus = prometheus

    def run(self, *words: str) -> Done:
        return self._user.run("drift", *words, HOLDFAST_PROMETHEUS_URL=self._prometheus)

    def check(self) -> tuple[int, JsonObject]:
        """The exit status, and what is said."""
        done = self.run("check", "m", "-o", "json")
        said: JsonObject = json.loads(done.stdout) if done.stdout else {}
        return done.returncode, said


@pytest.mark.usefixtures("collector")
def test_what_drifts_is_checked_and_reported(
    cluster: Cluster, place: Place, tmp_path: Path
) -> None:
    user = add_user(place, cluster, "viewer", role="view")
    prometheus = cluster.prometheus_url or ""
    looker = Looker(user, prometheus)
    place.deploy(place.add_model("one"), template=put_baseline(place), drift=QUICK)
    place.wait_promoted(1)
    page, picture = tmp_path / "report.html", tmp_path / "report.png"

    young = looker.run("check", "m")
    assert young.returncode == Exit.PROGRESSING, young.stdout + young.stderr
    assert "Not known yet" in young.stdout

    with Traffic(place, cluster.access.proxy_url or "") as traffic:
        place.wait(lambda: looker.check()[0] == Exit.OK, "2 checks find no drift")
        traffic.lowest = 50.0
        place.wait(lambda: looker.check()[0] == Exit.DRIFT, "2 checks find drift")
        _, said = looker.check()
        assert said["drifting"] == [FEATURE]
        written = looker.run("report", "m", "-o", str(page), "--png", str(picture))
    assert traffic.failures == []
    assert written.returncode == Exit.OK, written.stderr
    text = page.read_text()
    assert f"{FEATURE} drifts away from the training data" in text
    assert place.revision(1) in text
    assert said["baseline"] in text
    assert picture.read_bytes().startswith(b"\x89PNG")

    # The same request has the same answer, whenever it is made.
    first, second = (looker.run("check", "m", "--at", said["time"]) for _ in range(2))
    assert first == second
    assert first.returncode == Exit.DRIFT

    nowhere = user.run("drift", "check", "m", "--prometheus", "http://u:hunter2@127.0.0.1:9")
    assert nowhere.returncode == Exit.NO_ACCESS
    lost = user.run("drift", "report", "m", "-o", str(page), "--prometheus", "http://127.0.0.1:9")
    assert lost.returncode == Exit.NO_ACCESS
    assert "Prometheus" in lost.stderr
    assert "hunter2" not in nowhere.stdout + nowhere.stderr


def test_nothing_to_compare_is_said(place: Place, cluster: Cluster, tmp_path: Path) -> None:
    user = add_user(place, cluster, "viewer", role="view")
    place.deploy(place.add_model("one"))
    place.wait_promoted(1)
    words = ("--prometheus", "http://127.0.0.1:9", "-o", str(tmp_path / "report.html"))
    done = user.run("drift", "report", "m", *words)
    assert done.returncode == Exit.STALLED
    assert "has no baseline" in done.stderr
    assert not (tmp_path / "report.html").exists()
