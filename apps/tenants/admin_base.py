"""What may a person see and do in the admin site? Their role in the row's tenant decides."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.http import HttpRequest

from apps.tenants.current import roles_in
from apps.tenants.models import Role, Tenant
from apps.tenants.permissions import may_act_as, require

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
    """The ids of the tenants in which the user of the request has ``role`` or a higher one."""
    return [tenant for tenant, held in roles_in(request).items() if may_act_as(held, role)]


def has_tenant(model: type[models.Model]) -> bool:
    """Whether rows of ``model`` have a tenant."""
    return any(field.name == "tenant" for field in model._meta.concrete_fields)


class TenantForm(BaseForm):
    """A form whose row belongs to the same tenant as everything that the row refers to."""

    def clean(self) -> dict[str, Any]:
        """Refuse references into another tenant."""
        values = super().clean() or self.cleaned_data
        tenant = values["tenant"].pk if values.get("tenant") else self.instance.tenant_id
        for name, value in list(values.items()):
            if tenant and getattr(value, "tenant_id", tenant) != tenant:
                self.add_error(name, "This belongs to another tenant. Choose one from the same tenant.")
        return values

    def _get_validation_exclusions(self) -> set[str]:
        # Names are unique within a tenant, so the check needs the tenant even if the form does not show it.
        excluded = set(super()._get_validation_exclusions())  # type: ignore[misc]  # not in the stubs
        # A child has no tenant if its parent's tenant was refused.
        return excluded - {"tenant"} if self.instance.tenant_id else excluded


class TenantInlineFormSet(BaseFormSet):
    """Child rows that belong to their parent's tenant."""

    def _construct_form(self, i: int, **kwargs: Any) -> Any:
        form = super()._construct_form(i, **kwargs)  # type: ignore[misc]  # not in the stubs
        form.instance.tenant_id = self.instance.tenant_id
        return form

    @property
    def empty_form(self) -> Any:
        """The empty form that the page copies for each new row."""
        form = super().empty_form
        form.instance.tenant_id = self.instance.tenant_id
        return form


class TenantRights(BaseOptions):
    """Viewers read, operators also act, admins also change rows, all in their own tenants only."""

    def has_role(self, request: HttpRequest, obj: Any, needed: Role) -> bool:
        """Whether the user has the role in the tenant of ``obj``; without ``obj``, in any tenant."""
        tenant = getattr(obj, "tenant_id", None)
        allowed = tenants_with(request, needed)
        return bool(allowed) if tenant is None else tenant in allowed

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Every member sees the app."""
        return self.has_role(request, None, Role.VIEWER)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Viewers and higher roles."""
        return self.has_role(request, obj, Role.VIEWER)

    def has_operate_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Operators and admins; used by ``@admin.action(permissions=["operate"])``."""
        return self.has_role(request, obj, Role.OPERATOR)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Admins only."""
        return self.has_role(request, obj, Role.ADMIN)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Admins only."""
        return self.has_role(request, obj, Role.ADMIN)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Admins only."""
        return self.has_role(request, obj, Role.ADMIN)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """The rows of the user's tenants."""
        return super().get_queryset(request).filter(tenant__in=tenants_with(request, Role.VIEWER))

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer the rows of the user's tenants. The tenant field is hidden if the user has only one tenant."""
        writable = tenants_with(request, Role.ADMIN)
        if db_field.remote_field.model is Tenant:
            kwargs["queryset"] = Tenant.objects.filter(pk__in=writable)
            if len(writable) == 1:
                kwargs |= {"initial": writable[0], "widget": forms.HiddenInput()}
        elif has_tenant(db_field.remote_field.model):
            kwargs["queryset"] = own_rows(db_field.remote_field.model, writable)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


def own_rows(model: type[models.Model], tenants: list[int]) -> models.QuerySet[Any]:
    """The rows of ``model`` in ``tenants``."""
    return model._default_manager.filter(tenant__in=tenants)


class TenantAdmin(TenantRights, BaseAdmin):
    """The base class of the admin of a model whose rows belong to a tenant."""

    form = TenantForm

    def permitted(
        self, request: HttpRequest, rows: models.QuerySet[Any], needed: Role = Role.OPERATOR
    ) -> models.QuerySet[Any]:
        """The rows that the user may act on. A message tells the user how many rows were left out."""
        allowed = rows.filter(tenant__in=tenants_with(request, needed))
        refused = rows.count() - allowed.count()
        if refused:
            rows_left = f"{refused} row{'' if refused == 1 else 's'}"
            note = f"{rows_left} of another tenant left out: you need the {needed.label} role in that tenant."
            self.message_user(request, note, messages.WARNING)
        return allowed

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save the row if the user may change it. Django does not check this for edits in the list."""
        require(request.user, obj.tenant_id, Role.ADMIN)
        super().save_model(request, obj, form, change)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any] | tuple[Any, ...]:
        """The tenant of an existing row cannot be changed."""
        fixed = super().get_readonly_fields(request, obj)
        return fixed if obj is None or "tenant" in fixed else [*fixed, "tenant"]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Existing rows show their tenant only to users with several tenants."""
        sets = super().get_fieldsets(request, obj)
        if obj is None or self.has_several(request):
            return sets
        return [
            (title, {**options, "fields": [name for name in options["fields"] if name != "tenant"]})
            for title, options in sets
        ]

    def get_list_display(self, request: HttpRequest) -> list[Any] | tuple[Any, ...]:
        """Users with several tenants get a tenant column."""
        columns = super().get_list_display(request)
        return [*columns, "tenant"] if self.has_several(request) and "tenant" not in columns else columns

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        """Users with several tenants get a tenant filter. No filter offers rows of other tenants."""
        tenant = ["tenant"] if self.has_several(request) else []
        return [self.own_choices(name) for name in [*tenant, *super().get_list_filter(request)]]

    def get_list_select_related(self, request: HttpRequest) -> Any:
        """Load the tenant with the rows, so that its column needs no query per row."""
        chosen = super().get_list_select_related(request)
        return chosen if chosen is True else [*(chosen or ()), "tenant"]

    def own_choices(self, name: Any) -> Any:
        """A filter by a foreign key offers only values that the user's own rows have."""
        try:
            is_relation = isinstance(name, str) and self.model._meta.get_field(name).is_relation
        except FieldDoesNotExist:
            is_relation = False
        return (name, admin.RelatedOnlyFieldListFilter) if is_relation else name

    def has_several(self, request: HttpRequest) -> bool:
        """Whether the user sees more than one tenant."""
        return len(roles_in(request)) > 1


class TenantInline(TenantRights, BaseInline):
    """Child rows on the page of their parent. They get the parent's tenant."""

    form = TenantForm
    formset = TenantInlineFormSet
    exclude = ("tenant",)
    extra = 0


class ReadOnly(BaseOptions):
    """The admin of rows that only the product writes, for models without a tenant column."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """No user may."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """No user may."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """No user may."""
        return False


class ReadOnlyTenantAdmin(ReadOnly, TenantAdmin):
    """The admin of a tenant's rows that only the product writes."""
