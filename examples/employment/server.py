"""Serves one scikit-learn model over KServe's V1 and V2 protocols.

It takes the arguments that KServe's own sklearn runtime gives its server, and like that server
answers classes, or probabilities where the environment says ``PREDICT_PROBA=true``. What it adds
is an orderly goodbye: see `DrainingServer`.
"""

import argparse
import asyncio
import os
import signal
import sys
import warnings
from pathlib import Path
from types import FrameType

import joblib
import kserve
import uvicorn
from kserve.errors import InferenceError
from kserve.logging import configure_logging, logger
from kserve.utils.utils import get_predict_input, get_predict_response
from threadpoolctl import threadpool_limits

MODEL_SUFFIXES = (".joblib", ".pkl", ".pickle")


class SklearnModel(kserve.Model):
    """The one model file in a folder."""

    def __init__(self, name: str, folder: Path) -> None:
        super().__init__(name)
        self.folder = folder
        self.probabilities = os.environ.get("PREDICT_PROBA", "false").lower() == "true"

    def load(self) -> bool:
        """Read the model; whatever is wrong with the file is raised."""
        files = [path for path in self.folder.iterdir() if path.suffix in MODEL_SUFFIXES]
        if len(files) != 1:
            raise FileNotFoundError(f"{len(files)} model files in {self.folder}, expected one")
        model = joblib.load(files[0])
        # OpenMP counts the node's cores, not the pod's share: its threads then wait for each
        # other, and answers of milliseconds take seconds. Set now, as the model brings OpenMP in.
        threadpool_limits(1)
        self.answer = model.predict_proba if self.probabilities else model.predict
        self.ready = True
        return self.ready

    def predict(
        self,
        payload: dict[str, object] | kserve.InferRequest,
        headers: dict[str, str] | None = None,
    ) -> dict[str, object] | kserve.InferResponse:
        """Answer a V1 dict of rows, or a V2 request, in kind."""
        try:
            result = self.answer(get_predict_input(payload))
        except Exception as error:
            raise InferenceError(str(error)) from error
        return get_predict_response(payload, result, self.name)


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

    def __init__(self, host: str, drain_seconds: float) -> None:
        super().__init__(enable_grpc=False)
        self.host = host
        self.drain_seconds = drain_seconds

    async def _serve(self) -> None:
        self._rest_server.config.host = self.host
        self._rest_server._server = DrainingServer(self._rest_server.config, self.drain_seconds)
        await super()._serve()


def main() -> None:
    """Serve until told to stop; a model that cannot be loaded is said, and ends the process."""
    parser = argparse.ArgumentParser(parents=[kserve.model_server.parser])
    parser.add_argument("--model_dir", type=Path, required=True)
    every_address = "0.0.0.0"  # noqa: S104 a container is reached at its pod's address
    parser.add_argument("--http_host", default=every_address, help="address to listen on")
    parser.add_argument("--drain_seconds", type=float, default=5, help="from SIGTERM to the end")
    args = parser.parse_args()
    # kserve 0.20 answers through a class that FastAPI has deprecated since, and is told each time.
    warnings.filterwarnings("ignore", message="ORJSONResponse is deprecated")
    configure_logging(args.log_config_file)
    model = SklearnModel(args.model_name, args.model_dir)
    try:
        model.load()
    except Exception as error:
        logger.exception("%s does not load", args.model_name)
        # The last line is what a pod's status shows.
        sys.exit(f"model {args.model_name} does not load: {type(error).__name__}: {error}")
    ModelServer(args.http_host, args.drain_seconds).start([model])


if __name__ == "__main__":
    main()
