"""The rasterizer's threads, forks of a process that has some, and where its compiled code is kept."""

import contextlib
import os
import signal
import stat
import threading
import warnings

import pytest
import torch
from job_samples import until
from rasterize_samples import leaves, loss_of, make_scene, outputs

from fourreal.splat.rasterize import rasterize
from fourreal.splat.rasterize.kernels import private_folder
from fourreal.splat.rasterize.threads import set_thread_count, thread_count


@pytest.fixture
def two_threads():
    before = thread_count()
    set_thread_count(2)
    yield
    set_thread_count(before)


def test_a_forked_child_draws_what_its_parent_does(two_threads):
    """Threads stay behind in a fork, so a child needs its own."""
    arguments = make_scene()
    wanted = rasterize(*arguments).colour
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # later Pythons warn of any fork beside threads
        child = os.fork()
    if not child:
        with contextlib.suppress(BaseException):
            same = torch.equal(rasterize(*arguments).colour, wanted) and thread_count() == 2
            os._exit(0 if same else 2)
        os._exit(3)
    try:
        end = until(lambda: (end := os.waitpid(child, os.WNOHANG))[0] and end, "drawing in the child", 60)
    except AssertionError:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    assert os.waitstatus_to_exitcode(end[1]) == 0


def test_compiled_code_is_kept_only_where_nobody_else_can_put_any(tmp_path, monkeypatch):
    """Whoever writes into numba's cache runs code in our processes."""
    fine, open_to_all, linked = tmp_path / "deep" / "fine", tmp_path / "open", tmp_path / "linked"
    assert private_folder([fine], "x") == fine / "x"
    assert stat.S_IMODE((fine / "x").stat().st_mode) == 0o700
    (fine / "x").chmod(0o777)  # as an older version may have made it, under another umask
    assert private_folder([fine], "x") == fine / "x"
    assert stat.S_IMODE((fine / "x").stat().st_mode) == 0o700
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    linked.symlink_to(fine)
    assert private_folder([open_to_all, linked], "x") is None
    open_to_all.chmod(0o1777)  # like /tmp itself
    (open_to_all / "y").symlink_to(fine)
    assert private_folder([open_to_all], "x") == open_to_all / "x"
    assert private_folder([open_to_all, fine], "y") == fine / "y"
    (tmp_path / "file").touch()
    somebody_else = os.getuid() + 1
    monkeypatch.setattr(os, "getuid", lambda: somebody_else)
    assert private_folder([fine, open_to_all, tmp_path / "file", tmp_path / "file" / "in"], "x") is None


def test_two_threads_at_once():
    arguments, _ = leaves(make_scene())
    wanted = rasterize(*arguments).colour.detach()
    failures = []

    def work():
        for _ in range(20):
            arguments, _ = leaves(make_scene())
            render = rasterize(*arguments)
            loss_of(*outputs(render)).backward()
            if not torch.equal(render.colour.detach(), wanted):
                failures.append("another image")

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=300)
        assert not thread.is_alive()
    assert not failures
