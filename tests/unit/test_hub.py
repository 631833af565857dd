"""The hub's client against a small server that stands in for the hub."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lsp_server.models import hub
from lsp_server.models.interfaces import ModelError

COMMIT = "c0ffee" * 6 + "c0ff"
WEIGHTS = bytes(range(256)) * 40


@dataclass
class Hub:
    """One model, and what was asked for."""

    files: dict[str, bytes]
    claimed: dict[str, str] = field(default_factory=dict)  # SHA-256 that are not the files'
    sent: list[str] = field(default_factory=list)
    broken: bool = False  # the next connection for weights ends in the middle of the file

    def answer(self, path: str) -> dict[str, object] | list[dict[str, object]] | None:
        """The interface's answer to a path, or None where there is none."""
        entries = [(name, self._entry(name, data)) for name, data in self.files.items()]
        if path.startswith(f"/api/models/owner/name/tree/{COMMIT}"):
            return [{"type": "file", "path": name} | entry for name, entry in entries]
        if path.startswith("/api/models/owner/name"):
            siblings = [{"rfilename": name} | entry for name, entry in entries]
            card = {"license": "mit"}
            return {"id": "owner/name", "sha": COMMIT, "siblings": siblings, "cardData": card}
        return None

    def _entry(self, name: str, data: bytes) -> dict[str, object]:
        entry: dict[str, object] = {"size": len(data), "oid": self.etag(name), "blobId": "0"}
        if name.endswith(".safetensors"):
            digest = self.etag(name)
            more = {"size": len(data), "sha256": digest, "oid": digest, "pointerSize": 100}
            return entry | {"lfs": more}
        return entry

    def etag(self, name: str) -> str:
        """The file's hash, as the hub claims it."""
        return self.claimed.get(name) or hashlib.sha256(self.files[name]).hexdigest()


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    state = Hub(
        {
            "config.json": b"{}",
            "model.safetensors": WEIGHTS,
            "modeling_name.py": b"raise SystemExit",
            "pytorch_model.bin": b"pickle",
            "README.md": b"---\nlicense: mit\n---\n",
        }
    )

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._respond(body=False)

        def do_GET(self) -> None:
            self._respond(body=True)

        def _respond(self, body: bool) -> None:
            name = self.path.rpartition("/")[2]
            if "/resolve/" in self.path and name in state.files:
                self._send(state.files[name], body, {"ETag": f'"{state.etag(name)}"'}, name)
                return
            answer = state.answer(self.path)
            if answer is None:
                self._send(b"", body, {"X-Error-Code": "RepoNotFound"}, "", 404)
            else:
                self._send(json.dumps(answer).encode(), body, {}, "")

        def _send(
            self, data: bytes, body: bool, headers: dict[str, str], name: str, status: int = 200
        ) -> None:
            start = 0
            if body and name and (wanted := self.headers.get("Range")):
                start, status = int(wanted.removeprefix("bytes=").split("-")[0]), 206
                headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            if not body:
                return
            if name:
                state.sent.append(f"{name}@{start}")
            if name.endswith(".safetensors") and state.broken:
                state.broken = False
                self.wfile.write(data[start : start + len(data) * 3 // 4])
                self.close_connection = True
                return
            self.wfile.write(data[start:])

        def log_message(self, format: str, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    yield state
    server.shutdown()
    server.server_close()


def test_an_offer_tells_licence_and_size_before_anything_is_fetched(stand_in: Hub) -> None:
    model = hub.find("owner/name")
    assert (model.id, model.revision, model.licence) == ("owner/name", COMMIT, "mit")
    assert set(model.sizes) == {"config.json", "model.safetensors", "README.md"}
    assert model.size == sum(len(stand_in.files[name]) for name in model.sizes)
    assert model.hashes == {"model.safetensors": hashlib.sha256(WEIGHTS).hexdigest()}
    assert stand_in.sent == []


def test_weights_and_words_come_but_no_code_and_no_pickle(stand_in: Hub, tmp_path: Path) -> None:
    hub.fetch(hub.find("owner/name"), tmp_path)
    assert {path.name for path in tmp_path.iterdir() if path.is_file()} == {
        "config.json",
        "model.safetensors",
        "README.md",
    }
    assert (tmp_path / "model.safetensors").read_bytes() == WEIGHTS


def test_what_is_there_is_not_fetched_again(stand_in: Hub, tmp_path: Path) -> None:
    hub.fetch(hub.find("owner/name"), tmp_path)
    stand_in.sent.clear()
    (tmp_path / "config.json").unlink()
    hub.fetch(hub.find("owner/name"), tmp_path)
    assert stand_in.sent == ["config.json@0"]


def test_a_broken_download_goes_on_where_it_ended(stand_in: Hub, tmp_path: Path) -> None:
    whole = stand_in.files["model.safetensors"] = WEIGHTS * 1600  # kept by pieces of 10 MB
    stand_in.broken = True
    model = hub.find("owner/name")
    try:
        hub.fetch(model, tmp_path)
    except ModelError:  # the client may go on itself, or leave it to the next run
        hub.fetch(model, tmp_path)
    assert (tmp_path / "model.safetensors").read_bytes() == whole
    starts = [int(each.split("@")[1]) for each in stand_in.sent if "safetensors" in each]
    assert starts[0] == 0 < starts[-1]


def test_a_wrong_file_is_removed(stand_in: Hub, tmp_path: Path) -> None:
    stand_in.claimed["model.safetensors"] = "0" * 64
    with pytest.raises(ModelError, match=r"wrong SHA-256|could not be fetched"):
        hub.fetch(hub.find("owner/name"), tmp_path)
    assert not (tmp_path / "model.safetensors").exists()


def test_a_model_that_is_not_there_is_told_in_a_line(stand_in: Hub) -> None:
    with pytest.raises(ModelError, match="the hub has no model owner/other"):
        hub.find("owner/other")
    for wrong in ("name", "a/b/c", "../x", "a b/c"):
        with pytest.raises(ModelError, match="no hub id"):
            hub.find(wrong)


def test_pickled_weights_alone_are_refused(stand_in: Hub) -> None:
    del stand_in.files["model.safetensors"]
    with pytest.raises(ModelError, match="pickled weights are never fetched"):
        hub.find("owner/name")


def test_no_network_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ModelError, match="check the network") as failure:
        hub.find("owner/name")
    assert "\n" not in str(failure.value)


def test_a_small_disk_is_told_before_the_download(
    stand_in: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    with pytest.raises(ModelError, match="GB free"):
        hub.fetch(hub.find("owner/name"), tmp_path)
    assert stand_in.sent == []
