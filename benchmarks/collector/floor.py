"""The floor: the collector's HTTP server with a handler that only answers."""

import argparse
import asyncio

from aiohttp import web


async def answer(_: web.BaseRequest) -> web.Response:
    """Take any event and forget it."""
    return web.Response()


async def serve(port: int) -> None:
    """Serve until the process is killed."""
    runner = web.ServerRunner(web.Server(answer, access_log=None, auto_decompress=False))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    await asyncio.Event().wait()


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    asyncio.run(serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
