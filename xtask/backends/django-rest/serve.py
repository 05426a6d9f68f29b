"""A small app on Django REST framework, in one file: `serve.py DATABASE PORT`.

/notes/   ids made by the server, pages with `next`, filters and order by time
/tagged/  ids made by the client
/private/ like /notes/, for ann with the password s3cret alone; bob may read

/notes-1/ to /notes-20/ and /tagged-1/ to /tagged-20/ are more of the same, so that tests can share a server.
"""
import sys

import django
from django.conf import settings

DATABASE, PORT = sys.argv[1], sys.argv[2]

settings.configure(
    DEBUG=False,
    SECRET_KEY="of-the-tests",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django_filters",
        "rest_framework",
    ],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": DATABASE}},
    # The zone that Django starts projects with: times come with -06:00 or -05:00.
    TIME_ZONE="America/Chicago",
    USE_TZ=True,
    # Every request names its user; the usual hasher takes half a second to see who it is.
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.BasicAuthentication"],
        "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    },
)
django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.servers.basehttp import run  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connection, models  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.urls import include, path  # noqa: E402
from django_filters.rest_framework import DjangoFilterBackend  # noqa: E402
from rest_framework import (  # noqa: E402
    filters,
    pagination,
    permissions,
    routers,
    serializers,
    viewsets,
)


class Fields(models.Model):
    title = models.TextField(blank=True, default="")
    stars = models.IntegerField(null=True, default=None)
    done = models.BooleanField(default=False)
    tags = models.JSONField(default=list)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True


def table(name, **fields):
    meta = type("Meta", (), {"app_label": "notes"})
    return type(name, (Fields,), {"__module__": __name__, "Meta": meta, **fields})


def tagged(name):
    return table(name, id=models.CharField(primary_key=True, max_length=200))


TABLES = {"notes": table("Note"), "tagged": tagged("Tagged"), "private": table("Private")}
for number in range(1, 21):
    TABLES[f"notes-{number}"] = table(f"Note{number}")
    TABLES[f"tagged-{number}"] = tagged(f"Tagged{number}")


class Pages(pagination.PageNumberPagination):
    page_size = 3
    page_size_query_param = "page_size"
    max_page_size = 100


class OwnerWrites(permissions.BasePermission):
    def has_permission(self, request, view):
        if not request.user.is_authenticated:
            return False
        return request.method in permissions.SAFE_METHODS or request.user.username == "ann"


def views(model_of, *may):
    class Serializer(serializers.ModelSerializer):
        class Meta:
            model = model_of
            fields = ["id", "title", "stars", "done", "tags", "updated_at"]
            read_only_fields = ["updated_at"]

    class Views(viewsets.ModelViewSet):
        queryset = model_of.objects.order_by("updated_at", "id")
        serializer_class = Serializer
        pagination_class = Pages
        permission_classes = list(may)
        filter_backends = [DjangoFilterBackend, filters.OrderingFilter]
        filterset_fields = {"updated_at": ["gte", "gt"], "id": ["in"]}
        ordering_fields = ["updated_at", "id"]
        lookup_value_regex = "[^/]+"

    return Views


router = routers.DefaultRouter()
for path_name, model in TABLES.items():
    may = [OwnerWrites] if path_name == "private" else []
    router.register(path_name, views(model, *may), basename=path_name)

urlpatterns = [
    path("health/", lambda request: HttpResponse("ok")),
    path("", include(router.urls)),
]

call_command("migrate", verbosity=0)
with connection.schema_editor() as editor:
    for model in TABLES.values():
        editor.create_model(model)
for name in ("ann", "bob"):
    User.objects.create_user(name, password="s3cret")

run("127.0.0.1", int(PORT), get_wsgi_application(), threading=True)
