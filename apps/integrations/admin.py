"""How do people manage connections to providers? The token can be replaced here, never seen."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.core.crypto import Secret
from apps.integrations.models import Integration
from apps.integrations.services import clean_scopes, forget_test, test_connection
from apps.tenants.admin_base import TenantAdmin, TenantForm


class LinesField(forms.CharField):
    """A list of texts, one per line."""

    widget = forms.Textarea(attrs={"rows": 6, "cols": 60})

    def prepare_value(self, value: Any) -> Any:
        """One line each."""
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        """The lines that say something."""
        return clean_scopes((super().to_python(value) or "").splitlines())

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Line ends and blanks are no change."""
        return bool((initial or []) != self.to_python(data))


class IntegrationForm(TenantForm):
    """A connection; the token is written only."""

    new_token = forms.CharField(
        label="Token",
        required=False,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password", "size": 60}),
        help_text="Stored encrypted and never shown again. Empty keeps the stored one.",
    )
    scopes = LinesField(
        required=False,
        help_text="Project keys or repositories (owner/name), one per line. Empty: all that the token sees.",
    )

    class Meta:
        model = Integration
        fields = ["tenant", "provider", "name", "base_url", "username", "scopes", "is_active"]

    def clean_base_url(self) -> str:
        """Without the last slash."""
        return str(self.cleaned_data["base_url"]).strip().rstrip("/")

    def clean_new_token(self) -> str:
        """A new connection needs one."""
        token = str(self.cleaned_data["new_token"]).strip()
        if not token and self.instance._state.adding:
            raise forms.ValidationError("Enter the token that the provider issued.")
        return token

    def save(self, commit: bool = True) -> Any:
        """Keep the stored token where none was entered."""
        token = self.cleaned_data.get("new_token")
        if token:
            self.instance.token = Secret(token)
        if {"new_token", "base_url", "username"} & set(self.changed_data):
            forget_test(self.instance)
        return super().save(commit)


@admin.register(Integration)
class IntegrationAdmin(TenantAdmin):
    form = IntegrationForm
    list_display = ["name", "provider", "base_url", "is_active", "health", "tested_at", "token_expires_at"]
    list_filter = ["provider", "is_active"]
    search_fields = ["name", "base_url"]
    readonly_fields = ["health", "tested_at", "token_expires_at"]
    actions = ["test_connections"]
    fieldsets = [
        (None, {"fields": ["tenant", "provider", "name", "is_active"]}),
        ("Connection", {"fields": ["base_url", "username", "new_token", "scopes"]}),
        ("Health", {"fields": ["health", "tested_at", "token_expires_at"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        # The list works also when a token's key is missing.
        return super().get_queryset(request).defer("token")

    @admin.display(description="Connection")
    def health(self, integration: Integration) -> str:
        if integration.tested_at is None:
            return "Not tested yet"
        return integration.problem or "Works"

    @admin.action(description="Test connection", permissions=["operate"])
    def test_connections(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for integration in self.permitted(request, queryset):
            report = test_connection(integration)
            outcome = f"works as {report.account}" if report.account else "works"
            note = f"{integration}: {outcome if report.ok else report.problem}"
            self.message_user(request, note, messages.SUCCESS if report.ok else messages.ERROR)
