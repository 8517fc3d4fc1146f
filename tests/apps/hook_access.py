"""Lets clients in by what the query string says."""

HOSTS = []


def allow_access(environ, host):
    HOSTS.append(host)
    case = environ["QUERY_STRING"]
    if case == "raise":
        raise ValueError("not today")
    answers = {"yes": True, "no": False, "pass": None, "one": 1, "zero": 0, "text": "yes", "list": [True]}
    return answers[case]


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [repr(HOSTS[-1]).encode()]
