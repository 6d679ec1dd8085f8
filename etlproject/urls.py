"""Which addresses are there?"""

from django.contrib import admin
from django.urls import include, path

from etlproject.api import api

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/", api.urls),
    path("", include("apps.tenants.urls")),
    path("", include("apps.dashboard.urls")),
]
