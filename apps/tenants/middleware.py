"""How does every request get its tenant and its time zone?"""

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from apps.tenants.current import attach_tenant


class CurrentTenantMiddleware:
    """Sets ``request.tenant`` and ``request.role`` lazily, under WSGI and ASGI.

    An async view must read them inside ``sync_to_async``, because reading them queries the database.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        """The response, or the coroutine that returns it."""
        attach_tenant(request)
        return self.get_response(request)


def time_zone_middleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Show times in the time zone that the user has chosen."""

    def answer(request: HttpRequest) -> HttpResponse:
        chosen = getattr(request.user, "time_zone", "")
        with timezone.override(ZoneInfo(chosen) if chosen else None):
            return get_response(request)

    return answer
