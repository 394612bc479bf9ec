"""Description of an avatar's folder, as JSON and as text for people. Nothing heavy is loaded here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from visavox.avatar.format.avatar_folder import INFO_FILE, NEEDED, POSTNET_FILE, AvatarInfo
from visavox.constants import FRAME_RATE
from visavox.errors import InputError
from visavox.runtime.tables import text_table
from visavox.types import PathLike

DATA_PATH = Path("data") / "data.json"
"""Description of the data set, within an avatar whose data set is still there."""
METRICS = {
    "psnr": "PSNR of the image, dB",
    "psnr_head": "PSNR of the head, dB",
    "psnr_seam": "PSNR where head and torso meet, dB",
    "ssim": "SSIM of the image",
    "mouth_distance": "distance of the mouths in face features",
}
"""Titles of the metrics."""


def gather(folder: PathLike) -> dict[str, Any]:
    """Return what is known of an avatar, finished or not.

    Returns:
        `avatar` as `avatar.json` has it, `files` with their bytes, and `data` as `data.json` has it; `avatar` is None
        where it is not packed yet, and `data` where the data set is not there any more.

    Raises:
        InputError: the folder is no avatar, or what it says of itself is damaged.
    """
    place = Path(folder)
    is_packed = (place / INFO_FILE).is_file()
    data = _read_data(place / DATA_PATH)
    # Where there is neither, the avatar itself says best what is missing.
    info = AvatarInfo.load(place) if is_packed or data is None else None
    names = (*NEEDED, POSTNET_FILE) if info is not None else ()
    files = {name: (place / name).stat().st_size for name in names if (place / name).is_file()}
    return {"avatar": None if info is None else info.to_json(), "files": files, "data": data}


def describe(known: Mapping[str, Any]) -> str:
    """Return what `gather` found as text."""
    parts = []
    if known["avatar"] is None:
        parts.append("the avatar is not finished: the same `visavox avatar build` goes on")
    else:
        parts.append(_of_avatar(known["avatar"], known["files"]))
    if known["data"] is not None:
        parts.append(_of_data(known["data"]))
    return "\n\n".join(parts)


def _read_data(path: Path) -> dict[str, Any] | None:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path} cannot be read ({error}); run `visavox avatar build` again") from None


def _of_avatar(avatar: Mapping[str, Any], files: Mapping[str, int]) -> str:
    values = avatar["figures"]
    rows = [("pictures", f"{avatar['size']} pixels, preset {avatar['preset'] or 'unknown'}")]
    seconds = avatar["stretches"][-1][1] / FRAME_RATE
    count = len(avatar["stretches"])
    rows.append(("performance", f"{seconds:.1f} s in {count} {'stretch' if count == 1 else 'stretches'}"))
    if POSTNET_FILE in files:
        rows.append(("speaks by", f"{avatar['motion']}, and a post-net of its own"))
    else:
        why = values.get("without_postnet")
        rows.append(("speaks by", f"{avatar['motion']}, without a post-net" + (f": {why}" if why else "")))
    for name, what in METRICS.items():
        if name in values:
            rows.append((what, f"{values[name]:.4g}"))
    if "frames" in values:
        part = {"test": "held-out", "train": "training"}.get(values.get("part", ""), "")
        rows.append(("measured on", f"{values['frames']} {part} frames, by their own landmarks"))
    rows.append(("licence", avatar["licence"] or "not stated (--licence)"))
    rows.append(("attribution", avatar["attribution"] or "not stated (--attribution)"))
    rows += [(name, f"{size / 1e6:.2f} MB") for name, size in files.items()]
    rows.append(("in all", f"{sum(files.values()) / 1e6:.2f} MB"))
    return text_table(rows, num_names=2)


def _of_data(values: Mapping[str, Any]) -> str:
    """Return the checks and values of a data set as text."""
    frames, crop = values["frames"], values["crop"]
    rows = []
    for one in values["findings"]:
        advice = f"; {one['advice']}" if one["advice"] else ""
        mark = {"good": " ", "remark": "!", "failed": "X"}[one["level"]]
        rows.append((f"{mark} {one['name']}", f"{one['text']}{advice}"))
    lines = [
        text_table(rows, num_names=2),
        "",
        f"{frames['usable']} of {frames['all']} frames are usable ({frames['without_face']} without the face, "
        f"{frames['not_segmented']} not segmented): {frames['train']} to learn from, {frames['test']} to measure on",
        f"images of {crop['size']} pixels from a square of {crop['side']} at {crop['x']}, {crop['y']}; "
        f"{values['background']['seen_share']:.0%} of the scene was seen empty",
    ]
    lines += [f"left out: {name}: {reason}" for name, reason in values["footage"]["left_out"]]
    return "\n".join(lines)
