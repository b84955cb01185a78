"""KServe's model server with an orderly goodbye; the example's servers are made of it."""

import argparse
import asyncio
import signal
import warnings
from types import FrameType

import kserve
import uvicorn
from kserve.logging import configure_logging


def make_parser() -> argparse.ArgumentParser:
    """KServe's arguments, and those of this server."""
    parser = argparse.ArgumentParser(parents=[kserve.model_server.parser])
    every_address = "0.0.0.0"  # noqa: S104 a container is reached at its pod's address
    parser.add_argument("--http_host", default=every_address, help="address to listen on")
    parser.add_argument("--drain_seconds", type=float, default=5, help="from SIGTERM to the end")
    return parser


class DrainingServer(uvicorn.Server):
    """Goes on answering for a while after SIGTERM, and asks every client to leave.

    A pod gets SIGTERM while the Services still send it new connections, and clients keep using
    the ones that they have. Closing at once, as uvicorn does, loses the requests that are on
    their way. So for `seconds` nothing is closed under anybody: each answer says
    ``Connection: close``, and the client's next connection goes to another pod. What is closed
    at the end has been idle all that time.
    """

    def __init__(self, config: uvicorn.Config, seconds: float) -> None:
        super().__init__(config)
        self.seconds = seconds

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Start to drain on the first SIGTERM; stop at once on a second, and on SIGINT."""
        close = (b"connection", b"close")
        if sig == signal.SIGINT or close in self.config.encoded_headers:
            super().handle_exit(sig, frame)
            return
        # The first list is what the second is made from again every second.
        self.config.encoded_headers.append(close)
        self.server_state.default_headers.append(close)
        loop = asyncio.get_running_loop()
        stop = super().handle_exit
        # A signal can interrupt the loop anywhere, as a thread could.
        loop.call_soon_threadsafe(loop.call_later, self.seconds, stop, sig, frame)


class ModelServer(kserve.ModelServer):
    """KServe's server, with a server inside that drains, listening where it is told to."""

    def __init__(self, args: argparse.Namespace) -> None:
        """Take what `make_parser` parsed, and log from here on as KServe's servers do."""
        # kserve 0.20 answers through a class that FastAPI has deprecated, and is told each time.
        warnings.filterwarnings("ignore", message="ORJSONResponse is deprecated")
        configure_logging(args.log_config_file)
        super().__init__(enable_grpc=False)
        self.host = args.http_host
        self.drain_seconds = args.drain_seconds

    async def _serve(self) -> None:
        self._rest_server.config.host = self.host
        self._rest_server._server = DrainingServer(self._rest_server.config, self.drain_seconds)
        await super()._serve()
