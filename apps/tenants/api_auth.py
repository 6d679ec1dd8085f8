"""Who calls the API, and for which tenant?

A bearer token (our own, or the central service's) or a page's session (with the CSRF token for writes). The
header ``X-Tenant: slug`` chooses among the caller's tenants; without it the session's choice stands, or the
first one.
"""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError
from ninja.security import HttpBearer, SessionAuth

from apps.tenants.central import user_of_central_token
from apps.tenants.current import enter_tenant
from apps.tenants.models import User
from apps.tenants.selectors import tenants_of
from apps.tenants.tokens import InvalidToken, user_of_access_token


class BearerToken(HttpBearer):
    """``Authorization: Bearer …``."""

    def authenticate(self, request: HttpRequest, token: str) -> User:
        """The token's user becomes the request's; 401 for a token that is nobody's."""
        try:
            user = user_of_access_token(token)
        except InvalidToken as error:
            central = user_of_central_token(token)
            if central is None:
                raise AuthenticationError(message=str(error)) from error
            user = central
        request.user = user
        choose_tenant(request)
        return user


class Session(SessionAuth):
    """The session cookie, together with the CSRF token for anything that writes."""

    def __call__(self, request: HttpRequest) -> User:
        """The session's user; 401 without one, 403 without the CSRF token."""
        if not isinstance(request.user, User):
            raise AuthenticationError(message="Log in, or send a bearer token.")
        super().__call__(request)
        choose_tenant(request)
        return request.user


API_AUTH = [BearerToken(), Session()]


def choose_tenant(request: HttpRequest) -> None:
    """Enter the tenant that the header names; 404 for one that is not the caller's."""
    slug = request.headers.get("X-Tenant", "")
    if not slug:
        return
    tenant = tenants_of(request.user).filter(slug=slug).first()
    if tenant is None:
        raise HttpError(404, "X-Tenant names no tenant of yours.")
    enter_tenant(request, tenant)


def answer_refusals_in_json(api: NinjaAPI) -> None:
    """Let ``api`` answer a missing right with 403 and its sentence."""

    @api.exception_handler(PermissionDenied)
    def forbidden(request: HttpRequest, error: PermissionDenied) -> HttpResponse:
        return api.create_response(request, {"detail": str(error) or "This needs another role."}, status=403)
