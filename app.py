"""Serves the page: python app.py. FOURREAL_DATA names the folder of videos and scenes (default: runs)."""

import gc
import logging
import os
from pathlib import Path

import uvicorn

from fourreal.jobs.supervisor import ensure_worker
from fourreal.web.server import create_app

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    data = Path(os.environ.get("FOURREAL_DATA", "runs"))
    host = os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1")
    port = int(os.environ.get("GRADIO_SERVER_PORT") or os.environ.get("PORT") or 7860)
    # behind a Space's proxy, which alone can reach it, addresses are to begin with https as the browser's do
    proxies = "*" if "SPACE_ID" in os.environ else None
    worker = ensure_worker(data)
    app = create_app(data)
    gc.collect()
    gc.freeze()  # what lives as long as the server is not looked through again: that would hold up an answer
    try:
        uvicorn.run(
            app, host=host, port=port, log_level="warning", timeout_graceful_shutdown=3,
            forwarded_allow_ips=proxies,
        )  # fmt: skip
    finally:
        worker.stop()
