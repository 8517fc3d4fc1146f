"""The worker of mod_rwsgi: what the processes of a daemon group run applications with.

Applications do not import it. The supervisor starts a group's Python, which finds it here. Where pip installed it, the
command and the Apache module lie in ``bin``.
"""
