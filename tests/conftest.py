"""Shared by all tests: the command line in this process or in its own, small tasks, the public data."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from threadpoolctl import threadpool_limits

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from small import Here, Run

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared" / "data"


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """Linear algebra keeps to one thread, as it does in a search."""
    with threadpool_limits(1, user_api="blas"):
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs the public data where it is not there."""
    if SHARED.is_dir():
        return
    for item in items:
        if "real_data" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="the public data is not beside this checkout (../shared/data)"))


@pytest.fixture
def shared() -> Path:
    return SHARED


@pytest.fixture
def command(tmp_path: Path) -> Run:
    """A script in a process of its own, as a user runs it; its folder is a temporary one."""

    def run(script: str, *args: str, check: int | None = 0, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, str(ROOT / "scripts" / f"{script}.py"), *args]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, cwd=tmp_path, check=False)
        if check is not None:
            assert done.returncode == check, done.stdout + done.stderr
        return done

    return run


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Here:
    monkeypatch.chdir(tmp_path)
    return Here(capfd)
