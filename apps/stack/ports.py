"""Which port of 127.0.0.1 is free, and remains free while its service restarts?

The ports lie below the ephemeral ranges of Linux (32768-60999) and macOS (49152-65535). In such a range the system
could give a server's port to a client that retries while the server is down, and the server could not restart.
"""

import random
import socket

MIN_PORT, MAX_PORT = 20_000, 29_999
_ATTEMPTS = 200


def is_free(port: int) -> bool:
    """Whether a server could listen on ``port`` of 127.0.0.1 now."""
    with socket.socket() as candidate:
        # Connections of the last server that are in TIME_WAIT must not make its port look taken.
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port(preferred: int | None = None) -> int:
    """``preferred`` when it is free, otherwise a random free port.

    Raises ``OSError`` when 200 random ports are all taken.
    """
    if preferred and is_free(preferred):
        return preferred
    for _ in range(_ATTEMPTS):
        port = random.randint(MIN_PORT, MAX_PORT)  # noqa: S311 - an address, not a secret
        if is_free(port):
            return port
    raise OSError(f"No free port between {MIN_PORT} and {MAX_PORT} on 127.0.0.1.")
