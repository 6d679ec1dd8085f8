"""Which addresses are for log-in, log-out and the choice of a tenant?"""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from apps.tenants.forms import LoginForm
from apps.tenants.views import start, switch_tenant

urlpatterns = [
    path("login/", LoginView.as_view(authentication_form=LoginForm), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("start/", start, name="start"),
    path("switch-tenant/", switch_tenant, name="switch-tenant"),
]
