"""A child process: takes jobs from a pipe one after another, reports, and ends with its driver."""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import traceback
from multiprocessing.connection import Connection
from typing import Any

from ..errors import Mistake, TrialError
from .jobs import Job, perform

PRELOADED = ("tensorflow", "keras", "keras_tuner", "sklearn")


def serve(pipe: Connection, threads: int, deterministic: bool, log: str) -> None:
    """Do jobs until the pipe closes; a closed pipe ends the process at once, wherever it is."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _redirect(log)
    inbox: queue.Queue[Any] = queue.Queue()
    threading.Thread(target=_listen, args=(pipe, inbox), daemon=True).start()
    cold = [name for name in PRELOADED if name not in sys.modules]
    configure(threads, deterministic)
    if cold:
        print(f"not preloaded, so this child started slowly: {', '.join(cold)}", file=sys.stderr)
    while True:
        job: Job = inbox.get()

        def report(message: dict[str, Any], job: Job = job) -> str:
            pipe.send((("epoch", job.id, message), 0))
            return str(inbox.get())

        pipe.send((attempt(job, report), memory()))


def attempt(job: Job, report: Any) -> tuple[str, int, dict[str, Any]]:
    """One job's outcome as a message; whatever is raised is a failure with its reason and kind."""
    try:
        return ("done", job.id, perform(job, report))
    except Mistake as raised:
        return ("failed", job.id, {"kind": "mistake", "reason": str(raised)})
    except TrialError as raised:
        return ("failed", job.id, {"kind": raised.kind, "reason": str(raised)})
    except MemoryError as raised:
        return ("failed", job.id, {"kind": "memory", "reason": f"out of memory: {raised}"})
    except Exception as raised:
        traceback.print_exc()
        kind = "memory" if type(raised).__name__ == "ResourceExhaustedError" else "raised"
        message = " ".join(str(raised).split())[:300]
        return ("failed", job.id, {"kind": kind, "reason": f"{type(raised).__name__}: {message}"})


def memory() -> int:
    """The most memory this process has held (in the platform's unit; 0 where it cannot be known)."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def configure(threads: int, deterministic: bool) -> None:
    """Thread pools and determinism, before this process's first operation."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    for device in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(device, True)
    if deterministic:
        tf.config.experimental.enable_op_determinism()


def _listen(pipe: Connection, inbox: queue.Queue[Any]) -> None:
    while True:
        try:
            inbox.put(pipe.recv())
        except (EOFError, OSError):
            os._exit(1)


def _redirect(log: str) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    target = os.open(log or os.devnull, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(target, 1)
    os.dup2(target, 2)
    os.close(target)
