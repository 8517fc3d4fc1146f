"""``python -m rwsgi``: the command of this Python's package."""

from rwsgi.command import main

main()
