"""Under which names are static files served? Under names with a hash, also inside ES modules that import each other."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFilesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # it is untyped
    """WhiteNoise's storage. Imports in modules name the hashed files, so that browsers can cache all files for ever."""

    support_js_module_import_aggregation = True
