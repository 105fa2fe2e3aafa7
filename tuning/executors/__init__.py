"""Where jobs run: in this process, or in child processes of this machine."""

from __future__ import annotations

from .base import RETRIED, Executor, Message
from .inline import Inline
from .processes import Processes

__all__ = ["RETRIED", "Executor", "Inline", "Message", "Processes"]
