"""Which port of 127.0.0.1 is free and stays ours while a service restarts?

Ports are taken from below the ephemeral ranges of Linux (32768-60999) and macOS (49152-65535): a client that
retries while its server is down could otherwise be given the server's port for its own end, and block the
restart.
"""

import random
import socket

LOWEST, HIGHEST = 20_000, 29_999
_ATTEMPTS = 200


def is_free(port: int) -> bool:
    """Whether a server could listen on ``port`` of 127.0.0.1 now."""
    with socket.socket() as candidate:
        # Connections of the last server that linger in TIME_WAIT must not make its port look taken.
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port(preferred: int | None = None) -> int:
    """``preferred`` when it is free, else a random free port.

    Raises ``OSError`` when 200 random ports are all taken.
    """
    if preferred and is_free(preferred):
        return preferred
    for _ in range(_ATTEMPTS):
        port = random.randint(LOWEST, HIGHEST)  # noqa: S311 - an address, not a secret
        if is_free(port):
            return port
    raise OSError(f"No free port between {LOWEST} and {HIGHEST} on 127.0.0.1.")
