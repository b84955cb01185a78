"""`make demo`: the whole story, with timings; exit status 0 only if every step held."""

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from devcluster import holdfast
from devcluster.access import Access
from devcluster.cluster import Cluster
from devcluster.errors import DevclusterError
from examples.employment import train
from examples.employment.data import DataUnavailableError
from examples.employment.demo import monitoring, scenes
from examples.employment.demo.clients import Clients
from examples.employment.demo.stage import NAME, NAMESPACE, URL, Stage
from examples.employment.demo.story import StepFailedError, Story

_IMAGES = Path(__file__).parent.parent / "images.yaml"
_ROWS = 2000
_LOG_LINES = 15


def main() -> int:
    """Tell the story."""
    parser = argparse.ArgumentParser(prog="python -m examples.employment.demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave it running until Ctrl-C")
    options = parser.parse_args()
    try:
        return _tell(keep=options.keep)
    except (DevclusterError, DataUnavailableError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _tell(*, keep: bool) -> int:
    story = Story()
    story.scene("A cluster: etcd, the Kubernetes control plane and KServe, as processes")
    with (
        tempfile.TemporaryDirectory(prefix="holdfast-demo-") as folder,
        Cluster.start(
            images=[_IMAGES],
            prometheus=True,
            directory=Path(folder) / "cluster",
            say=story.tell,
        ) as cluster,
    ):
        holdfast.install(cluster.access)
        settings = {"HOLDFAST_PROMETHEUS_URL": cluster.prometheus_url or ""}
        with holdfast.Operator(cluster.access, settings=settings) as operator:
            story.step("Holdfast runs", True, "as its own ServiceAccount")
            stage = Stage(cluster.access, Path(folder) / "models")
            stage.create_claim()
            try:
                _play(story, stage, cluster.access, operator.url(""))
            except StepFailedError:
                story.tell("The operator's last words:")
                story.output("\n".join(operator.log.read_text().splitlines()[-_LOG_LINES:]))
            held = story.summarise()
            if keep:
                _keep(cluster.access)
    return 0 if held else 1


def _play(story: Story, stage: Stage, access: Access, operator_url: str) -> None:
    training_data = scenes.train_models(story, stage)
    _, holdout = train.split_sample()
    scenes.deploy_first(story, stage)
    with Clients(URL, stage.proxy, holdout.rows[:_ROWS].tolist()) as clients:
        scenes.answer(story, clients)
        scenes.update(story, stage, clients)
        scenes.roll_back(story, stage, clients)
        scenes.roll_forward(story, stage, clients)
        scenes.break_things(story, stage, clients)
        scenes.return_to_good(story, stage)
        scenes.look_around(story, stage)
        monitoring.run_collector(story, access, operator_url)
        revision = monitoring.monitor(story, stage, training_data)
        monitoring.wait_for_traffic(stage, clients, revision)
        monitoring.judge(story, stage)
    baseline = training_data.with_name("baseline.json")
    monitoring.look(story, stage, clients, revision, baseline)


def _keep(access: Access) -> None:
    print(f"""
It is running. In another terminal:
  export KUBECONFIG={access.kubeconfig}
  export PATH={access.binary("kubectl").parent}:$PATH
  kubectl -n {NAMESPACE} get mdep,isvc,pods
  curl -x {access.proxy_url} {URL.removesuffix(":predict")}
  holdfast top {NAME} -n {NAMESPACE} --prometheus {access.prometheus_url}
  tail -f {access.logs}/operator.log
Ctrl-C here ends all of it.""")
    try:
        signal.pause()
    except KeyboardInterrupt:
        print()


if __name__ == "__main__":
    sys.exit(main())
