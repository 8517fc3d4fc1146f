# What --reload puts around an application: a page with the traceback where there would be an error, and, as long
# as an edit cannot be loaded, the version before it for everything but pages.


def _rwsgi_development(load, state, name):
    import html
    import os
    import sys
    import traceback

    failure_file = os.path.join(state, name + ".failure")
    loaded_file = os.path.join(state, name + ".loaded")

    def failure():
        try:
            with open(failure_file, encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def page(text, about):
        last = text.strip().splitlines()[-1]
        return (
            "<!DOCTYPE html><meta charset=utf-8><title>%s</title>"
            "<style>body{font:16px sans-serif;margin:2em auto;max-width:70em;padding:0 1em}"
            "pre{background:#f4f4f4;padding:1em;overflow:auto}h1{font-size:1.3em}</style>"
            "<h1>%s</h1><p>%s</p><pre>%s</pre><p>rwsgi serve --reload shows this; other servers do not.</p>"
            % (html.escape(last), html.escape(last), about, html.escape(text))
        ).encode("utf-8", "replace")

    def answer(start_response, text, about, exc_info=None):
        body = page(text, about)
        headers = [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(body)))]
        start_response("500 Internal Server Error", headers, exc_info)
        return [body]

    application = None
    try:
        application = load()
    except (Exception, SystemExit):
        text = traceback.format_exc()
        with open(failure_file + ".new", "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
        os.replace(failure_file + ".new", failure_file)
        if os.path.exists(loaded_file):
            # The processes of the version before go on.
            raise
        sys.stderr.write(text)
    else:
        with open(loaded_file, "w"):
            pass
        try:
            os.unlink(failure_file)
        except FileNotFoundError:
            pass

    def development(environ, start_response):
        text = failure()
        if text is not None and (application is None or "text/html" in environ.get("HTTP_ACCEPT", "")):
            about = "The application cannot be loaded."
            if application is not None:
                about += " Until it can, the version before goes on with everything but pages."
            return answer(start_response, text, about)
        if application is None:
            return answer(start_response, "not loaded", "The application is being loaded again.")
        try:
            return application(environ, start_response)
        except Exception:
            text = traceback.format_exc()
            environ["wsgi.errors"].write(text)
            return answer(start_response, text, "The application raised this.", sys.exc_info())

    return development
