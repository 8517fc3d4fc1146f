import io

from flask import Flask, Response, abort, redirect, render_template_string, request, send_file, session, stream_with_context, url_for

FORM = """<form method=post><input name=word></form>
<ul>{% for word in words %}<li>{{ word }}</li>{% endfor %}</ul>"""


def create_app():
    app = Flask(__name__)
    app.secret_key = "for tests only"

    @app.route("/")
    def index():
        return {"root": request.script_root, "path": request.path, "url": request.url, "secure": request.is_secure}

    @app.route("/words/<int:most>", methods=["GET", "POST"])
    def words(most):
        if request.method == "POST":
            session["words"] = (session.get("words", []) + [request.form["word"]])[-most:]
            return redirect(url_for("words", most=most))
        return render_template_string(FORM, words=session.get("words", []))

    @app.route("/upload", methods=["POST"])
    def upload():
        file = request.files["file"]
        return {"name": file.filename, "size": len(file.read()), "json": request.form["note"]}

    @app.route("/json", methods=["POST"])
    def json():
        return {"sum": sum(request.get_json()["numbers"])}

    @app.route("/stream")
    def stream():
        @stream_with_context
        def rows():
            for number in range(100):
                yield f"{number} {request.args['name']}\n"

        return Response(rows(), mimetype="text/plain")

    @app.route("/file")
    def file():
        return send_file(io.BytesIO(b"0123456789" * 1000), download_name="digits.txt")

    @app.route("/crash")
    def crash():
        raise LookupError("secret of the view")

    @app.route("/refuse")
    def refuse():
        abort(403)

    @app.errorhandler(404)
    def missing(error):
        return "nothing of that name", 404

    return app
