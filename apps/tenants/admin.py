"""Who manages tenants, users and memberships? Superusers manage all of them, a tenant's admins their own tenant."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.tenants.admin_base import BaseAdmin, TenantAdmin, TenantForm, tenants_with
from apps.tenants.current import roles_in
from apps.tenants.forms import AdminLoginForm, UserModelForm
from apps.tenants.models import Membership, Role, Tenant, User

if TYPE_CHECKING:
    BaseMembershipInline = admin.TabularInline[Membership, User]
    NewUserModelForm = AdminUserCreationForm[User]
    BaseUserAdmin = DjangoUserAdmin[User]
else:
    BaseUserAdmin = DjangoUserAdmin
    BaseMembershipInline = admin.TabularInline
    NewUserModelForm = AdminUserCreationForm

# Memberships say what a person may do. Groups are not used.
admin.site.unregister(Group)
admin.site.login_form = AdminLoginForm
admin.site.site_title = admin.site.site_header = "ETL platform administration"
admin.site.index_title = "Administration"


@admin.register(Tenant)
class TenantsAdmin(BaseAdmin):
    list_display = ["name", "slug", "max_concurrent_jobs", "created_at"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(pk__in=roles_in(request))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(roles_in(request)) or self.has_add_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Tenant | None = None) -> bool:
        return self.has_module_permission(request) if obj is None else obj.pk in roles_in(request)

    def has_change_permission(self, request: HttpRequest, obj: Tenant | None = None) -> bool:
        mine = tenants_with(request, Role.ADMIN)
        return bool(mine) if obj is None else obj.pk in mine

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.is_active and bool(getattr(request.user, "is_superuser", False))

    def has_delete_permission(self, request: HttpRequest, obj: Tenant | None = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [] if self.has_add_permission(request) else ["slug"]

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return super().get_prepopulated_fields(request, obj) if self.has_add_permission(request) else {}


class MembershipInline(BaseMembershipInline):
    model = Membership
    extra = 0


class UserForm(UserModelForm):
    """The form of a user, without the password hash."""

    class Meta:
        model = User
        fields = ["username", "first_name", "last_name", "email", "is_active", "is_staff", "is_superuser"]


class NewUserForm(NewUserModelForm):
    """Name and password of a new user. Every user may open the admin site."""

    class Meta:
        model = User
        fields = ["username"]

    def save(self, commit: bool = True) -> User:
        self.instance.is_staff = True
        return super().save(commit)


@admin.register(User)
class UsersAdmin(BaseUserAdmin):
    """For superusers only, because nobody else has Django's own permissions."""

    form = UserForm
    add_form = NewUserForm
    inlines = [MembershipInline]
    list_display = ["username", "email", "first_name", "last_name", "is_active", "is_superuser", "last_login"]
    list_filter = ["is_active", "is_superuser", "memberships__tenant", "memberships__role"]
    readonly_fields = ["password_page", "last_login", "date_joined"]
    filter_horizontal = []
    fieldsets = [
        (None, {"fields": ["username", "password_page"]}),
        ("Person", {"fields": ["first_name", "last_name", "email"]}),
        ("Access", {"fields": ["is_active", "is_staff", "is_superuser", "last_login", "date_joined"]}),
    ]
    add_fieldsets = [(None, {"classes": ["wide"], "fields": ["username", "password1", "password2"]})]

    @admin.display(description="Password")
    def password_page(self, user: User) -> SafeString:
        return format_html('<a href="{}">Set a new password</a>', "../password/")


class NewMembershipForm(TenantForm):
    """The form asks for the user name, so that no list shows users of other tenants."""

    username = forms.CharField(
        label="User name", help_text="The name of an existing user. Only a superuser can create accounts."
    )

    def clean_username(self) -> str:
        """Find the user."""
        username = str(self.cleaned_data["username"])
        user = User.objects.filter(username=username, is_active=True).first()
        if user is None:
            raise forms.ValidationError("No active user has this name. Ask a superuser to create the account.")
        self.instance.user = user
        return username

    def clean(self) -> dict[str, Any]:
        """Refuse a second membership of the same user in the same tenant."""
        values = super().clean()
        tenant, user = values.get("tenant"), self.instance.user_id
        if tenant and user and Membership.objects.filter(tenant=tenant, user=user).exists():
            self.add_error("username", "This user is already a member. Change the role of the existing membership.")
        return values


@admin.register(Membership)
class MembershipsAdmin(TenantAdmin):
    list_display = ["user", "role"]
    list_filter = ["role"]
    search_fields = ["user__username"]
    list_select_related = ["user"]
    fields = ["tenant", "user", "role"]
    readonly_fields = ["user"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ["tenant", "username", "role"] if obj is None else super().get_fields(request, obj)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None:
            kwargs["form"] = NewMembershipForm
        return super().get_form(request, obj, change, **kwargs)
