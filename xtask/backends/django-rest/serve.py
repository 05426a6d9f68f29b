"""A small app on Django REST framework, in one file: `serve.py DATABASE PORT`.

/notes/   ids made by the server, pages with `next`, filters and order by time
/tagged/  ids made by the client
/private/ like /notes/, for ann with the password s3cret alone; bob may read

/loose/   ids made by the client, any fields besides, and in `rev` another text after every change
/guarded/ the same, and it honours If-Match with `rev`

/notes-1/ and so on to /notes-40/, and the same of the others but /private/, are more of the same, so that tests can
share a server.
"""
import sys
import threading
import uuid

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
from django.utils import timezone  # noqa: E402
from django.views.decorators.http import condition  # noqa: E402
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


class Box(models.Model):
    id = models.CharField(primary_key=True, max_length=200)
    body = models.JSONField(default=dict)
    rev = models.CharField(max_length=32)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True


def box(name):
    meta = type("Meta", (), {"app_label": "notes"})
    return type(name, (Box,), {"__module__": __name__, "Meta": meta})


class BoxSerializer(serializers.BaseSerializer):
    own = ("id", "rev", "updated_at")

    def to_internal_value(self, data):
        if not isinstance(data, dict) or not isinstance(data.get("id"), str):
            raise serializers.ValidationError({"id": ["An object with a text as its id is expected."]})
        body = {name: value for name, value in data.items() if name not in self.own}
        return {"id": data["id"], "body": body}

    def to_representation(self, row):
        changed = timezone.localtime(row.updated_at).isoformat()
        return {**row.body, "id": row.id, "rev": row.rev, "updated_at": changed}

    def create(self, data):
        rows = self.context["view"].queryset
        if rows.filter(id=data["id"]).exists():
            raise serializers.ValidationError({"id": ["A record with this id is there."]})
        return rows.model.objects.create(rev=uuid.uuid4().hex, **data)

    def update(self, row, data):
        row.body, row.rev = data["body"], uuid.uuid4().hex
        row.save()
        return row


TABLES = {"notes": table("Note"), "tagged": tagged("Tagged"), "private": table("Private")}
BOXES = {"loose": box("Loose"), "guarded": box("Guarded")}
for number in range(1, 41):
    TABLES[f"notes-{number}"] = table(f"Note{number}")
    TABLES[f"tagged-{number}"] = tagged(f"Tagged{number}")
    BOXES[f"loose-{number}"] = box(f"Loose{number}")
    BOXES[f"guarded-{number}"] = box(f"Guarded{number}")


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


def boxes(model_of, guarded):
    class Views(viewsets.ModelViewSet):
        queryset = model_of.objects.order_by("updated_at", "id")
        serializer_class = BoxSerializer
        pagination_class = Pages
        permission_classes = []
        filter_backends = [DjangoFilterBackend, filters.OrderingFilter]
        filterset_fields = {"updated_at": ["gte"]}
        ordering_fields = ["updated_at", "id"]
        lookup_value_regex = "[^/]+"

        def dispatch(self, request, *args, **kwargs):
            # What If-Match is compared with must still be there when the write is done.
            with LOCK:
                handler = super().dispatch
                if guarded and "pk" in kwargs:
                    handler = condition(etag_func=self.etag)(handler)
                return handler(request, *args, **kwargs)

        def etag(self, request, pk):
            rev = self.queryset.filter(pk=pk).values_list("rev", flat=True).first()
            return rev and f'"{rev}"'

    return Views


LOCK = threading.Lock()
router = routers.DefaultRouter()
for path_name, model in TABLES.items():
    may = [OwnerWrites] if path_name == "private" else []
    router.register(path_name, views(model, *may), basename=path_name)
for path_name, model in BOXES.items():
    router.register(path_name, boxes(model, path_name.startswith("guarded")), basename=path_name)

urlpatterns = [
    path("health/", lambda request: HttpResponse("ok")),
    path("", include(router.urls)),
]

call_command("migrate", verbosity=0)
with connection.schema_editor() as editor:
    for model in [*TABLES.values(), *BOXES.values()]:
        editor.create_model(model)
for name in ("ann", "bob"):
    User.objects.create_user(name, password="s3cret")

run("127.0.0.1", int(PORT), get_wsgi_application(), threading=True)
