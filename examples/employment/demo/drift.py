"""`make demo-drift`: four years of real people, and whether their traffic drifts.

Exit status 0 only if every step held.
"""

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from devcluster import holdfast
from devcluster.cluster import Cluster
from devcluster.errors import DevclusterError
from examples.employment.data import DataUnavailableError
from examples.employment.demo import monitoring, years
from examples.employment.demo.stage import URL, Stage
from examples.employment.demo.story import StepFailedError, Story
from examples.employment.demo.traffic import Traffic

_IMAGES = Path(__file__).parent.parent / "images.yaml"
_REPORT = Path(__file__).parents[3] / ".build" / "drift-report.html"
_ROWS_PER_SECOND = 1000
_LOG_LINES = 15


def main() -> int:
    """Tell the story."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.employment.demo.drift", description=__doc__
    )
    parser.add_argument("--report", type=Path, default=_REPORT, help="where the page goes")
    options = parser.parse_args()
    options.report.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _tell(options.report.absolute())
    except (DevclusterError, DataUnavailableError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _tell(report: Path) -> int:
    story = Story()
    story.scene("A cluster with KServe and Prometheus, and Holdfast with its collector")
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
            stage = Stage(cluster.access, Path(folder) / "models")
            stage.create_claim()
            monitoring.run_collector(story, cluster.access, operator.url(""))
            try:
                _play(story, stage, report)
            except StepFailedError:
                story.tell("The operator's last words:")
                story.output("\n".join(operator.log.read_text().splitlines()[-_LOG_LINES:]))
            held = story.summarise()
    return 0 if held else 1


def _play(story: Story, stage: Stage, report: Path) -> None:
    holdout = years.deploy(story, stage)
    with Traffic(URL, stage.proxy, _ROWS_PER_SECOND) as traffic:
        years.begin(story, stage, traffic, holdout)
        years.go_on(story, stage, traffic)
        years.sort(story, stage, traffic)
        years.report(story, stage, report)
    story.step("requests failed", not traffic.problems, f"{len(traffic.problems)}")


if __name__ == "__main__":
    sys.exit(main())
