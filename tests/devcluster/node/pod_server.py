"""An HTTP server for pods of tests: says who it is, echoes bodies, and does as it is told.

`GET /status/<name>` answers 200 unless the file `<name>` is in its working directory; `PUT` makes
the file, `DELETE` removes it. `GET /environment` answers with the environment, `GET /arguments`
with the arguments, `POST /echo` with the body, chunked; `GET /close` ends the connection after the
answer. Every answer carries the number of requests of its connection.
"""

import argparse
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    """Answers one connection's requests."""

    protocol_version = "HTTP/1.1"
    requests = 0

    def do_GET(self) -> None:
        """Say what was asked for."""
        kind, _, name = self.path.lstrip("/").partition("/")
        if kind == "status":
            broken = Path(name).exists()
            self.answer(500 if broken else 200, b"broken" if broken else b"fine")
        elif kind == "arguments":
            self.answer(200, json.dumps(ARGUMENTS).encode())
        elif kind == "close":
            self.close_connection = True
            self.answer(200, b"bye")
        else:
            self.answer(200, json.dumps(dict(os.environ)).encode())

    def do_PUT(self) -> None:
        """Break a status."""
        Path(self.path.rpartition("/")[2]).touch()
        self.answer(200, b"")

    def do_DELETE(self) -> None:
        """Mend a status."""
        Path(self.path.rpartition("/")[2]).unlink(missing_ok=True)
        self.answer(200, b"")

    def do_POST(self) -> None:
        """Send the body back as it comes."""
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in self.read_body():
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def read_body(self) -> "list[bytes]":
        """Read the whole body, chunked or not."""
        if self.headers.get("Transfer-Encoding") != "chunked":
            return [self.rfile.read(int(self.headers.get("Content-Length", 0)))]
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return pieces

    def answer(self, status: int, body: bytes) -> None:
        """Send an answer with its length."""
        self.requests += 1
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Requests", str(self.requests))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)


parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int)
known, ARGUMENTS = parser.parse_known_args()

if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", known.port), Handler).serve_forever()
