"""Serves one scikit-learn model over KServe's V1 and V2 protocols.

It takes the arguments that KServe's own sklearn runtime gives its server, and like that server
answers classes, or probabilities where the environment says ``PREDICT_PROBA=true``.
"""

import os
import sys
from pathlib import Path

import joblib
import kserve
from kserve.errors import InferenceError
from kserve.logging import logger
from kserve.utils.utils import get_predict_input, get_predict_response
from threadpoolctl import threadpool_limits

from examples.employment.serving import ModelServer, make_parser

MODEL_SUFFIXES = (".joblib", ".pkl", ".pickle")


class SklearnModel(kserve.Model):
    """The one model file in a folder."""

    def __init__(self, name: str, folder: Path) -> None:
        super().__init__(name)
        self.folder = folder
        self.probabilities = os.environ.get("PREDICT_PROBA", "false").lower() == "true"

    def load(self) -> bool:
        """Read the model.

        Raises:
            OSError: if there is not exactly one model file.
            ValueError: if the file is no model, or needs what is not installed.
        """
        files = [path for path in self.folder.iterdir() if path.suffix in MODEL_SUFFIXES]
        if len(files) != 1:
            raise FileNotFoundError(f"{len(files)} model files in {self.folder}, expected one")
        try:
            model = joblib.load(files[0])
        except Exception as error:
            what = f"{type(error).__name__}: {error}"
            raise ValueError(f"{files[0].name} cannot be unpickled ({what})") from error
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


def main() -> None:
    """Serve until told to stop; a model that cannot be loaded is said, and ends the process."""
    parser = make_parser()
    parser.add_argument("--model_dir", type=Path, required=True)
    args = parser.parse_args()
    server = ModelServer(args)
    model = SklearnModel(args.model_name, args.model_dir)
    try:
        model.load()
    except Exception as error:
        logger.exception("%s does not load", args.model_name)
        # The last line is what a pod's status shows.
        sys.exit(f"model {args.model_name} does not load: {error}")
    server.start([model])


if __name__ == "__main__":
    main()
