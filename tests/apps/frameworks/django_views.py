import hashlib
import os
import tempfile

from django.conf import settings
from django.http import FileResponse, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.template import engines

PAGE = "<form method=post>{% csrf_token %}<input name=word></form><p>{{ word }}</p>"


def form(request):
    if request.method == "POST":
        request.session["word"] = request.POST["word"]
        return HttpResponseRedirect("/form/")
    template = engines["django"].from_string(PAGE)
    return HttpResponse(template.render({"word": request.session.get("word", "")}, request))


def upload(request):
    if request.method == "GET":
        return HttpResponse(engines["django"].from_string(PAGE).render({}, request))
    digests = [f"{file.name} {file.size} {hashlib.sha256(file.read()).hexdigest()}" for file in request.FILES.values()]
    return HttpResponse("\n".join([*digests, request.POST["word"]]), content_type="text/plain")


def download(request):
    file = tempfile.TemporaryFile()
    file.write(bytes(range(256)) * 4096)
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename="all bytes.bin")


def stream(request):
    return StreamingHttpResponse((f"row {number}\n" for number in range(1000)), content_type="text/csv")


def crash(request):
    raise LookupError("secret of the view")


def which(request):
    return HttpResponse(f"{settings.SETTINGS_MODULE} {settings.ROOT_URLCONF} {os.environ['DJANGO_SETTINGS_MODULE']}")
