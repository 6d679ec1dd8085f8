"""Where do the tests get their services from? From the environment, or else from the embedded stack.

pytest loads this module (``-p tests.plugin``) before Django reads its settings. It fixes the addresses; the first test
that needs the services starts them (tests/conftest.py). Each process of a parallel run has its own services.
"""

import os
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet

from apps.stack.guardian import guard
from apps.stack.services.embedded import EmbeddedServices

VARIABLES = {"postgresql": "DATABASE_URL", "valkey": "REDIS_URL", "qdrant": "QDRANT_URL"}
# The services whose addresses come from here. The processes of pytest-xdist inherit them and need others.
OWN = "TESTS_OWN_SERVICES"

_folder = Path(tempfile.mkdtemp(prefix="etl-tests-"))
guard(_folder)  # whatever the tests start ends with them, also when they are killed
_inherited = os.environ.get(OWN, "").split(",")
_provided = {name for name, variable in VARIABLES.items() if variable in os.environ and name not in _inherited}

services = EmbeddedServices(_folder, is_durable=False, without=_provided)
os.environ.update(services.env)
os.environ[OWN] = ",".join(VARIABLES.keys() - _provided)
os.environ.setdefault("SECRET_KEY", "the tests' own key: long enough for every signature that they make")
os.environ.setdefault("ENCRYPTION_KEY", Fernet.generate_key().decode())
os.environ.setdefault("ALLOWED_HOSTS", "127.0.0.1,localhost,testserver")
os.environ.setdefault("ALLOW_PRIVATE_NETWORKS", "true")
os.environ["STATIC_ROOT"] = str(_folder / "static")
