#!/usr/bin/python3
"""A worker that serves nothing: it speaks with its supervisor and does what files and signals tell it."""

import faulthandler
import json
import mmap
import os
import select
import signal
import socket
import struct
import sys

channel = socket.socket(fileno=5)


def send(message):
    text = json.dumps(message).encode()
    channel.sendall(struct.pack("=I", len(text)) + text)


def read(count):
    data = b""
    while len(data) < count:
        piece = channel.recv(count - len(data))
        if not piece:
            return None
        data += piece
    return data


def receive():
    head = read(4)
    return head and json.loads(read(struct.unpack("=I", head)[0]))


def note(*words):
    with open(os.environ["STUB_TRACE"], "a") as trace:
        print(os.getpid(), *words, file=trace, flush=True)


def load(script):
    """What the script's contents ask for; whether it can be loaded."""
    with open(script) as file:
        what, *rest = (file.read().split() or ["ok"])
    if what == "exit":
        os._exit(int(rest[0]))
    if what == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if what == "babble":
        channel.sendall(b"\xff" * 8)
        signal.pause()
    if what == "flood":
        while True:
            send({"Loading": {"import": {"script": script * 100, "application_group": ""}}})
    if what == "end":
        signal.alarm(int(rest[0]))
        signal.signal(signal.SIGALRM, lambda number, frame: os._exit(0))
    if what == "hang":
        signal.pause()
    return what != "broken"


def main():
    faulthandler.enable(7)
    pending = []
    for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM):
        signal.signal(number, lambda number, frame: pending.append(number))
    send({"Hello": {"version": os.environ["STUB_VERSION"], "python": sys.version.split()[0]}})
    plan = receive()["Start"]
    loads = plan["loads"]
    note("started", plan["instance"], *(one["import"]["script"].rsplit("/", 1)[1] for one in loads))
    send({"Ready": {"failures": [one for one in loads if not load(one["import"]["script"])]}})
    board = mmap.mmap(4, 0)
    state = (16 + plan["position"] * 16) * 4
    sources = [channel, 6]
    while True:
        try:
            ready = select.select(sources, [], [], 0.02)[0]
        except InterruptedError:
            ready = []
        while pending:
            number = pending.pop(0)
            if number == signal.SIGUSR1:
                send({"WantsReplacement": {"reason": "eviction_signal"}})
            elif number == signal.SIGHUP:
                script = loads[0]["import"]["script"].replace("app.py", "other.py")
                asked = {"script": script, "application_group": "other"}
                send({"Loading": {"import": asked}})
                send({"Loaded": {"import": asked, "success": load(script)}})
                note("loaded")
            elif number == signal.SIGUSR2:
                send({"Outdated": {"import": loads[0]["import"]}})
            else:
                send({"Stopping": {"reason": "shutdown_signal"}})
                return
        if 6 in ready:
            return note("httpd is gone")
        if channel in ready:
            message = receive()
            if message is None:
                sources.remove(channel)
            elif "Stop" in message:
                note("stopped", message["Stop"]["reason"])
                if "STUB_STAYS" not in os.environ:
                    return
            else:
                note("told", json.dumps(message))
        if channel not in sources and struct.unpack_from("=I", board, state)[0] == 3:
            return note("drained")


main()
