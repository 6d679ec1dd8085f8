"""What do the commands need that work before there is a database: ``stack`` and ``sandbox``? Only themselves."""

SECRET_KEY = "the commands stack and sandbox sign nothing"  # noqa: S105
INSTALLED_APPS = ["apps.stack", "apps.sandbox"]
USE_TZ = True
LOGGING_CONFIG = None
