"""The process that reading children are forked from, and what such a child does first.

It runs beside a web process, a Dagster run or a command line, started by `children`; it has the readers imported, one
thread, no secrets in its environment and no idea of files. For every job it forks a child that serves this one job and
ends: a file can harm nothing but its own child, and nothing of one organization's file is left for the next.

Nothing outlives whom it works for. The nursery ends when the socket to its parent closes, which the kernel does
however that parent dies, and takes its children along; a child is killed when its own control socket closes.
"""

import contextlib
import ctypes
import gc
import os
import resource
import selectors
import signal
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path

STATUS = struct.Struct("<i")
"""What the nursery says on a control socket when a child has ended: its exit code, negative for a signal."""

READY = b"!"
"""What the nursery says to its parent once the readers are imported."""

_PR_SET_PDEATHSIG = 1


def serve(parent: socket.socket) -> None:
    """Fork a child for every pair of sockets (channel, control) that `parent` sends, until it goes away."""
    from leads_pipeline.spreadsheets import worker

    parent.send(READY)
    gc.collect()
    gc.freeze()  # what all children share stays on shared pages
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then goes away
    wakeup, waker = socket.socketpair()
    wakeup.setblocking(False)
    waker.setblocking(False)
    signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, _woken)

    children: dict[int, socket.socket] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(parent, selectors.EVENT_READ)
        selector.register(wakeup, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is wakeup:
                    with contextlib.suppress(BlockingIOError):
                        wakeup.recv(4096)
                    _reap(children, selector)
                elif key.fileobj is parent:
                    message, fds, _, _ = socket.recv_fds(parent, 1, 2)
                    if not message:
                        for pid in children:
                            os.kill(pid, signal.SIGKILL)
                        signal.set_wakeup_fd(-1)
                        return
                    channel, control = (socket.socket(fileno=fd) for fd in fds)
                    pid = os.fork()
                    if pid == 0:
                        signal.set_wakeup_fd(-1)
                        for each in (parent, wakeup, waker, control, *children.values()):
                            each.close()
                        _live(channel, worker.work)
                    channel.close()
                    children[pid] = control
                    selector.register(control, selectors.EVENT_READ, pid)
                elif key.data in children:  # the parent hung up on this child, or says that it is to end
                    os.kill(key.data, signal.SIGKILL)
                    selector.unregister(key.fileobj)


def _woken(_signal: int, _frame: object) -> None:
    """Nothing: that there is a handler makes the signal arrive in the wakeup socket."""


def _reap(children: dict[int, socket.socket], selector: selectors.BaseSelector) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        control = children.pop(pid)
        with contextlib.suppress(KeyError):
            selector.unregister(control)
        with contextlib.suppress(OSError):
            control.send(STATUS.pack(os.waitstatus_to_exitcode(status)))
        control.close()


def _live(channel: socket.socket, work: Callable[[socket.socket], None]) -> None:
    """The whole life of a child. Never returns: the nursery's own code must not run twice."""
    code = 1
    try:
        gc.disable()  # one job makes no cycles worth looking for among millions of cells
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        silence = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):  # a reader's panic message may quote the file
            os.dup2(silence, standard)
        work(channel)
        code = 0
    finally:
        os._exit(code)


def confine(*, memory_bytes: int, cpu_seconds: int) -> None:
    """Limit this process: address space beyond what is mapped now, CPU time, and no core dumps.

    Best effort where the system has no such limit (macOS knows no limit on address space).
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _lower(resource.RLIMIT_CPU, cpu_seconds)
    mapped = _mapped_bytes()
    if mapped is not None:
        _lower(resource.RLIMIT_AS, mapped + memory_bytes)


def _lower(limit: int, value: int) -> None:
    _, hard = resource.getrlimit(limit)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(limit, (value, value))


def _mapped_bytes() -> int | None:
    try:
        return int(Path("/proc/self/statm").read_bytes().split()[0]) * resource.getpagesize()
    except OSError:
        return None
