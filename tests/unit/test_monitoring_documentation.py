"""What docs/monitoring.md says is what Prometheus and the collector know."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from devcluster.binaries import ensure
from devcluster.tools import PROMETHEUS
from holdfast.collector import families

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "monitoring.md").read_text()
KNOWN = {family.name for family in (*families.BY_REVISION, *families.OWN)}


def find_blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def test_every_metric_that_is_named_is_there() -> None:
    named = {re.sub(r"_(bucket|count)$", "", name) for name in re.findall(r"holdfast_\w+", TEXT)}
    assert named - {"holdfast_system"} <= KNOWN


@pytest.mark.parametrize("number", range(6))
def test_queries(number: int, tmp_path: Path) -> None:
    """As recording rules, which promtool can check."""
    (block,) = find_blocks("promql")
    queries = block.split("\n\n")
    assert len(queries) == 6
    rule = {"record": "a:b", "expr": queries[number]}
    check_rules({"groups": [{"name": "queries", "rules": [rule]}]}, tmp_path)


def test_alerts(tmp_path: Path) -> None:
    (rules,) = [block for block in find_blocks("yaml") if block.startswith("groups:")]
    check_rules(yaml.safe_load(rules), tmp_path)


def check_rules(rules: object, tmp_path: Path) -> None:
    promtool = ensure([tool for tool in PROMETHEUS if tool.name == "promtool"])["promtool"]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump(rules))
    done = subprocess.run(
        [promtool, "check", "rules", file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_scrape_configuration_finds_what_the_manifest_makes() -> None:
    (block,) = [block for block in find_blocks("yaml") if block.startswith("scrape_configs:")]
    (job,) = yaml.safe_load(block)["scrape_configs"]
    manifests = list(yaml.safe_load_all((ROOT / "deploy" / "5-collector.yaml").read_text()))
    (deployment,) = [each for each in manifests if each["kind"] == "Deployment"]
    template = deployment["spec"]["template"]
    (container,) = template["spec"]["containers"]
    (keep,) = [rule for rule in job["relabel_configs"] if rule.get("action") == "keep"]
    label, port = keep["regex"].split(";")
    assert template["metadata"]["labels"]["app.kubernetes.io/name"] == label
    assert port in [each["name"] for each in container["ports"]]
    assert job["honor_labels"]


def test_the_pod_lives_longer_than_the_collector_needs_to_end() -> None:
    """And the scrapes of the PodMonitor are closer together than it waits for one."""
    from holdfast.collector.config import Config

    text = (ROOT / "deploy" / "5-collector.yaml").read_text()
    deployment = next(each for each in yaml.safe_load_all(text) if each["kind"] == "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    variables = {entry["name"]: entry["value"] for entry in pod["containers"][0]["env"]}
    config = Config.from_environment(variables)
    assert pod["terminationGracePeriodSeconds"] > config.drain_seconds + config.scrape_seconds + 7
    assert pod["automountServiceAccountToken"] is False
    monitor = yaml.safe_load((ROOT / "deploy" / "monitoring" / "podmonitor.yaml").read_text())
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert endpoint["honorLabels"]
    assert int(endpoint["interval"].removesuffix("s")) < config.scrape_seconds
