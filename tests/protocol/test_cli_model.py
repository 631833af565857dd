"""The command line with the real model: every kind of file, every command that answers."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lsp_server.bench import latency, node
from lsp_server.bench.holes import samples_folder
from lsp_server.bench.llama_cpp import VERSION
from lsp_server.cli import main
from lsp_server.models.embedded.model import EmbeddedModel
from lsp_server.models.storage import cache_folder
from lsp_server.positions import offset_at
from lsp_server.syntax.languages import language_for
from lsp_server.syntax.tree import SyntaxTree
from tests.contract import KEYS, shape

pytestmark = pytest.mark.model

PYTHON = '''def total_price(items, tax_rate):
    """Sum of the prices of items, with tax."""
    subtotal = sum(item.price for item in items)
    return '''


@pytest.fixture(autouse=True)
def loaded(embedded: EmbeddedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model is loaded once for all these tests; loading is tested by subprocesses."""
    for command in ("complete", "bench", "bench_latency", "bench_peers"):
        name = f"lsp_server.commands.{command}.load_model"
        monkeypatch.setattr(name, lambda settings: embedded)


def ask(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    status = main([*arguments, "--json"])
    captured = capsys.readouterr()
    assert status == 0, captured.err
    answer = json.loads(captured.out)
    assert shape(answer) == KEYS
    assert (answer["text"] is None) == (answer["reason"] != "offered")
    ms = answer["ms"]
    assert ms["total"] >= ms["prefill"] + ms["verify"] + ms["canvas"] - 0.01
    return dict(answer)


def apply(text: str, answer: dict[str, Any]) -> str:
    start, end = (
        offset_at(text, place["line"], place["character"]) for place in answer["range"].values()
    )
    return text[:start] + answer["text"] + text[end:]


def write(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_bytes(text.encode())
    return file


def write_problems(file: Path) -> Path:
    """Two holes in HumanEval-Infilling's format."""
    rows = [
        {
            "task_id": f"T/{number}",
            "entry_point": "add",
            "prompt": f"def {name}(a, b):\n    return a {sign} b\n\n\ndef add(a, b):\n"
            '    """The sum of a and b."""\n',
            "suffix": "\n\ndef main():\n    print(add(1, 2))\n",
            "canonical_solution": "    return a + b\n",
            "test": "def check(candidate):\n    assert candidate(2, 3) == 5\n",
        }
        for number, (name, sign) in enumerate((("sub", "-"), ("mul", "*")))
    ]
    with gzip.open(file, "wt") as out:
        out.write("\n".join(map(json.dumps, rows)))
    return file


def test_a_return_is_completed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path, "a.py", PYTHON)
    answer = ask(capsys, "complete", f"{file}:4:12")
    assert "subtotal" in answer["text"]
    assert answer["range"]["start"] == {"line": 3, "character": 11}
    assert answer["accepted"]["denoiser"] > 0
    assert answer["forwards"]["canvas"] > 0
    compile(apply(PYTHON, answer), "a.py", "exec")


def test_the_plain_output_is_the_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path, "a.py", PYTHON)
    text = ask(capsys, "complete", f"{file}:4:12")["text"]
    assert main(["complete", f"{file}:4:12"]) == 0
    captured = capsys.readouterr()
    assert captured.out == text + "\n"
    assert "forwards" in captured.err


def test_watching_draws_every_forward(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path, "a.py", PYTHON)
    assert main(["complete", f"{file}:4:12", "--json", "--watch"]) == 0
    captured = capsys.readouterr()
    forwards = json.loads(captured.out)["forwards"]
    assert captured.err.count("canvas ") == forwards["canvas"]
    assert captured.err.count("verify ") == forwards["verify"]


def test_drafts_change_the_cost_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path, "a.py", PYTHON)
    drafted = ask(capsys, "complete", f"{file}:4:12")
    plain = ask(capsys, "complete", f"{file}:4:12", "--drafts", "none")
    assert drafted["text"] == plain["text"]
    assert plain["forwards"]["canvas"] == 0
    assert sum(plain["accepted"].values()) == 0
    assert drafted["forwards"]["verify"] <= plain["forwards"]["verify"]


@pytest.mark.parametrize("sampler", ["threshold", "entropy"])
def test_pure_denoising_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], sampler: str
) -> None:
    file = write(tmp_path, "a.py", PYTHON)
    answer = ask(capsys, "complete", f"{file}:4:12", "--decoding", "masked", "--sampler", sampler)
    assert answer["forwards"]["verify"] == 0
    assert answer["forwards"]["canvas"] > 0


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("inventory.py", "self.counts[number] - reserved"),
        ("cart.ts", "this.items.delete(productId);"),
        ("scheduler.js", "await this.runJob(job, now);"),
        ("TaskList.tsx", "tasks.filter((task) => !task.done).length;"),
        ("service.json", '"info"'),
    ],
)
def test_every_language_completes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, missing: str
) -> None:
    whole = (samples_folder() / name).read_text("utf-8")
    start = whole.index(missing)
    text = whole[:start] + whole[start + len(missing) :]
    before = text[:start].split("\n")
    file = write(tmp_path, name, text)
    answer = ask(capsys, "complete", f"{file}:{len(before)}:{len(before[-1]) + 1}")
    assert answer["text"]
    tree = SyntaxTree.parse(apply(text, answer), language_for(None, name))
    assert tree.language is not None
    assert tree.errors() == 0


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        pytest.param("", 1, 1, id="empty"),
        pytest.param("\n", 2, 1, id="only a line break"),
        pytest.param(PYTHON, 1, 1, id="start of file"),
        pytest.param("import os\n\n", 3, 1, id="end of file"),
        pytest.param(PYTHON.replace("\n", "\r\n"), 4, 12, id="CRLF"),
        pytest.param(PYTHON.replace("\n", "\r"), 4, 12, id="CR"),
        pytest.param("def f(x):\n\tif x:\n\t\treturn ", 3, 10, id="tabs"),
        pytest.param("greeting = '😀 hello'\nprint(gree", 2, 11, id="emoji above"),
        pytest.param("print('😀', ", 1, 12, id="emoji before"),
        pytest.param("import os\n\x0c\ndef f():\n    return os.", 4, 15, id="form feed"),
        pytest.param("x = '\u2028'\ny = x", 2, 6, id="Unicode line separator"),
        pytest.param("def f(:\n  if )(\n    x = [", 3, 10, id="half-typed"),
        pytest.param("class A:\n    def __in", 2, 13, id="inside a word"),
        pytest.param("# <|fim_middle|> <|endoftext|>\nx = ", 2, 5, id="special tokens"),
    ],
)
@pytest.mark.parametrize("suffix", [".py", ".ts", ".js", ".json", ".txt"])
def test_any_text_gets_valid_json(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    text: str,
    line: int,
    column: int,
    suffix: str,
) -> None:
    file = write(tmp_path, f"a{suffix}", text)
    answer = ask(capsys, "complete", f"{file}:{line}:{column}")
    assert file.read_bytes() == text.encode(), "the file is never changed"
    if answer["text"] is None:
        return
    assert "<|" not in answer["text"]
    assert "\ufffd" not in answer["text"]
    filled = apply(text, answer)
    if "\r" in text and "\n" in answer["text"].replace("\r\n", ""):
        pytest.fail("a line break that the file does not have")
    assert filled != text


def test_a_region_is_filled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (samples_folder() / "inventory.py").read_text("utf-8")
    lines = text.split("\n")
    first = next(n for n, line in enumerate(lines) if "expired = [r for r" in line)
    file = write(tmp_path, "inventory.py", text)
    end = f"{first + 3}:{len(lines[first + 2]) + 1}"
    answer = ask(capsys, "infill", f"{file}:{first + 1}:9-{end}")
    assert "\n" in answer["text"]
    assert answer["range"]["start"] == {"line": first, "character": 8}
    compile(apply(text, answer), "inventory.py", "exec")


def test_the_console_script_loads_the_model_by_itself(tmp_path: Path) -> None:
    file = write(tmp_path, "a.py", PYTHON)
    command = [sys.executable, "-m", "lsp_server", "complete", f"{file}:4:12", "--json"]
    first, second = (
        subprocess.run(command, capture_output=True, text=True, timeout=300) for _ in range(2)
    )
    assert (first.returncode, first.stderr) == (0, "")
    answers = [json.loads(each.stdout) for each in (first, second)]
    assert answers[0]["text"] == answers[1]["text"] != ""


def test_model_info_states_memory(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "info"]) == 0
    out = capsys.readouterr().out
    for words in ("Apache-2.0", "494,032,768", "resident memory", "its peak"):
        assert words in out


def test_bench_structure_reports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "r.json"
    options = ["--tokens", "6", "--repeats", "1", "--holes", "2", "--json", str(report)]
    assert main(["bench", "structure", *options]) == 0
    result = json.loads(report.read_text())
    assert result["categories"]["code"]["published_tokens_per_s"] == 72.14
    for prompt in result["prompts"]:
        variants = prompt["variants"]
        assert set(variants) == {"as set", "denoiser off", "one at a time"}
        assert all(each["identical_to_one_at_a_time"] for each in variants.values())
        assert variants["one at a time"]["all_repeats"]["tokens_per_forward"] == 1
    assert set(result["bounding"]["variants"]) >= {"as set", "bounding off"}
    assert "108.41" in capsys.readouterr().out


def test_bench_latency_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(latency, "LENGTHS", (10_000, 1_000_000))
    monkeypatch.setattr(latency, "WINDOWS", (128,))
    monkeypatch.setattr(latency, "BUSY", (0, 1))
    report = tmp_path / "r.json"
    options = ["--places", "2", "--keys", "3", "--json", str(report)]
    assert main(["bench", "latency", *options]) == 0
    result = json.loads(report.read_text())
    for variant in result["variants"].values():
        assert variant["ms"]["cold"]["count"] <= 4
        assert sum(each["count"] for each in variant["ms"].values()) >= 2 * (3 + 3 + 5)
    assert result["places"][0].split(":")[0].endswith(".py")
    assert set(result["lengths"]) == {"10 kB", "1000 kB"}
    assert result["first_answer_ms"] > result["start_ms"] > 0
    assert {aim["verdict"] for aim in result["targets"]} <= {"met", "missed", "not measured"}
    printed = capsys.readouterr().out
    assert "| together" in printed
    assert "int8 on cpu" in printed


def test_bench_peers_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With llama.cpp where it has been installed; else without, as where there is no Node."""
    if not (cache_folder() / f"node-llama-cpp-{VERSION}").is_dir():
        monkeypatch.setattr(node, "OLDEST", 10**6)
        monkeypatch.setattr(node, "find_spec", lambda name: None)
    data, report = write_problems(tmp_path / "d.jsonl.gz"), tmp_path / "r.json"
    options = ["--data", str(data), "--limit", "2", "--json", str(report)]
    assert main(["bench", "peers", *options]) == 0
    result = json.loads(report.read_text())
    for name, engine in result["engines"].items():
        assert (engine["passed"], engine["tested"]) == (2, 2), name
        assert engine["same_text_as_one_at_a_time"] == 2
        assert engine["ms"]["prefill of 512"]["count"] == 2
    peer = result["llama_cpp"]
    assert ("llama.cpp" in result["engines"]) == (peer is not None)
    captured = capsys.readouterr()
    assert (peer["library"] in captured.out) if peer else ("is left out" in captured.err)
    assert "thousand million" in captured.out


def test_bench_infill_scores(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, report = write_problems(tmp_path / "d.jsonl.gz"), tmp_path / "r.json"
    assert main(["bench", "infill", "--data", str(data), "--json", str(report)]) == 0
    result = json.loads(report.read_text())
    (precision,) = result["precisions"].values()
    for variant in precision["variants"].values():
        assert variant["pass_at_1"] == 1
        assert variant["identical_to_one_at_a_time"] == 1
    assert result["options"]["holes_are_lines"]
    assert "100.0% (2/2)" in capsys.readouterr().out


def test_the_demonstration_ends_well() -> None:
    command = [sys.executable, "-m", "lsp_server", "demo"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 of 6 completions came" in done.stdout
    assert "verify" in done.stdout
