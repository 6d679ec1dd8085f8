"""What is common to every way of running the product?"""

from csp.constants import NONE, SELF

from etlproject.settings.env import BASE_DIR, Env, database, mail_server

env = Env.load()
ENVIRONMENT = env  # for commands whose options name the variable of a secret

POSTGRES = frozenset({"postgres", "postgresql"})
MAIL = frozenset({"smtp", "smtp+tls", "smtps"})
REDIS = frozenset({"redis", "rediss", "redis+socket", "unix"})

DEBUG = env.flag("DEBUG")
SECRET_KEY = env.text("SECRET_KEY")
ENCRYPTION_KEYS = env.fernet_keys("ENCRYPTION_KEY")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "127.0.0.1,localhost")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")

# A process that freezes in the middle of a transaction must not keep its locks: the database ends it.
LOCKS_END = {"options": "-c idle_in_transaction_session_timeout=10s"}
DATABASES = {"default": database(env.url("DATABASE_URL", POSTGRES)) | {"OPTIONS": LOCKS_END}}
REDIS_URL = env.url("REDIS_URL", REDIS)
QDRANT_URL = env.url("QDRANT_URL", frozenset({"http", "https"}))
QDRANT_API_KEY = env.text("QDRANT_API_KEY", "")
BACKEND_SERVICE_URL = env.text("BACKEND_SERVICE_URL", "")
FLOWER_URL = env.text("FLOWER_URL", "")
SCHEDULER_TIMEZONE = env.time_zone("SCHEDULER_TIMEZONE", "UTC")
# The embedder: static (inside a package), minilm (ONNX), fastembed, or openai (any compatible endpoint).
EMBEDDER = env.choice("EMBEDDER", "static", frozenset({"static", "minilm", "fastembed", "openai"}))
EMBEDDER_MODEL = env.text("EMBEDDER_MODEL", "")
EMBEDDER_URL = env.text("EMBEDDER_URL", "")
EMBEDDER_API_KEY = env.text("EMBEDDER_API_KEY", "")
# Base URLs inside the operator's own network are refused unless allowed here (the sandbox needs it).
ALLOW_PRIVATE_NETWORKS = env.flag("ALLOW_PRIVATE_NETWORKS")
# What the housekeeping keeps; apps/jobs/housekeeping.py says of what each is the limit.
KEEP_RAW_DAYS = env.number("KEEP_RAW_DAYS", 90, low=1, high=36500)
KEEP_BATCH_DAYS = env.number("KEEP_BATCH_DAYS", 7, low=1, high=36500)
KEEP_HISTORY_DAYS = env.number("KEEP_HISTORY_DAYS", 90, low=1, high=36500)
KEEP_QUARANTINE_DAYS = env.number("KEEP_QUARANTINE_DAYS", 90, low=1, high=36500)
KEEP_RUNS = env.number("KEEP_RUNS", 1000, low=10, high=1_000_000)

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "channels",
    "csp",
    "apps.core",
    "apps.tenants",
    "apps.integrations",
    "apps.raw",
    "apps.warehouse",
    "apps.mappings",
    "apps.progress",
    "apps.jobs",
    "apps.vectors",
    "apps.dashboard",
    "apps.stack",
    "apps.sandbox",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "apps.tenants.middleware.CurrentTenantMiddleware",
    "apps.tenants.middleware.time_zone_middleware",
]

ROOT_URLCONF = "etlproject.urls"
ASGI_APPLICATION = "etlproject.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "apps.dashboard.context.site",
            ],
        },
    }
]

AUTH_USER_MODEL = "tenants.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "start"
LOGOUT_REDIRECT_URL = "login"

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en-us"
USE_TZ = True
TIME_ZONE = SCHEDULER_TIMEZONE

STATIC_URL = "static/"
# Each stack collects into a folder of its own: a site must not serve files that another one is just replacing.
STATIC_ROOT = env.text("STATIC_ROOT", str(BASE_DIR / "var" / "static"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "apps.dashboard.storage.HashedStaticFilesStorage"},
}

# --- security -----------------------------------------------------------------------------------------------------
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
# Cookies travel over TLS only as soon as the site is reached by TLS.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = any(origin.startswith("https://") for origin in CSRF_TRUSTED_ORIGINS)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SESSION_COOKIE_SECURE else None
# An hour to begin with: browsers keep to it even when TLS is given up again. The proxy does the redirect to TLS.
SECURE_HSTS_SECONDS = 3600 if SESSION_COOKIE_SECURE else 0
SILENCED_SYSTEM_CHECKS = ["security.W008"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# --- e-mail: only for people who subscribe to the end of a run --------------------------------------------------------
EMAIL_URL = env.url("EMAIL_URL", MAIL) if env.text("EMAIL_URL", "") else ""
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_URL else 'console'}.EmailBackend"
EMAIL_HOST, EMAIL_PORT, EMAIL_HOST_USER, EMAIL_HOST_PASSWORD, EMAIL_USE_TLS, EMAIL_USE_SSL = mail_server(EMAIL_URL)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("EMAIL_FROM", "etl@localhost")

# --- Celery (docs/decisions/0003-celery.md says why each value is what it is) -----------------------------------------
CELERY_BROKER_URL = env.url("CELERY_BROKER_URL", REDIS | {"amqp", "amqps"}, REDIS_URL)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_DEFAULT_QUEUE = "control"
CELERY_TASK_CREATE_MISSING_QUEUES = True
CELERY_TASK_SEND_SENT_EVENT = True
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 200, "interval_start": 0.2, "interval_step": 0.5, "interval_max": 3}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SEND_TASK_EVENTS = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 5.0
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = CELERY_BROKER_URL.startswith("amqp")
CELERY_BROKER_HEARTBEAT = 10
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {} if CELERY_BROKER_URL.startswith("amqp") else {"unacked_restore_interval": 2, "unacked_restore_throttle": 1}
)
CELERY_DB_REUSE_MAX = 100
CELERY_TIMEZONE = "UTC"

# --- logging ------------------------------------------------------------------------------------------------------
LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", frozenset({"DEBUG", "INFO", "WARNING", "ERROR"}))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "celery.app.trace": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        "daphne.http_protocol": {"level": "WARNING"},
    },
}
