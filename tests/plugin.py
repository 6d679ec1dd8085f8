"""Where do the tests get their services from? From the environment where it names them, else from the embedded stack.

Loaded by ``-p tests.plugin`` before Django's settings are read: addresses are fixed here at once, the services themselves
are started by the first test that needs them (tests/conftest.py).
"""

import os
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet

from apps.stack.services.embedded import EmbeddedServices

_folder = tempfile.TemporaryDirectory(prefix="etl-tests-", ignore_cleanup_errors=True)
_provided = {
    service
    for service, variable in (("postgresql", "DATABASE_URL"), ("valkey", "REDIS_URL"), ("qdrant", "QDRANT_URL"))
    if variable in os.environ
}
services = EmbeddedServices(Path(_folder.name), durable=False, without=_provided)
os.environ.update(services.env)
os.environ.setdefault("SECRET_KEY", "the tests' own key: long enough for every signature that they make")
os.environ.setdefault("ENCRYPTION_KEY", Fernet.generate_key().decode())
os.environ.setdefault("ALLOWED_HOSTS", "127.0.0.1,localhost,testserver")
os.environ.setdefault("ALLOW_PRIVATE_NETWORKS", "true")
