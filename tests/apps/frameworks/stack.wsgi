import os

from flask_site import create_app
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from whitenoise import WhiteNoise

application = DispatcherMiddleware(create_app(), {"/inner": create_app()})
application = WhiteNoise(application, root=os.path.join(os.path.dirname(__file__), "assets"), prefix="assets/")
application = ProxyFix(application, x_for=1, x_proto=1, x_host=1, x_prefix=1)
