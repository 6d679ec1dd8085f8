"""What may a person see and do in the admin site? What their role in each row's tenant allows."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.http import HttpRequest

from apps.tenants.current import roles_in
from apps.tenants.models import Role, Tenant
from apps.tenants.permissions import allows, require

if TYPE_CHECKING:
    BaseAdmin = admin.ModelAdmin[Any]
    BaseInline = admin.TabularInline[Any, Any]
    BaseOptions = admin.options.BaseModelAdmin[Any]
    BaseForm = forms.ModelForm[Any]
    BaseFormSet = forms.BaseInlineFormSet[Any, Any, Any]
else:
    BaseAdmin, BaseInline, BaseOptions = admin.ModelAdmin, admin.TabularInline, object
    BaseForm, BaseFormSet = forms.ModelForm, forms.BaseInlineFormSet


def tenants_with(request: HttpRequest, role: Role) -> list[int]:
    """The ids of the tenants in which the request's user may do what ``role`` may."""
    return [tenant for tenant, held in roles_in(request).items() if allows(held, role)]


def belongs_to_tenant(model: type[models.Model]) -> bool:
    """Whether rows of ``model`` name their tenant."""
    return any(field.name == "tenant" for field in model._meta.concrete_fields)


class TenantForm(BaseForm):
    """A form whose row and everything it refers to belong to one tenant."""

    def clean(self) -> dict[str, Any]:
        """Refuse references into another tenant."""
        values = super().clean() or self.cleaned_data
        tenant = values["tenant"].pk if values.get("tenant") else self.instance.tenant_id
        for name, value in list(values.items()):
            if tenant and getattr(value, "tenant_id", tenant) != tenant:
                self.add_error(name, "This belongs to another tenant. Choose one of the same tenant.")
        return values

    def _get_validation_exclusions(self) -> set[str]:
        # Names are unique within a tenant: the check needs the tenant also where the form does not show it.
        excluded = set(super()._get_validation_exclusions())  # type: ignore[misc]  # not in the stubs
        # A child of a parent whose own tenant was refused has none.
        return excluded - {"tenant"} if self.instance.tenant_id else excluded


class TenantInlineFormSet(BaseFormSet):
    """Child rows that belong to their parent's tenant."""

    def _construct_form(self, i: int, **kwargs: Any) -> Any:
        form = super()._construct_form(i, **kwargs)  # type: ignore[misc]  # not in the stubs
        form.instance.tenant_id = self.instance.tenant_id
        return form

    @property
    def empty_form(self) -> Any:
        """The form that the page copies for one more row."""
        form = super().empty_form
        form.instance.tenant_id = self.instance.tenant_id
        return form


class TenantRights(BaseOptions):
    """Viewers look, operators also act, admins also change; each in their own tenants only."""

    def has_role(self, request: HttpRequest, obj: Any, needed: Role) -> bool:
        """Whether the user has the role in the tenant of ``obj``, or in any tenant without one."""
        tenant = getattr(obj, "tenant_id", None)
        allowed = tenants_with(request, needed)
        return bool(allowed) if tenant is None else tenant in allowed

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Members see the app."""
        return self.has_role(request, None, Role.VIEWER)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Viewers."""
        return self.has_role(request, obj, Role.VIEWER)

    def has_operate_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Operators: for ``@admin.action(permissions=["operate"])``."""
        return self.has_role(request, obj, Role.OPERATOR)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Admins."""
        return self.has_role(request, obj, Role.ADMIN)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Admins."""
        return self.has_role(request, obj, Role.ADMIN)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Admins."""
        return self.has_role(request, obj, Role.ADMIN)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """The rows of the user's tenants."""
        return super().get_queryset(request).filter(tenant__in=tenants_with(request, Role.VIEWER))

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer the rows of the user's tenants; the tenant itself is hidden where there is no choice."""
        writable = tenants_with(request, Role.ADMIN)
        if db_field.remote_field.model is Tenant:
            kwargs["queryset"] = Tenant.objects.filter(pk__in=writable)
            if len(writable) == 1:
                kwargs |= {"initial": writable[0], "widget": forms.HiddenInput()}
        elif belongs_to_tenant(db_field.remote_field.model):
            kwargs["queryset"] = own_rows(db_field.remote_field.model, writable)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


def own_rows(model: type[models.Model], tenants: list[int]) -> models.QuerySet[Any]:
    """The rows of ``model`` in ``tenants``."""
    return model._default_manager.filter(tenant__in=tenants)


class TenantAdmin(TenantRights, BaseAdmin):
    """The admin of a model whose rows belong to a tenant. Base class in place of ``ModelAdmin``."""

    form = TenantForm

    def permitted(
        self, request: HttpRequest, rows: models.QuerySet[Any], needed: Role = Role.OPERATOR
    ) -> models.QuerySet[Any]:
        """Those of ``rows`` an action may touch; the user is told how many it may not."""
        allowed = rows.filter(tenant__in=tenants_with(request, needed))
        refused = rows.count() - allowed.count()
        if refused:
            note = f"Left out {refused} of another tenant: this needs the role {needed.label} there."
            self.message_user(request, note, messages.WARNING)
        return allowed

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save what the user may change: an edit in the list checks no single row before."""
        require(request.user, obj.tenant_id, Role.ADMIN)
        super().save_model(request, obj, form, change)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any] | tuple[Any, ...]:
        """A row stays in its tenant."""
        fixed = super().get_readonly_fields(request, obj)
        return fixed if obj is None or "tenant" in fixed else [*fixed, "tenant"]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Existing rows show their tenant only to people with several."""
        sets = super().get_fieldsets(request, obj)
        if obj is None or self.has_several(request):
            return sets
        return [
            (title, {**options, "fields": [name for name in options["fields"] if name != "tenant"]})
            for title, options in sets
        ]

    def get_list_display(self, request: HttpRequest) -> list[Any] | tuple[Any, ...]:
        """People with several tenants see whose row it is."""
        columns = super().get_list_display(request)
        return [*columns, "tenant"] if self.has_several(request) and "tenant" not in columns else columns

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        """People with several tenants choose one; no filter offers names of other tenants' rows."""
        tenant = ["tenant"] if self.has_several(request) else []
        return [self.own_choices(name) for name in [*tenant, *super().get_list_filter(request)]]

    def get_list_select_related(self, request: HttpRequest) -> Any:
        """The tenant's column costs no query per row."""
        chosen = super().get_list_select_related(request)
        return chosen if chosen is True else [*(chosen or ()), "tenant"]

    def own_choices(self, name: Any) -> Any:
        """A filter by a reference offers only what the user's own rows refer to."""
        try:
            relation = isinstance(name, str) and self.model._meta.get_field(name).is_relation
        except FieldDoesNotExist:
            relation = False
        return (name, admin.RelatedOnlyFieldListFilter) if relation else name

    def has_several(self, request: HttpRequest) -> bool:
        """Whether the user sees more than one tenant."""
        return len(roles_in(request)) > 1


class TenantInline(TenantRights, BaseInline):
    """Child rows in the page of their parent: they take its tenant. Replaces ``TabularInline``."""

    form = TenantForm
    formset = TenantInlineFormSet
    exclude = ("tenant",)
    extra = 0


class ReadOnly(BaseOptions):
    """Rows that only the product itself writes, for models that name no tenant of their own."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False


class ReadOnlyTenantAdmin(ReadOnly, TenantAdmin):
    """Rows of a tenant that only the product itself writes."""
