"""How the emulator unpacks layers: once, and quickly for each process after that."""

import zipfile
from pathlib import Path

import pytest

from local.launcher import SharedZip

FILES = {"python/orchard/a.py": "A = 1", "python/orchard/deep/b.py": "B = 2", "data.json": "{}"}


@pytest.fixture
def layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A layer as it is deployed; unpacked it lies in `shared`."""
    shared = tmp_path / "shared"
    shared.mkdir()
    monkeypatch.setattr(SharedZip, "folder", shared, raising=False)
    path = tmp_path / "layer.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in FILES.items():
            archive.writestr(name, text)
    return path


def unpacked(layer: Path, target: Path) -> dict[str, str]:
    target.mkdir()
    with SharedZip(layer) as archive:
        assert archive.namelist() == ["data.json", "python"]
        archive.extractall(target)
    return {name: (target / name).read_text() for name in FILES}


def test_each_process_finds_all_files_which_lie_there_once(layer: Path, tmp_path: Path) -> None:
    assert [unpacked(layer, tmp_path / name) for name in ("one", "two")] == [FILES, FILES]
    assert len(list((tmp_path / "shared").iterdir())) == 1


def test_a_name_that_leads_out_is_seen(layer: Path) -> None:
    with zipfile.ZipFile(layer, "a") as archive:
        archive.writestr("../outside.py", "")
    with SharedZip(layer) as archive:
        assert ".." in archive.namelist()
