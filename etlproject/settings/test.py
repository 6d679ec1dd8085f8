"""What differs under test? Quick password hashes, plain static files; the services are real (tests/plugin.py)."""

from etlproject.settings.base import *  # noqa: F403
from etlproject.settings.base import STORAGES

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
WHITENOISE_AUTOREFRESH = True
ALLOW_PRIVATE_NETWORKS = True
