"""Ray, joined or started, or a sentence why not."""

import os
import socket
import warnings

from fourreal.errors import UserError

ADDRESS = "RAY_ADDRESS"
NO_RAY = "Ray is not installed here: pip install 'fourreal[ray]', or say --engine local (FOURREAL_ENGINE=local)."
REACH_SECONDS = 5.0


def connected():
    """Ray, connected to the cluster that RAY_ADDRESS names, else to this machine's, else to a new one here.

    Raises UserError where Ray is not installed or its cluster cannot be reached.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody is told that it is used
    try:
        import ray
    except ImportError as error:
        raise UserError(NO_RAY) from error
    if ray.is_initialized():
        return ray
    address = os.environ.get(ADDRESS, "")
    reach(address)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what will be different in Ray's next version
            ray.init(log_to_driver=False, logging_level="ERROR", include_dashboard=False if not address else None)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        whose = f"The Ray cluster at {address} cannot be used" if address else "Ray cannot be started here"
        raise UserError(f"{whose} ({last_line(error)}): see docs/scale.md, or say --engine local.") from error
    return ray


def reach(address: str) -> None:
    """Ray itself looks for a cluster for minutes. Raises UserError at once."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), REACH_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise UserError(
            f"No Ray cluster answers at {address} ({error}): start its head, or correct {ADDRESS}."
        ) from error


def last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:300]
