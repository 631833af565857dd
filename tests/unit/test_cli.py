import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lsp_server.cli import main
from tests.contract import KEYS, shape
from tests.unit.folders import QWEN2, write_folder


def run(*arguments: str | Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Exit status, standard output, standard error."""
    try:
        status = main([str(argument) for argument in arguments])
    except SystemExit as end:
        status = int(end.code or 0)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_failures_are_one_line_and_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "binary").write_bytes(b"\x00")
    os.mkfifo(tmp_path / "pipe")
    for name, words in (
        ("missing.py", "No such file"),
        (".", "folder"),
        ("binary", "binary file"),
        ("pipe", "not a regular file"),
    ):
        status, out, err = run("complete", f"{tmp_path / name}:1:1", "--json", capsys=capsys)
        assert (status, out, err.count("\n")) == (1, "", 1)
        assert err.startswith("unmask: ")
        assert words in err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["compose"],
        ["complete"],
        ["complete", "nowhere"],
        ["complete", "a.py:0:1"],
        ["infill", "a.py:1:1"],
        ["infill", "a.py:2:1-1:1"],
        ["complete", "a.py:1:1", "--drafts", "oracle"],
        ["complete", "a.py:1:1", "--precision", "int2"],
        ["serve", "--tcp", "localhost"],
        ["serve", "--tcp", "localhost:99999"],
        ["bench", "infill"],
        ["bench", "structure", "--tokens", "0"],
        ["bench", "peers", "--data", "a.jsonl.gz", "--files", "a.py"],
        ["complete", "a.py:1:1", "--threads", "-5"],
    ],
)
def test_wrong_usage_is_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(*arguments, capsys=capsys)
    assert status == 2
    assert out == ""
    assert err
    assert "Traceback" not in err


def test_a_place_outside_its_file_is_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.py"
    file.write_text("x = 1\n")
    status, _, err = run("complete", f"{file}:9:1", capsys=capsys)
    assert status == 2
    assert "there is no line 9: the file has 2" in err


def test_a_secret_file_is_refused_before_it_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file is not even there: nothing looks at it."""
    status, out, _ = run("complete", f"{tmp_path / '.env'}:3:5", "--json", capsys=capsys)
    assert status == 0
    answer = json.loads(out)
    assert (answer["text"], answer["reason"]) == (None, "secret-file")
    assert answer["range"]["start"] == {"line": 2, "character": 4}


def test_a_link_to_a_secret_file_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    link = tmp_path / "notes.txt"
    link.symlink_to(tmp_path / "id_rsa")
    _, out, _ = run("complete", f"{link}:1:1", "--json", capsys=capsys)
    assert json.loads(out)["reason"] == "secret-file"


def test_a_huge_file_is_refused_before_it_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "huge.py"
    with file.open("wb") as sparse:
        sparse.truncate(1 << 40)
    status, out, _ = run("complete", f"{file}:1:1", "--json", capsys=capsys)
    assert status == 0
    assert json.loads(out)["reason"] == "file-too-large"


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [("a.py", "def f(x):\n    ret", "text-after-cursor"), ("b.py", "\nx", "too-little-text")],
)
def test_what_the_gate_refuses_needs_no_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, reason: str
) -> None:
    file = tmp_path / name
    file.write_text(text)
    place = f"{file}:1:1"
    status, out, _ = run("complete", place, "--automatic", "--json", capsys=capsys)
    answer = json.loads(out)
    assert (status, answer["reason"]) == (0, reason)
    assert shape(answer) == KEYS


def test_a_reason_is_told_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run("complete", f"{tmp_path / 'a.pem'}:1:1", capsys=capsys)
    assert (status, out) == (0, "")
    assert "secrets" in err


def test_latin_1_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.py"
    file.write_bytes(b"# caf\xe9\n")
    _, _, err = run("complete", f"{file}:1:1", "--automatic", capsys=capsys)
    assert "read as Latin-1" in err


def test_missing_weights_are_told_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("UNMASK_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "a.py"
    file.write_text("def add(a, b):\n    return \n")
    status, out, err = run("complete", f"{file}:2:12", "--json", capsys=capsys)
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "unmask model fetch" in err


def test_models_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("UNMASK_CACHE", str(tmp_path))
    status, out, _ = run("model", "list", capsys=capsys)
    assert status == 0
    assert "embedded" in out
    assert "unmask model fetch" in out


def test_a_model_from_adding_to_removing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("UNMASK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("lsp_server.models.precision.measured", lambda: {"bf16": 1.0})
    folder = write_folder(tmp_path / "dream")

    def listed() -> dict[str, dict[str, object]]:
        status, out, _ = run("model", "list", "--json", capsys=capsys)
        assert status == 0
        return {row["name"]: row for row in json.loads(out)}

    status, _, err = run("model", "add", "mine", folder, capsys=capsys)
    assert (status, "family dream" in err) == (0, True)
    assert listed()["mine"] == {
        "name": "mine",
        "family": "dream",
        "parameters": 4352,
        "memory": 600_017_408,
        "precision": "bf16",
        "licence": "unknown",
        "suffix": "seen",
        "fits": True,
        "problem": None,
        "in_use": False,
        "folder": str(folder),
    }
    assert run("model", "use", "mine", capsys=capsys)[0] == 0
    assert listed()["mine"]["in_use"]
    assert run("model", "verify", "mine", capsys=capsys)[0] == 0
    (folder / "merges.txt").write_text("")
    status, _, err = run("model", "verify", "mine", capsys=capsys)
    assert (status, "merges.txt" in err) == (1, True)
    status, _, err = run("model", "remove", "mine", capsys=capsys)
    assert (status, str(folder) in err) == (0, True)
    assert set(listed()) == {"embedded"}
    assert folder.is_dir()


def test_a_model_that_may_go_by_blocks_is_asked_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("UNMASK_CACHE", str(tmp_path / "cache"))
    folder = write_folder(tmp_path / "m", QWEN2 | {"architectures": ["A2DQwen2LMHeadModel"]})
    _, _, err = run("model", "add", "whole", folder, capsys=capsys)
    assert "a2d-bd3lm" in err
    assert "--block 32" in err
    _, _, err = run("model", "add", "blocks", folder, "--block", "32", capsys=capsys)
    assert "of family a2d-bd3lm" in err
    assert "--block" not in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["add", "mine", "nowhere"], "no folder nowhere"),
        (["add", "no name", "."], "no name for a model"),
        (["add", "mine", "."], "no config.json"),
        (["use", "other"], "no model named 'other'"),
        (["verify", "other"], "no registered model named 'other'"),
        (["remove", "other"], "no model named 'other'"),
        (["remove", "embedded"], "cannot be removed"),
        (["info", "other"], "known: embedded"),
    ],
)
def test_a_model_that_is_not_there_is_a_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.setenv("UNMASK_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    status, out, err = run("model", *arguments, capsys=capsys)
    assert (status, out, err.count("unmask: ")) == (1, "", 1)
    assert words in err


def test_what_a_model_is_is_told_even_if_it_cannot_be_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("UNMASK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("lsp_server.models.precision.measured", lambda: {"bf16": 1.0})
    monkeypatch.setattr("lsp_server.models.loader.free_bytes", lambda device: 0)
    folder = write_folder(tmp_path / "dream")
    status, out, err = run("model", "info", folder, "--device", "cpu", capsys=capsys)
    assert status == 1
    assert "behind the canvas" in out
    assert "0.6 GB of memory" in err


def test_a_wrong_weight_file_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("UNMASK_CACHE", str(tmp_path / "cache"))
    (tmp_path / "wrong.gguf").write_bytes(b"GGUF")
    for source, words in (("wrong.gguf", "SHA-256 differs"), ("missing.gguf", "there is no")):
        status, out, err = run("model", "fetch", "--from", tmp_path / source, capsys=capsys)
        assert (status, out) == (1, "")
        assert words in err
    assert not list((tmp_path / "cache").glob("*.gguf*"))


def test_a_report_that_cannot_be_written_is_told_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "nowhere" / "r.json"
    status, _, err = run("bench", "structure", "--json", report, capsys=capsys)
    assert status == 1
    assert "there is no such folder" in err


@pytest.mark.parametrize("benchmark", ["infill", "peers"])
def test_benchmark_data_that_is_none_is_told(
    benchmark: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, err = run("bench", benchmark, "--data", tmp_path / "x.jsonl.gz", capsys=capsys)
    assert (status, err.count("\n")) == (1, 1)
    assert "No such file" in err


def test_an_unforeseen_failure_says_where_without_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def explode(*_: object) -> None:
        raise RuntimeError("out of cheese")

    monkeypatch.setattr("lsp_server.source_files.read", explode)
    file = tmp_path / "a.py"
    file.write_text("x")
    status, _, err = run("complete", f"{file}:1:1", capsys=capsys)
    assert status == 1
    assert "out of cheese" in err
    assert "test_cli.py:" in err
    assert "Traceback" not in err


def test_a_failure_inside_the_service_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def explode(*_: object) -> None:
        raise RuntimeError("out of cheese")

    monkeypatch.setattr("lsp_server.completion.service.refusal", explode)
    file = tmp_path / "a.py"
    file.write_text("x")
    status, out, err = run("complete", f"{file}:1:1", "--json", capsys=capsys)
    assert (status, out) == (1, "")
    assert "out of cheese" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--help"], "doctor"),
        (["complete", "--help"], "FILE:LINE:COL"),
        (["infill", "--help"], "FILE:L1:C1-L2:C2"),
        (["serve", "--help"], "--tcp"),
        (["bench", "infill", "--help"], "--compare"),
        (["bench", "peers", "--help"], "--limit"),
        (["bench", "latency", "--help"], "--places"),
        (["model", "train", "--help"], "--output"),
        (["doctor", "--help"], "missing"),
        (["demo", "--help"], "every step"),
    ],
)
def test_help_is_quick_it_imports_nothing_heavy(arguments: list[str], words: str) -> None:
    program = (
        "import sys\nfrom lsp_server.cli import main\n"
        f"try:\n    main({arguments})\n"
        "finally:\n"
        "    heavy = {'torch', 'transformers', 'pygls', 'numpy', 'rich'} & set(sys.modules)\n"
        "    assert not heavy, heavy\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert words in result.stdout


def test_a_closed_pipe_is_no_traceback(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "lsp_server", "complete", f"{tmp_path}/.env:1:1", "--json"]
    result = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (result.returncode, result.stderr) == (1, "")


def test_the_module_is_the_console_script() -> None:
    command = [sys.executable, "-m", "lsp_server", "--version"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0
    assert result.stdout.startswith("unmask ")
