"""With what do type checks and ``makemigrations`` read the models? Placeholder addresses: they connect to nothing."""

import os

from cryptography.fernet import Fernet

os.environ.setdefault("DATABASE_URL", "postgresql://check@localhost/check")
os.environ.setdefault("REDIS_URL", "redis://localhost/0")
os.environ.setdefault("QDRANT_URL", "http://localhost:6333")
os.environ.setdefault("SECRET_KEY", "checks sign nothing")
os.environ.setdefault("ENCRYPTION_KEY", Fernet.generate_key().decode())

from etlproject.settings.base import *  # noqa: F403
from etlproject.settings.base import DATABASES

DATABASES["default"] = {"ENGINE": "django.db.backends.dummy"}
