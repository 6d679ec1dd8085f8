"""Where do the tests get their services from? From the environment where it names them, else from the embedded stack.

Loaded by ``-p tests.plugin`` before Django's settings are read: addresses are fixed here at once, the services
themselves are started by the first test that needs them (tests/conftest.py). Each process of a parallel run has
services of its own.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet

from apps.stack.services.embedded import EmbeddedServices

VARIABLES = {"postgresql": "DATABASE_URL", "valkey": "REDIS_URL", "qdrant": "QDRANT_URL"}
# What the starting process has chosen itself is no wish of the user's: the processes of pytest-xdist inherit it.
OWN = "TESTS_OWN_SERVICES"

_folder = Path(tempfile.mkdtemp(prefix="etl-tests-"))
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
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
