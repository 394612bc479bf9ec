"""The figure of the domain adaptation."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from tests.models.motion.test_postnet import trained
from tests.narrow import present
from tests.training.motion_people import make_store

from visavox.cli import common
from visavox.cli.main import main
from visavox.cli.motion import plot_main
from visavox.errors import InputError
from visavox.evaluation.motion_plot import (
    Cloud,
    Prediction,
    check_plot_path,
    domain_clouds,
    plot_domains,
    principal_plane,
)
from visavox.motion.speech_to_motion import SpeakerAdapter
from visavox.training.motion.postnet_sources import true_motion


@pytest.fixture(scope="module")
def clouds() -> list[Cloud]:
    store = make_store("abc</script>", 1)
    return domain_clouds(store, "a", Prediction(true_motion(store), SpeakerAdapter(trained())), count=50, seed=1)


def test_the_clouds_are_what_their_names_say(clouds: list[Cloud]) -> None:
    assert [cloud.name for cloud in clouds] == [
        "true: many speakers",
        "true: a",
        "predicted, without adaptation",
        "predicted, with adaptation",
    ]
    assert [cloud.colour for cloud in clouds] == ["#3a9d5d", "#2f6db5", "#d43d3d", "#f28e1c"]
    assert all(len(cloud.frames) == len(cloud.clips) == len(cloud.numbers) <= 50 for cloud in clouds)
    store = make_store("abc", 1)
    true = next(clip for clip in store.clips if clip.speaker == "a")
    assert set(clouds[1].clips) == {"a_0"}
    np.testing.assert_array_equal(clouds[1].frames, true.displacements[clouds[1].numbers])
    assert "a_0" not in clouds[0].clips + clouds[2].clips


def test_the_plane_holds_as_much_as_singular_values_say() -> None:
    rng = np.random.default_rng(0)
    frames = (rng.normal(size=(60, 204)) * np.linspace(2, 0.1, 204)).reshape(60, 68, 3).astype(np.float32)
    (points,) = principal_plane([Cloud("x", "#000", frames, ["c"] * 60, np.arange(60))])
    rows = frames.reshape(60, -1) - frames.reshape(60, -1).mean(axis=0)
    expected = np.linalg.svd(rows, compute_uv=False)[:2] ** 2
    np.testing.assert_allclose((points**2).sum(axis=0), expected, rtol=1e-4)


def test_the_page_is_one_file_that_needs_no_network(clouds: list[Cloud], tmp_path: Path) -> None:
    path = tmp_path / "figure.html"
    plot_domains(clouds, path)
    page = path.read_text(encoding="utf-8")
    assert not re.search(r"https?:|//[a-z]|<link|src=|@import", page)
    data = re.search(r'<script id="data" type="application/json">(.*?)</script>', page, re.DOTALL)
    shown = json.loads(present(data).group(1))
    assert [cloud["name"] for cloud in shown] == [cloud.name for cloud in clouds]
    for cloud, expected in zip(shown, clouds, strict=True):
        assert [cloud["clips"][number] for number in cloud["clip"]] == expected.clips
        assert cloud["frame"] == expected.numbers.tolist()
        assert len(cloud["points"]) == len(cloud["faces"]) == len(expected.frames)
        assert len(cloud["faces"][0]) == 136
    assert list(tmp_path.iterdir()) == [path]


def test_the_picture_shows_all_colours(clouds: list[Cloud], tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    pytest.importorskip("matplotlib")
    path = tmp_path / "figure.png"
    plot_domains(clouds, path)
    picture = cv2.imread(str(path))[..., ::-1].reshape(-1, 3).astype(int)
    for colour in (clouds[1].colour, clouds[2].colour):
        wanted = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)])
        # Half transparent on white, and darker where dots lie on each other.
        light = np.rint(0.55 * wanted + 0.45 * 255)
        assert (np.abs(picture - light).max(axis=1) <= 3).any()


def test_what_cannot_be_drawn_is_said_first(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no ending of a plot"):
        check_plot_path(tmp_path / "figure.gif")
    with pytest.raises(InputError, match="there is no folder"):
        check_plot_path(tmp_path / "nowhere" / "figure.html")
    with pytest.raises(InputError, match="'z' and of others; the speakers here are a, b"):
        domain_clouds(make_store("ab", 1), "z")


def test_the_command_says_what_is_wrong_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = [str(tmp_path), "--person", "a", "--motion", "true", "-o", str(tmp_path / "figure.html")]
    assert main(["motion", "plot", *argv]) == 2
    assert "is not a prepared data set" in capsys.readouterr().err
    assert common.run(plot_main, [*argv, "--count", "3"]) == 2
    assert "--count 3 was given; give 10 or more" in capsys.readouterr().err
