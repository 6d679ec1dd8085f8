"""Who calls the API, and for which tenant?

The caller sends a bearer token (our own, or one of the central auth service) or the session cookie of a page (with the
CSRF token for writes). The header ``X-Tenant: slug`` chooses one of the caller's tenants. Without it, the tenant of the
session is used, or else the caller's first tenant.
"""

from typing import cast

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError
from ninja.security import HttpBearer, SessionAuth

from apps.tenants.central import user_of_central_token
from apps.tenants.current import NO_TENANT, TenantRequest, enter_tenant
from apps.tenants.models import Role, Tenant, User
from apps.tenants.permissions import require
from apps.tenants.selectors import tenants_of
from apps.tenants.tokens import InvalidTokenError, user_of_access_token


class BearerToken(HttpBearer):
    """``Authorization: Bearer …``."""

    def authenticate(self, request: HttpRequest, token: str) -> User:
        """Make the token's user the user of the request; 401 for an invalid token."""
        try:
            user = user_of_access_token(token)
        except InvalidTokenError as error:
            central = user_of_central_token(token)
            if central is None:
                raise AuthenticationError(message=str(error)) from error
            user = central
        request.user = user
        choose_tenant(request)
        return user


class Session(SessionAuth):
    """The session cookie, with the CSRF token for writes."""

    def __call__(self, request: HttpRequest) -> User:
        """The user of the session; 401 without a user, 403 without the CSRF token."""
        if not isinstance(request.user, User):
            raise AuthenticationError(message="Log in, or send a bearer token.")
        super().__call__(request)
        choose_tenant(request)
        return request.user


API_AUTH = [BearerToken(), Session()]


def member_tenant(request: HttpRequest, role: Role = Role.VIEWER) -> Tenant:
    """The tenant of a request; 403 if the caller has no tenant, or a lower role in it than ``role``."""
    tenant = cast(TenantRequest, request).tenant
    if not tenant:
        raise HttpError(403, NO_TENANT)
    if role != Role.VIEWER:  # every member is a viewer
        require(request.user, tenant, role)
    return tenant


def choose_tenant(request: HttpRequest) -> None:
    """Enter the tenant that the header names; 404 if the caller has no role in it."""
    slug = request.headers.get("X-Tenant", "")
    if not slug:
        return
    tenant = tenants_of(request.user).filter(slug=slug).first()
    if tenant is None:
        raise HttpError(404, "The header X-Tenant does not name one of your tenants.")
    enter_tenant(request, tenant)


def answer_refusals_in_json(api: NinjaAPI) -> None:
    """Make ``api`` answer a missing permission with 403 and a sentence in JSON."""

    @api.exception_handler(PermissionDenied)
    def forbidden(request: HttpRequest, error: PermissionDenied) -> HttpResponse:
        return api.create_response(request, {"detail": str(error) or "Your role does not allow this."}, status=403)
