"""Serves the page: `fourreal-web`, `python -m fourreal.web` or `python app.py`."""

import argparse
import gc
import logging
import os
import sys
from pathlib import Path

import fourreal
from fourreal.errors import UserError
from fourreal.jobs.offered import offered

EVERYWHERE = ("0.0.0.0", "::", "")  # to be served on, but no address that a browser can open


def main(argv: list[str] | None = None) -> int:
    """Serve until Ctrl-C; returns the exit code. What an option does not say, its environment variable does."""
    arguments = parser().parse_args(argv)
    try:
        arguments.data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        print(
            f"fourreal-web: Cannot write into {arguments.data}: {error.strerror}. Choose another folder with --data.",
            file=sys.stderr,
        )
        return 2
    from fourreal.jobs.cluster import check_engine  # here, as --help is to answer at once

    try:
        offered()
        check_engine()
    except UserError as error:
        print(f"fourreal-web: {error}", file=sys.stderr)
        return 2
    import uvicorn

    from fourreal.jobs.supervisor import Supervisor
    from fourreal.web.server import create_app

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    # behind a Space's proxy, which alone can reach it, addresses are to begin with https as the browser's do
    proxies = "*" if "SPACE_ID" in os.environ else None
    worker = Supervisor(arguments.data)
    app = create_app(arguments.data)
    gc.collect()
    gc.freeze()  # what lives as long as the server is not looked through again: that would hold up an answer
    host = "localhost" if arguments.host in EVERYWHERE else arguments.host
    print(
        f"Open http://{f'[{host}]' if ':' in host else host}:{arguments.port} in a browser; Ctrl-C ends the page.",
        flush=True,
    )
    try:
        uvicorn.run(
            app,
            host=arguments.host,
            port=arguments.port,
            log_level="warning",
            timeout_graceful_shutdown=3,
            forwarded_allow_ips=proxies,
        )
    finally:
        worker.stop()
    return 0


def parser() -> argparse.ArgumentParser:
    variable = os.environ.get
    root = argparse.ArgumentParser(prog="fourreal-web", description="Serve fourreal's page.")
    add = root.add_argument
    add("--version", action="version", version=f"fourreal {fourreal.__version__}")
    add(
        "--data",
        type=Path,
        default=Path(variable("FOURREAL_DATA", "runs")),
        metavar="DIR",
        help="folder of videos and scenes (default: FOURREAL_DATA, else runs)",
    )
    add(
        "--host",
        default=variable("GRADIO_SERVER_NAME", "127.0.0.1"),
        metavar="NAME",
        help="address to serve on (default: GRADIO_SERVER_NAME, else 127.0.0.1: this machine alone)",
    )
    add(
        "--port",
        type=int,
        default=variable("GRADIO_SERVER_PORT") or variable("PORT") or "7860",
        metavar="N",
        help="(default: GRADIO_SERVER_PORT, else PORT, else 7860)",
    )
    return root


if __name__ == "__main__":
    sys.exit(main())
