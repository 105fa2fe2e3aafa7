"""Where jobs run: in this process, in child processes of this machine, or on the workers of a Dask cluster."""

from __future__ import annotations

from .base import RETRIED, Executor, Message
from .dask import Cluster
from .inline import Inline
from .processes import Processes

__all__ = ["RETRIED", "Cluster", "Executor", "Inline", "Message", "Processes"]
