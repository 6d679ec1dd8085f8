"""How does the product run for its users? As the environment says, nothing more."""

from etlproject.settings.base import *  # noqa: F403
