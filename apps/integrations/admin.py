"""How do people manage connections to providers? They can add and replace tokens here, but never see them."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Min, Q, QuerySet
from django.http import HttpRequest

from apps.core.crypto import Secret
from apps.integrations.models import Integration, Token
from apps.integrations.services import clean_scopes, forget_check, forget_test, test_connection
from apps.tenants.admin_base import TenantAdmin, TenantForm, TenantInline


class LinesField(forms.CharField):
    """A list of texts, one per line."""

    widget = forms.Textarea(attrs={"rows": 6, "cols": 60})

    def prepare_value(self, value: Any) -> Any:
        """One text per line."""
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        """The lines that are not blank."""
        return clean_scopes((super().to_python(value) or "").splitlines())

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the texts differ. Other line ends and blanks are no change."""
        return bool((initial or []) != self.to_python(data))


class IntegrationForm(TenantForm):
    """A connection."""

    scopes = LinesField(
        required=False,
        help_text="Project keys or repositories (owner/name), one per line. Empty: all that the token can see.",
    )

    class Meta:
        model = Integration
        fields = ["tenant", "provider", "name", "base_url", "scopes", "is_active"]

    def clean_base_url(self) -> str:
        """The base URL without the last slash."""
        return str(self.cleaned_data["base_url"]).strip().rstrip("/")

    def save(self, commit: bool = True) -> Any:
        """A new address must be tested again."""
        if "base_url" in self.changed_data:
            forget_test(self.instance)
        return super().save(commit)


class TokenForm(TenantForm):
    """A token. Its secret can be written, but not read."""

    new_secret = forms.CharField(
        label="Token",
        required=False,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password", "size": 24}),
        help_text="Stored encrypted and never shown again. Leave it empty to keep the stored token.",
    )

    class Meta:
        model = Token
        fields = ["label", "username", "expires_at", "is_active"]
        widgets = {name: forms.TextInput(attrs={"size": 18}) for name in ("label", "username")}

    def clean_new_secret(self) -> str:
        """A new token needs a secret."""
        secret = str(self.cleaned_data["new_secret"]).strip()
        if not secret and self.instance._state.adding:
            raise forms.ValidationError("Enter the token that the provider has created.")
        return secret

    def has_changed(self) -> bool:
        """A new row counts as filled in even if it has only default values, so that the form asks for the secret."""
        return self.instance._state.adding or super().has_changed()

    def save(self, commit: bool = True) -> Any:
        """Keep the stored secret if no new one was entered."""
        if secret := self.cleaned_data.get("new_secret"):
            self.instance.secret = Secret(secret)
            forget_check(self.instance)
        return super().save(commit)


class TokenInline(TenantInline):
    model = Token
    form = TokenForm
    min_num = 1
    validate_min = True
    fields = ["label", "username", "new_secret", "expires_at", "is_active", "state"]
    readonly_fields = ["state"]
    verbose_name_plural = "Tokens: each request is sent with the token that has the most requests left"

    @admin.display(description="State")
    def state(self, token: Token) -> str:
        if token.is_expired:
            return f"Expired on {token.expires_at:%d %b %Y}"
        if token.problem or token.checked_at is None:
            return token.problem or "Not tested yet"
        left = f", {token.remaining:,} of {token.allowed:,} requests left" if token.allowed else ""
        return f"Works{f' as {token.account}' if token.account else ''}{left}"


@admin.register(Integration)
class IntegrationAdmin(TenantAdmin):
    form = IntegrationForm
    inlines = [TokenInline]
    list_display = ["name", "provider", "base_url", "is_active", "health", "tested_at", "expires_at"]
    list_filter = ["provider", "is_active"]
    search_fields = ["name", "base_url"]
    readonly_fields = ["health", "tested_at"]
    actions = ["test_connections"]
    fieldsets = [
        (None, {"fields": ["tenant", "provider", "name", "is_active"]}),
        ("Connection", {"fields": ["base_url", "scopes"]}),
        ("Health", {"fields": ["health", "tested_at"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        ends = Min("tokens__expires_at", filter=Q(tokens__is_active=True))
        rows: QuerySet[Any] = super().get_queryset(request).annotate(expires_at=ends)
        return rows

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Test a new address or token at once, so that problems are known before the first run."""
        super().save_related(request, form, formsets, change)
        has_untested = form.instance.tokens.filter(is_active=True, checked_at=None).exists()
        if form.instance.tested_at is None or has_untested:
            self._test(request, form.instance)

    @admin.display(description="Connection")
    def health(self, integration: Integration) -> str:
        if integration.tested_at is None:
            return "Not tested yet"
        return integration.problem or "Works"

    @admin.display(description="Next token expires", ordering="expires_at")
    def expires_at(self, integration: Any) -> Any:
        return integration.expires_at

    @admin.action(description="Test connection", permissions=["operate"])
    def test_connections(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for integration in self.permitted(request, queryset):
            self._test(request, integration)

    def _test(self, request: HttpRequest, integration: Integration) -> None:
        report = test_connection(integration)
        success = f"works as {report.account}" if report.account else "works"
        note = f"{integration}: {success if report.is_ok else report.problem}"
        self.message_user(request, note, messages.SUCCESS if report.is_ok else messages.ERROR)
        for warning in report.warnings:
            self.message_user(request, f"{integration}: {warning}", messages.WARNING)
