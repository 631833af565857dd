import os
import sys
import time
from pathlib import Path

import pytest

from lsp_server.bench.sandbox import Limits, network_can_be_cut, run, run_all

SHORT = Limits(seconds=2.0)


@pytest.mark.parametrize(
    ("program", "outcome"),
    [
        ("", "passed"),
        ("assert 1 + 1 == 2", "passed"),
        ("assert 1 + 1 == 3", "failed"),
        ("def f(:", "failed"),
        ("import sys; sys.exit(3)", "failed"),
        ("while True: pass", "timeout"),
        ("import time; time.sleep(60)", "timeout"),
        ("input()", "failed"),
        ("print('x' * 10_000_000)", "passed"),
        ("x = '\\ud800'", "passed"),
        ("import os; os.kill(os.getpid(), 9)", "failed"),
    ],
)
def test_the_outcome_is_the_programs(program: str, outcome: str) -> None:
    assert run(program, SHORT) == outcome


def test_a_memory_hog_is_stopped() -> None:
    assert run("x = bytearray(4 << 30)", Limits(seconds=10, memory=512 << 20)) == "failed"


def test_a_large_file_is_not_written() -> None:
    program = "with open('big', 'wb') as file:\n    file.write(bytes(8 << 20)); file.flush()"
    assert run(program, SHORT) == "failed"


def test_children_do_not_outlive_the_program(tmp_path: Path) -> None:
    sign = tmp_path / "alive"
    program = f"""
import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1); open({str(sign)!r}, 'w')"])
"""
    assert run(program, SHORT) == "passed"
    time.sleep(1.5)
    assert not sign.exists()


def test_a_program_sees_neither_our_environment_nor_our_folder() -> None:
    os.environ["UNMASK_TEST_TOKEN"] = "1"
    try:
        program = (
            "import os, sys\n"
            "assert 'UNMASK_TEST_TOKEN' not in os.environ\n"
            f"assert os.getcwd() != {os.getcwd()!r}\n"
            "assert os.listdir() == ['program.py']\n"
            "assert '' not in sys.path and os.getcwd() not in sys.path\n"
        )
        assert run(program, SHORT) == "passed"
    finally:
        del os.environ["UNMASK_TEST_TOKEN"]


@pytest.mark.skipif(not network_can_be_cut(), reason="needs the right to make a network namespace")
def test_a_program_has_no_network() -> None:
    program = """
import socket
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname(), timeout=1)
"""
    assert run(program, SHORT) == "failed"


def test_many_programs_keep_their_order() -> None:
    programs = [f"import sys; sys.exit({number % 2})" for number in range(6)]
    assert run_all(programs, SHORT) == ["passed", "failed"] * 3


def test_the_interpreter_is_ours() -> None:
    assert run(f"import sys; assert sys.version_info[:2] == {sys.version_info[:2]!r}") == "passed"
