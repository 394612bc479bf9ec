"""Which networks judge the picture of the face, as options."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class FaceJudgeSettings:
    """What is measured on the face beside PSNR and SSIM of the mouth. Nothing, if nothing is asked for."""

    lpips: Literal["alex", "vgg", "squeeze"] | None = None
    """Measure LPIPS of the face, by this network."""
    lpips_weights: Path | None = None
    """File with the ImageNet weights of that network, as torchvision publishes them; found or fetched by default."""
    lpips_linear: Path | None = None
    """File with the linear weights of LPIPS; by default those of an installed `lpips` or `torchmetrics`, or fetched."""
    fid: bool = False
    """Measure FID of the faces, over all frames of a group."""
    fid_weights: Path | None = None
    """File with the Inception weights of FID (pt_inception-2015-12-05-6726825d.pth); found or fetched by default."""
    cpbd: bool = False
    """Measure CPBD, sharpness without a reference, of the face in both videos."""
    identity: Path | None = None
    """Face recognition network (.onnx, of the ArcFace kind): measure how alike it finds the two faces."""

    @property
    def asked_for(self) -> bool:
        """Whether anything is measured."""
        return bool(self.lpips or self.fid or self.cpbd or self.identity)
