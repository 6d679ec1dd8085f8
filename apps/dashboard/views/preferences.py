"""How does a person change their preferences?"""

from zoneinfo import available_timezones

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from apps.tenants.current import TenantRequest
from apps.tenants.forms import PreferencesForm


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def preferences(request: TenantRequest) -> HttpResponse:
    """Show the form, and save it. Errors are shown beside their fields."""
    form = PreferencesForm(request.POST or None, instance=request.user)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Preferences saved.")
        return redirect("preferences")
    return render(request, "dashboard/preferences.html", {"form": form, "zones": sorted(available_timezones())})
