"""Who uses the product, and for which tenant?"""

from zoneinfo import available_timezones

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models


class Role(models.TextChoices):
    """What a member may do. Each role may also do everything that the roles before it may do."""

    VIEWER = "viewer", "Viewer"
    OPERATOR = "operator", "Operator"
    ADMIN = "admin", "Admin"


class Tenant(models.Model):
    """A customer or department. Every row of data belongs to one."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    max_concurrent_jobs = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1)], help_text="How many jobs of this tenant may run at the same time."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Theme(models.TextChoices):
    """Which colours the pages have."""

    SYSTEM = "system", "System"
    LIGHT = "light", "Light"
    DARK = "dark", "Dark"


class Refresh(models.IntegerChoices):
    """How often the pages are updated, in seconds; 0 is at once."""

    LIVE = 0, "Live"
    HALF_A_MINUTE = 30, "Every 30 s"
    MINUTE = 60, "Every minute"
    FIVE_MINUTES = 300, "Every 5 minutes"


class StartPage(models.TextChoices):
    """The page that opens after the log-in."""

    HOME = "home", "Home"
    JOBS = "jobs", "Jobs"
    RUNS = "runs", "Runs"
    SEARCH = "search", "Search"


# Every machine has its own meaning for these names.
MACHINES_OWN = frozenset({"localtime", "Factory"})


def known_time_zone(name: str) -> None:
    """Refuse a name that is not a time zone."""
    if name not in available_timezones() - MACHINES_OWN:
        raise ValidationError(f"Unknown time zone {name!r}. Enter a name such as Europe/Berlin.")


class User(AbstractUser):
    """A person who logs in, with their preferences. Their memberships say what they may do."""

    tenants = models.ManyToManyField(Tenant, through="Membership", related_name="users")
    time_zone = models.CharField(
        max_length=64, blank=True, validators=[known_time_zone], help_text="Empty: the platform's own."
    )
    theme = models.CharField(max_length=6, choices=Theme, default=Theme.SYSTEM)
    refresh = models.PositiveSmallIntegerField(choices=Refresh, default=Refresh.LIVE)
    start_page = models.CharField(max_length=8, choices=StartPage, default=StartPage.HOME)
    shortcuts = models.BooleanField("keyboard shortcuts", default=True)


class Membership(models.Model):
    """The role of one user in one tenant."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role, default=Role.VIEWER)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "user"], name="one_role_per_tenant")]

    def __str__(self) -> str:
        return f"{self.user} is {self.get_role_display()} of {self.tenant}"


class LoginAttempt(models.Model):
    """A log-in attempt with a wrong password. It is kept while the throttle counts it."""

    username = models.CharField(max_length=150)
    address = models.CharField(max_length=45)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(fields=["address"], name="login_attempt_by_address"),
            models.Index(fields=["at"], name="login_attempt_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.username} from {self.address}"


class RevokedToken(models.Model):
    """A refresh token that was used or revoked. It is not accepted again."""

    jti = models.UUIDField(primary_key=True)
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "tenants_spenttoken"
        indexes = [models.Index(fields=["expires_at"], name="spent_token_by_expiry")]

    def __str__(self) -> str:
        return str(self.jti)
