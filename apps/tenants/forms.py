"""How does a person log in with a password and choose preferences? Pages and API share these forms."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError

from apps.tenants import throttle
from apps.tenants.models import User

if TYPE_CHECKING:
    UserModelForm = forms.ModelForm[User]
else:
    UserModelForm = forms.ModelForm


class LoginForm(AuthenticationForm):
    """User name and password. The number of attempts is limited."""

    def clean(self) -> dict[str, Any]:
        """Check the password, unless there were too many attempts."""
        username = self.cleaned_data.get("username", "")
        address = self.request.META.get("REMOTE_ADDR") or "unknown" if self.request else "unknown"
        try:
            throttle.admit(username=username, address=address)
        except throttle.TooManyAttemptsError as error:
            raise ValidationError(str(error), code="throttled") from error
        values = super().clean()
        throttle.forgive(username=username, address=address)
        return values


class AdminLoginForm(LoginForm, AdminAuthenticationForm):
    """The same form for the admin site."""


class PreferencesForm(UserModelForm):
    """A person's preferences for the pages."""

    class Meta:
        model = User
        fields = ("time_zone", "theme", "refresh", "start_page", "shortcuts")
        labels = {
            "refresh": "Page updates",
            "start_page": "Start page",
            "shortcuts": "Keyboard shortcuts",
        }
        widgets = {"time_zone": forms.TextInput({"list": "time-zones", "autocomplete": "off"})}
