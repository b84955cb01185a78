"""Starts the node: `python -m devcluster.node --kubeconfig FILE --dir DIR --proxy-port PORT`."""

import argparse
import asyncio
import logging
import signal
from pathlib import Path

from devcluster.node.api import Api, Cache
from devcluster.node.context import NodeContext, Settings
from devcluster.node.dialer import Dialer
from devcluster.node.images import ImageTable, make_builtin_entries
from devcluster.node.kubelet import Kubelet
from devcluster.node.network import Network
from devcluster.node.process import Supervisor
from devcluster.node.proxy import Session
from devcluster.node.routing import ServiceMap
from devcluster.node.targets import TargetFile, read_pod_monitors


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m devcluster.node", description=__doc__)
    parser.add_argument("--kubeconfig", required=True)
    parser.add_argument("--dir", required=True, type=Path, help="files and logs of pods")
    parser.add_argument("--proxy-port", required=True, type=int)
    parser.add_argument("--agent-binary", type=Path, help="KServe's logger agent")
    parser.add_argument("--images", type=Path, action="append", default=[], metavar="FILE")
    parser.add_argument("--backoff", type=float, default=10.0, metavar="SECONDS",
                        help="first back-off of restarts and image pulls")  # fmt: skip
    parser.add_argument("--max-probe-period", type=float, default=float("inf"), metavar="SECONDS",
                        help="probe at least this often")  # fmt: skip
    parser.add_argument("--pod-monitors", type=Path, action="append", default=[], metavar="FILE",
                        help="PodMonitors, which say what Prometheus scrapes")  # fmt: skip
    parser.add_argument("--targets", type=Path, metavar="FILE",
                        help="where Prometheus finds its targets, a .json file")  # fmt: skip
    return parser.parse_args()


async def run(arguments: argparse.Namespace) -> None:
    """Run the node until it is told to stop."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    (arguments.dir / "pods").mkdir(parents=True, exist_ok=True)
    api = await Api.connect(arguments.kubeconfig)
    context = NodeContext(
        settings=Settings(
            directory=arguments.dir.resolve(),
            proxy_url=f"http://127.0.0.1:{arguments.proxy_port}",
            backoff_seconds=arguments.backoff,
            longest_probe_period_seconds=arguments.max_probe_period,
        ),
        api=api,
        images=ImageTable(make_builtin_entries(arguments.agent_binary), arguments.images),
        network=Network(),
        supervisor=Supervisor(arguments.dir),
    )
    kubelet = Kubelet(context)
    services = ServiceMap()
    caches = [
        kubelet.pods,
        Cache(api, "/api/v1/services", services.apply_service),
        Cache(api, "/apis/discovery.k8s.io/v1/endpointslices", services.apply_slice),
    ]
    if arguments.targets:
        monitors = read_pod_monitors(arguments.pod_monitors)
        target_file = TargetFile(arguments.targets, monitors)
        caches.append(Cache(api, "/api/v1/pods", target_file.apply_pod))
    dialer = Dialer(services, context.network, kubelet.find_pod_name)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await Session(dialer, lambda: all(c.synced.is_set() for c in caches), reader, writer).run()

    await context.supervisor.start()
    try:
        await kubelet.register()
        server = await asyncio.start_server(serve, "127.0.0.1", arguments.proxy_port, backlog=1024)
        work = [kubelet.run(), *(cache.run() for cache in caches[1:]), server.serve_forever()]
        tasks = [asyncio.ensure_future(part) for part in work]
        stopped = asyncio.create_task(stop.wait())
        done, pending = await asyncio.wait({*tasks, stopped}, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        for task in done - {stopped}:
            task.result()
    finally:
        await context.supervisor.stop()
        await api.close()


def main() -> None:
    """Run the node."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    asyncio.run(run(parse_arguments()))


if __name__ == "__main__":
    main()
