"""Generator: a conditioner and a renderer that were built for one contract, made into one network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from visavox.models.generator.conditioners import Conditioner
from visavox.models.generator.renderer import Layers, Renderer
from visavox.models.generator.spec import GeneratorSpec

SPEECH_BRANCH = "conditioner.predictor."
"""Prefix of the weights that any generator with a speech branch can take from any other."""


@dataclass(frozen=True)
class GeneratorConfig:
    """Everything that a generator is built from: its contract and the dimensions of both parts."""

    spec: GeneratorSpec
    """Crop, audio features, region, references and context."""
    conditioner: Any
    """Dimensions of the conditioner, such as `SpeechBranchConfig`; their class says which one it is."""
    renderer: Any
    """Dimensions of the renderer, such as `Wav2LipConfig`; their class says which one it is."""

    @property
    def num_motions(self) -> int | None:
        """Numbers K by which it describes a mouth; None where it does not."""
        return getattr(self.conditioner, "num_motions", None)

    @property
    def resolution(self) -> int:
        """Side of the images that it renders, in pixels."""
        return self.spec.crop.size


class LipSyncGenerator(nn.Module):
    """Regenerates the region of a face around the mouth so that it says what drives it.

        generator = LipSyncGenerator(
            spec := GeneratorSpec(CropSpec(size=96), AudioSpec()),
            encoder := AudioEncoder(AudioEncoderConfig(), spec.audio),
            Wav2LipRenderer(Wav2LipConfig(), spec, encoder.channels),
        )

    Frames are folded in the batch: B contexts of T frames each, where T is 1 but in temporal networks.
    """

    def __init__(self, spec: GeneratorSpec, conditioner: Conditioner, renderer: Renderer) -> None:
        super().__init__()
        self.spec = spec
        self.conditioner = conditioner
        self.renderer = renderer

    @property
    def config(self) -> GeneratorConfig:
        """Contract and dimensions."""
        return GeneratorConfig(self.spec, self.conditioner.config, self.renderer.config)

    def forward(self, features: Tensor, faces: Tensor) -> Tensor:
        """Generate faces.

        Args:
            features: (B T, `size`, `window`) audio features; mouth motion (B T, K) where the contract has no audio.
            faces: (B, 3 T + 3 K, H, W) RGB in [0, 1]: on channels the targets with the region hidden, then the
                references.

        Returns:
            (B T, 3, H, W) RGB in [0, 1].
        """
        frames = self.spec.context
        targets = faces[:, : 3 * frames].unflatten(1, (frames, 3)).flatten(0, 1)
        return self.images(self.condition(features), targets, faces[:, 3 * frames :])

    def condition(self, features: Tensor) -> Tensor:
        """Make the condition (B T, C, 1, 1) of audio features (B T, `size`, `window`), or of mouth motion (B T, K)."""
        return self.conditioner(features)

    def render(self, condition: Tensor, targets: Tensor, references: Tensor) -> Tensor | Layers:
        """Render what a condition says.

        Args:
            condition: (B T, C, 1, 1).
            targets: (B T, 3, H, W) RGB in [0, 1], with the region hidden (`spec.region.hide`).
            references: (B, 3 K, H, W) RGB in [0, 1], K images of the same face on channels.

        Returns:
            Images (B T, 3, H, W) RGB in [0, 1]; of a layered generator its layers.
        """
        return self.renderer(condition, targets, references)

    def images(self, condition: Tensor, targets: Tensor, references: Tensor) -> Tensor:
        """Render as `render` does, and composite the layers of a layered generator at its own size.

        Args:
            condition: (B T, C, 1, 1).
            targets: (B T, 3, H, W) RGB in [0, 1], with the region hidden (`spec.region.hide`).
            references: (B, 3 K, H, W) RGB in [0, 1], K images of the same face on channels.

        Returns:
            (B T, 3, H, W) RGB in [0, 1].
        """
        return composited(self.render(condition, targets, references), references)


def composited(rendered: Tensor | Layers, references: Tensor) -> Tensor:
    """Turn what a renderer gave into images (B T, 3, H, W).

    Args:
        rendered: images, or layers over the first reference.
        references: (B, 3 K, H', W') RGB in [0, 1]; layers are composited at their size.
    """
    if not isinstance(rendered, Layers):
        return rendered
    first = references[:, :3]
    frames = len(rendered.colors) // len(first)
    return rendered.composite(first if frames == 1 else first.repeat_interleave(frames, dim=0))
