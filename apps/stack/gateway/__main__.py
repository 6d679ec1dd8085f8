"""How is the gateway started? ``python -m apps.stack.gateway --path DIR --port PORT --api-key-file FILE``."""

import argparse
from pathlib import Path

import uvicorn

from apps.stack.gateway.app import build_app


def main() -> None:
    """Serve the collections of one folder on 127.0.0.1 until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m apps.stack.gateway", description=__doc__)
    parser.add_argument("--path", type=Path, required=True, help="folder of the collections")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--api-key-file", type=Path, required=True, help="file that holds the API key")
    options = parser.parse_args()
    app = build_app(options.path, options.api_key_file.read_text(encoding="utf-8").strip())
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=options.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=2,
    )


if __name__ == "__main__":
    main()
