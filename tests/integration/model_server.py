"""A model server that costs next to nothing, for tests that are about rollouts, not models.

It takes KServe's arguments and speaks V1 and V2. The "model" is a text file that is given
back as the prediction; a folder without one does not load. The text `hundredths` gives a
hundredth of the first value of each row, and fails where that is negative.
"""

import argparse
import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar


class Handler(BaseHTTPRequestHandler):
    """Answers for one model."""

    protocol_version = "HTTP/1.1"
    name: ClassVar[str]
    folder: ClassVar[Path]
    text: ClassVar[str]
    leaving = threading.Event()

    def do_GET(self) -> None:
        """Readiness; the file `unready` in the model's folder makes it say no."""
        ready = not (self.folder / "unready").exists()
        paths = (f"/v1/models/{self.name}", f"/v2/models/{self.name}/ready")
        if self.path in paths:
            self._answer(200 if ready else 503, {"name": self.name, "ready": ready})
        else:
            self._answer(404, {"error": f"no model at {self.path}"})

    def do_POST(self) -> None:
        """A prediction: the text of the model; the file `poisoned` makes the server end."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if (self.folder / "poisoned").exists():
            sys.stderr.write("cannot predict: out of ideas\n")
            sys.stderr.flush()
            os._exit(3)
        if self.path != f"/v1/models/{self.name}:predict":
            self._answer(404, {"error": f"no model at {self.path}"})
        elif self.text == "hundredths":
            self._answer_hundredths(json.loads(body)["instances"])
        else:
            self._answer(200, {"predictions": [self.text]})

    def _answer_hundredths(self, rows: list[list[object]]) -> None:
        values = [row[0] for row in rows]
        if any(isinstance(value, int) and value < 0 for value in values):
            self._answer(500, {"error": "less than nothing"})
            return
        shares = [value / 100 if isinstance(value, int) else None for value in values]
        self._answer(200, {"predictions": shares})

    def _answer(self, status: int, body: dict[str, object]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if self.leaving.is_set():
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep quiet."""


def main() -> None:
    """Serve until SIGTERM; then go on for a moment, telling clients to leave."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model_name", default="model")
    parser.add_argument("--model_dir", type=Path, default=Path("/mnt/models"))
    parser.add_argument("--http_port", type=int, default=8080)
    options, _ = parser.parse_known_args()
    model = options.model_dir / "model.txt"
    if not model.exists() or (options.model_dir / "poisoned").exists():
        sys.exit(f"cannot load model: {model.name} is missing")
    Handler.name, Handler.folder = options.model_name, options.model_dir
    Handler.text = model.read_text().strip()
    server = ThreadingHTTPServer(("127.0.0.1", options.http_port), Handler)
    server.daemon_threads = True

    def leave(*_: object) -> None:
        Handler.leaving.set()
        threading.Thread(target=end, daemon=True).start()

    def end() -> None:
        time.sleep(2)  # clients with an open connection hear of it with their next answer
        server.shutdown()

    signal.signal(signal.SIGTERM, leave)
    server.serve_forever(poll_interval=0.1)


if __name__ == "__main__":
    main()
