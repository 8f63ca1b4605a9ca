"""How often somebody may do something; somebody is an address, as nobody says here who they are."""

import threading
import time
from collections import OrderedDict, deque

MOST_ADDRESSES = 10_000  # the one that was quiet longest is forgotten first


class Rate:
    """At most `most` times in any `seconds` for each client. Any thread may ask."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most, self._seconds, self._lock = most, seconds, threading.Lock()
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def allows(self, client: str) -> bool:
        """Whether the client may once more; if so it is counted."""
        now = time.monotonic()
        with self._lock:
            times = self._times.setdefault(client, deque())
            self._times.move_to_end(client)
            if len(self._times) > MOST_ADDRESSES:
                self._times.popitem(last=False)
            while times and times[0] < now - self._seconds:
                times.popleft()
            if len(times) >= self._most:
                return False
            times.append(now)
            return True
