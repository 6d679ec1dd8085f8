"""How does a person log in with a password? With one form for the pages, the admin site and the API."""

from typing import Any

from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError

from apps.tenants import throttle


class LoginForm(AuthenticationForm):
    """User name and password, a limited number of times."""

    def clean(self) -> dict[str, Any]:
        """Check the password, unless it was tried too often."""
        username = self.cleaned_data.get("username", "")
        address = self.request.META.get("REMOTE_ADDR") or "unknown" if self.request else "unknown"
        try:
            throttle.admit(username=username, address=address)
        except throttle.TooManyAttempts as error:
            raise ValidationError(str(error), code="throttled") from error
        values = super().clean()
        throttle.forgive(username=username, address=address)
        return values


class AdminLoginForm(LoginForm, AdminAuthenticationForm):
    """The same for the admin site."""
