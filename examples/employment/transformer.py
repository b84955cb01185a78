"""Takes rows as JSON objects and gives the model the ordered lists that it was trained on.

A V1 request's instances may be objects, whose keys are then picked in the order of
``--features``, or lists, which pass as they are. The answer is the model's.
"""

from typing import Any

import kserve
from kserve.errors import InvalidInput

from examples.employment.serving import ModelServer, make_parser


class Transformer(kserve.Model):
    """Stands before the predictor that KServe names with ``--predictor_host``."""

    def __init__(self, name: str, features: list[str]) -> None:
        super().__init__(name)
        self.features = features
        self.ready = True

    async def preprocess(
        self,
        payload: dict[str, Any] | kserve.InferRequest,
        headers: dict[str, str] | None = None,
    ) -> dict[str, Any] | kserve.InferRequest:
        """Order the values of each row; an object that lacks one is the client's error."""
        if not isinstance(payload, dict):
            return payload
        rows = payload.get("instances")
        if not isinstance(rows, list):
            raise InvalidInput('expected a JSON object with a list of rows under "instances"')
        return {"instances": [self._order(row) for row in rows]}

    def _order(self, row: dict[str, Any] | list[Any]) -> list[Any]:
        if not isinstance(row, dict):
            return row
        missing = [name for name in self.features if name not in row]
        if missing:
            raise InvalidInput(f"a row lacks {', '.join(missing)}")
        return [row[name] for name in self.features]


def main() -> None:
    """Serve until told to stop."""
    parser = make_parser()
    parser.add_argument("--features", required=True, help="names in the model's order, a,b,c")
    args = parser.parse_args()
    ModelServer(args).start([Transformer(args.model_name, args.features.split(","))])


if __name__ == "__main__":
    main()
