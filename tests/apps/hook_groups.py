"""Answers which groups a user is in, by the user's name."""


def check_password(environ, user, password):
    return True


def broken_off():
    yield "staff"
    raise ValueError("the directory went away")


class NotIterable:
    def __iter__(self):
        raise KeyError("no iterator")


def groups_for_user(environ, user):
    assert environ["REQUEST_METHOD"] == "GET"
    answers = {
        "member": ["other", "staff"],
        "bytes": (b"staff",),
        "generated": (name for name in ("a", "staff")),
        "second": {"two words"},
        "upper": ["STAFF", "Staff"],
        "prefix": ["staf", "staffs", "staff "],
        "nobody": [],
        "none": None,
        "number": 7,
        "item": ["staff", 7],
        "wide": ["staff", "\u20ac"],
        "broken": broken_off(),
        "iter": NotIterable(),
        "text": "staff",
        "umlaut": ["gr\xfcn"],
    }
    return answers[user]
