//! `process_stopping`.

use super::super::{GROUPS, mode};
use super::with_source;
use crate::modes::Mode;

#[test]
fn python_module_every_interpreter_hears_of_the_stop() {
    let server = with_source(
        "import sys, mod_wsgi\n\
         def tell(kind):\n    \
             def callback(name, **event):\n        \
                 print('marker', kind, repr(mod_wsgi.application_group), name, event, file=sys.stderr)\n    \
             return callback\n\
         mod_wsgi.subscribe_events(tell('event'))\n\
         mod_wsgi.subscribe_shutdown(tell('shutdown'))\n\
         def application(environ, start_response):\n    \
             mod_wsgi.event_callbacks[:] = [tell('event')]\n    \
             start_response('200 OK', [])\n    \
             return [b'']\n",
    )
    .allow_log("marker")
    .start();
    for group in GROUPS {
        assert_eq!(server.get(group).status, 200);
    }
    let reason = match mode() {
        Mode::Embedded => "",
        Mode::Daemon => "shutdown_signal",
    };
    for group in ["", "sub"] {
        for kind in ["event", "shutdown"] {
            server.expect_log(&format!(
                r"marker {kind} '{group}' process_stopping \{{'shutdown_reason': '{reason}'\}}"
            ));
        }
    }
    server.finish();
}

/// What a callback raises neither keeps others from being called nor the process from stopping.
#[test]
fn python_module_a_broken_shutdown_callback_is_logged() {
    let server = with_source(
        "import sys, mod_wsgi\n\
         @mod_wsgi.subscribe_shutdown\n\
         def broken(name, **event):\n    \
             raise ValueError('broken ' + name)\n\
         @mod_wsgi.subscribe_shutdown\n\
         def leaving(name, **event):\n    \
             sys.exit('leaving')\n\
         @mod_wsgi.subscribe_shutdown\n\
         def fine(name, **event):\n    \
             print('marker fine', file=sys.stderr)\n\
         def application(environ, start_response):\n    \
             start_response('200 OK', [])\n    \
             return [b'']\n",
    )
    .expect_log("WSGI0112: ValueError exception raised by event callback for 'process_stopping'")
    .expect_log("WSGI0190: SystemExit exception raised by event callback for 'process_stopping'; ignored")
    .expect_log("marker fine")
    .expect_exception("ValueError: broken process_stopping")
    .expect_exception("SystemExit: leaving")
    .start();
    for group in GROUPS {
        assert_eq!(server.get(group).status, 200);
    }
    server.finish();
}
