"""Results of an earlier version are gone on with: what they depend on is understood."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from visavox.errors import InputError
from visavox.evaluation.protocol.results_folder import ResultsFolder
from visavox.evaluation.protocol.settings import ProtocolSettings, upgrade_content
from visavox.metrics import choose_metrics
from visavox.metrics.cpbd import CpbdOptions
from visavox.metrics.expert_sync import ExpertSyncOptions
from visavox.metrics.fid import FidOptions
from visavox.metrics.lpips import LpipsOptions
from visavox.metrics.outside import OutsideOptions
from visavox.runtime.files import sha256_of


@pytest.fixture
def settings(weights: Path, expert: Path, tmp_path: Path) -> ProtocolSettings:
    (tmp_path / "file").write_bytes(b"x")
    options = {
        "expert_sync": ExpertSyncOptions(expert=str(expert)),
        "lpips": LpipsOptions(lpips="vgg", lpips_linear=tmp_path / "file"),
        "fid": FidOptions(fid=True),
        "cpbd": CpbdOptions(cpbd=True),
        "outside": OutsideOptions(without_codec=True),
    }
    return ProtocolSettings(model=weights, metrics={n: m.options for n, m in choose_metrics(options=options).items()})


@pytest.fixture
def earlier(settings: ProtocolSettings, expert: Path, tmp_path: Path) -> dict[str, Any]:
    """What version 0.1.0 wrote for the same settings, before metrics had names."""
    content = settings.content()
    return {
        "visavox": content["visavox"],
        "model": content["model"],
        "extend_videos": False,
        "measures": {
            "face": "largest",
            "maximum_lag": 15,
            "minimum_silence": 0.3,
            "silence_margin": 0.1,
            "pictures": True,
            "codec_loss": False,
            "always_align": False,
        },
        "judges": {"expert": sha256_of(expert)},
        "face_judges": {
            "cpbd": True,
            "fid": True,
            "fid_weights": None,
            "identity": None,
            "lpips": "vgg",
            "lpips_linear": sha256_of(tmp_path / "file"),
            "lpips_weights": None,
        },
    }


def test_earlier_content_is_that_of_the_same_metrics(settings: ProtocolSettings, earlier: dict[str, Any]) -> None:
    assert upgrade_content(earlier) == settings.content()
    assert upgrade_content(settings.content()) == settings.content()


def test_a_folder_of_an_earlier_version_is_accepted_with_the_same_settings_only(
    settings: ProtocolSettings, earlier: dict[str, Any], tmp_path: Path
) -> None:
    stored = tmp_path / "results" / "run" / "settings.json"
    stored.parent.mkdir(parents=True)
    folder = ResultsFolder(tmp_path / "results")
    stored.write_text(json.dumps({"format": "visavox protocol results 1", "content": earlier}))
    folder.check(settings.content(), redo=False)
    earlier["judges"]["expert"] = "another"
    stored.write_text(json.dumps({"format": "visavox protocol results 1", "content": earlier}))
    with pytest.raises(InputError, match=r"other settings \(metrics\)"):
        folder.check(settings.content(), redo=False)
