"""Under which names are static files served? Under names with a hash, ES modules that import each other included."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFilesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # it is untyped
    """WhiteNoise's storage; an import in a module names the hashed file, so that every file can be cached for ever."""

    support_js_module_import_aggregation = True
