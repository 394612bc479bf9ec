"""What every figure of `visavox evaluate` means: one table for the documentation, the tables and the tests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MetricDescription:
    """One figure."""

    path: str
    """Where it is in a report: attribute names joined by dots."""
    title: str
    """Its name in the table that the command prints."""
    name: str
    """Its name in sentences."""
    formula: str
    """How it is computed, in words."""
    source: str
    """Where it comes from."""
    range: str
    """Values that it can take."""
    unit: str
    """Its unit; empty for a plain number."""
    higher_is_better: bool | None
    """Which direction is better; None where the best value lies in the middle, or the figure is a reference."""
    best: str
    """The best value."""


_OURS = "visavox"
_EYES = "distances of the outer eye corners"

_MOUTH = (
    MetricDescription(
        "opening.correlation",
        "open r",
        "Lip opening, correlation",
        "Pearson correlation over frames of the distance between the inner lips, dubbed and true",
        _OURS,
        "-1 to 1",
        "",
        True,
        "1",
    ),
    MetricDescription(
        "opening.best_lag",
        "lag",
        "Lag of the mouth",
        "lag at which that correlation is highest; above 0 the dubbed mouth is late",
        _OURS,
        "-15 to 15",
        "frames",
        None,
        "0",
    ),
    MetricDescription(
        "opening.gain",
        "gain",
        "Gain of the opening",
        "how far the dubbed lips move over how far the true ones do",
        _OURS,
        "0 or more",
        "",
        None,
        "1",
    ),
    MetricDescription(
        "width.correlation",
        "width r",
        "Lip width, correlation",
        "as the opening's, of the distance between the corners of the mouth",
        _OURS,
        "-1 to 1",
        "",
        True,
        "1",
    ),
    MetricDescription(
        "landmark_distance",
        "LMD",
        "Landmark distance",
        "mean distance of lip landmarks to the true ones, after the head's motion is taken out by a similarity fit",
        "after Chen et al., ECCV 2018",
        "0 or more",
        _EYES,
        False,
        "0",
    ),
)

_PICTURE = (
    MetricDescription(
        "psnr",
        "PSNR",
        "Peak signal to noise ratio",
        "10 log10(255^2 / mean squared error) of the mouth region, the error taken over all frames",
        "standard",
        "0 to infinity",
        "dB",
        True,
        "infinity",
    ),
    MetricDescription(
        "ssim",
        "SSIM",
        "Structural similarity",
        "means, variances and covariance under a Gaussian window of sigma 1.5, of the mouth region; mean over frames",
        "Wang et al., IEEE TIP 2004",
        "-1 to 1",
        "",
        True,
        "1",
    ),
    MetricDescription(
        "face.lpips",
        "LPIPS",
        "Learned perceptual distance",
        "squared differences of unit-normalised ImageNet features of the face crop (256 pixels), weighed channel by "
        "channel as people judge, mean over places, sum over layers; mean over frames",
        "Zhang et al., CVPR 2018, version 0.1",
        "0 or more, mostly below 1",
        "",
        False,
        "0",
    ),
    MetricDescription(
        "fid",
        "FID",
        "Frechet inception distance",
        "Frechet distance of two Gaussians fitted to the Inception features of all dubbed and all true face crops",
        "Heusel et al., NeurIPS 2017; network and resizing of pytorch-fid",
        "0 or more",
        "",
        False,
        "0",
    ),
    MetricDescription(
        "sharpness",
        "sharp",
        "Sharpness ratio",
        "variance of the Laplacian of the mouth region over that of the true one",
        "after Pech-Pacheco et al., ICPR 2000",
        "0 or more",
        "",
        None,
        "1",
    ),
    MetricDescription(
        "face.cpbd",
        "CPBD",
        "Cumulative probability of blur detection",
        "share of the edges of the face that are too narrow for blur to be seen in them; mean over frames",
        "Narvekar and Karam, IEEE TIP 2011",
        "0 to 1",
        "",
        True,
        "1",
    ),
    MetricDescription(
        "face.true_cpbd",
        "true CPBD",
        "CPBD of the recording",
        "the same of the true face: what the camera gave",
        "Narvekar and Karam, IEEE TIP 2011",
        "0 to 1",
        "",
        None,
        "-",
    ),
    MetricDescription(
        "face.identity",
        "identity",
        "Identity similarity (CSIM)",
        "cosine of the embeddings of the dubbed and the true face by the recognition network that was given; mean over "
        "frames",
        "Deng et al., CVPR 2019 (ArcFace)",
        "-1 to 1",
        "",
        True,
        "1",
    ),
    MetricDescription(
        "flicker",
        "flicker",
        "Flicker ratio",
        "root mean square of the second difference in time of the repainted region over that of the true one",
        _OURS,
        "0 or more",
        "",
        None,
        "1",
    ),
    MetricDescription(
        "outside.mean",
        "outside",
        "Difference outside",
        "mean absolute difference to the source, of pixels outside the repainted region",
        _OURS,
        "0 to 255",
        "8-bit levels",
        False,
        "that of the codec",
    ),
    MetricDescription(
        "outside.codec_mean",
        "codec",
        "Difference by the codec",
        "the same for the source encoded once more with nothing painted",
        _OURS,
        "0 to 255",
        "8-bit levels",
        None,
        "-",
    ),
)


def _sync_descriptions(names: tuple[str, str, str], path: str, judge: str) -> tuple[MetricDescription, ...]:
    """Describe the three figures of a judge of sync, and those of the real video beside them."""
    lags = "-15 to 15"
    figures = (
        (
            "distance",
            "Lip sync error, distance",
            "distance of the embeddings of mouth and sound, averaged over windows, smallest over shifts of the sound",
            "0 or more",
            "",
            False,
        ),
        (
            "confidence",
            "Lip sync error, confidence",
            "median of these distances over shifts less the smallest",
            "0 or more",
            "",
            True,
        ),
        ("offset", "Offset of sound and picture (AV offset)", "shift with the smallest distance", lags, "frames", None),
    )
    described = []
    for name, (attribute, title, formula, span, unit, direction) in zip(names, figures, strict=True):
        best = "0" if attribute == "offset" else "that of the real video"
        numbers = (formula, judge, span, unit)
        described.append(MetricDescription(f"{path}.{attribute}", name, title, *numbers, direction, best))
        real = f"{title}, of the real video"
        described.append(MetricDescription(f"true_{path}.{attribute}", f"real {name}", real, *numbers, None, "-"))
    return tuple(described)


_CHUNG = "Chung and Zisserman, ACCV workshops 2016; Prajwal et al., ACM MM 2020"
_SYNC = (
    *_sync_descriptions(
        ("LSE-D frame", "LSE-C frame", "offset frame"), "lse.whole_frame", f"{_CHUNG}; SyncNet on whole frames"
    ),
    *_sync_descriptions(
        ("LSE-D crop", "LSE-C crop", "offset crop"), "lse.tracked_crop", f"{_CHUNG}; SyncNet on tracked crops"
    ),
    *_sync_descriptions(
        ("expert-D", "expert-C", "expert offset"), "expert_sync", "the same arithmetic with an expert of ours; not LSE"
    ),
)

_SILENCE = (
    MetricDescription(
        "silence.motion",
        "sil.move",
        "Motion in silence (silence leak)",
        "standard deviation of the lip opening about its mean in each silence of the sound",
        _OURS,
        "0 or more",
        _EYES,
        False,
        "0",
    ),
    MetricDescription(
        "silence.opening",
        "sil.open",
        "Opening in silence",
        "mean lip opening in the silences of the sound",
        _OURS,
        "0 or more",
        _EYES,
        False,
        "that of the recording",
    ),
)

DESCRIPTIONS = {each.path: each for each in (*_MOUTH, *_PICTURE, *_SYNC, *_SILENCE)}
"""Path of the figure in a report to its description, in the order of the table."""


def markdown_table() -> str:
    """Lay the descriptions out as the table of docs/metrics.md.

    >>> print(markdown_table().splitlines()[0])
    | column | metric | computed as | source | range | unit | better | best |
    """
    direction = {True: "higher", False: "lower", None: "neither"}
    lines = ["| column | metric | computed as | source | range | unit | better | best |", "|" + "---|" * 8]
    for each in DESCRIPTIONS.values():
        cells = [each.title, each.name, each.formula, each.source, each.range, each.unit]
        lines.append(f"| {' | '.join([*cells, direction[each.higher_is_better], each.best])} |")
    return "\n".join(lines)
