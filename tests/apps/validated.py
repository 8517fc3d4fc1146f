"""Runs another application of this directory under wsgiref.validate: /NAME/PATH runs NAME.py."""

import importlib.util
import os
from wsgiref.util import shift_path_info
from wsgiref.validate import validator

LOADED = {}


def load(name):
    if name not in LOADED:
        path = os.path.join(os.path.dirname(__file__), name + ".py")
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        LOADED[name] = validator(module.application)
    return LOADED[name]


def application(environ, start_response):
    return load(shift_path_info(environ))(environ, start_response)
