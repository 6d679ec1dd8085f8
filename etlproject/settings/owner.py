"""Who may change the tables? Their owner: ``migrate`` runs with these settings, everything else without them."""

from etlproject.settings.base import *  # noqa: F403
from etlproject.settings.base import DATABASES, POSTGRES, env
from etlproject.settings.env import database

DATABASES["default"] = database(env.url("DATABASE_OWNER_URL", POSTGRES, env.text("DATABASE_URL")))
