"""A signal while a study runs is a wish, granted at the next check."""

import os
import signal
import threading

import pytest

from tuning.interrupt import Interrupts


def test_a_signal_waits_for_the_check() -> None:
    with Interrupts() as interrupts:
        os.kill(os.getpid(), signal.SIGINT)  # nothing is raised on the spot
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()
        interrupts.check()  # granted once


def test_a_signal_inside_a_finalizer_is_not_lost() -> None:
    class Fragile:
        def __del__(self) -> None:
            os.kill(os.getpid(), signal.SIGINT)

    with Interrupts() as interrupts:
        thing = Fragile()
        del thing
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()


def test_the_second_signal_does_not_wait() -> None:
    with Interrupts():
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)


def test_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Interrupts():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_outside_the_main_thread_signals_stay_as_they_are() -> None:
    seen: list[bool] = []

    def work() -> None:
        with Interrupts() as interrupts:
            interrupts.check()
            seen.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [True]
