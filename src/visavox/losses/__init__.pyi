from .adversarial import feature_distance, gradient_penalty, least_squares, real_or_generated
from .motion import Comparison, MotionScorer, continuity_loss, divergence_loss, gap_loss, reconstruction_loss, sync_loss
from .perceptual import LpipsLoss, mouth_motion_distance, normalized_feature_distance
from .radiance import PatchDistance, change_outside, color_error, feature_patch_distance, mask_error, opacity_entropy
from .reconstruction import detail_difference, region_weight, weighted_gradient_l1, weighted_l1
from .sync import contrastive, cosine_bce, stack_mouths

__all__ = [
    "Comparison",
    "LpipsLoss",
    "MotionScorer",
    "PatchDistance",
    "change_outside",
    "color_error",
    "continuity_loss",
    "contrastive",
    "cosine_bce",
    "detail_difference",
    "divergence_loss",
    "feature_distance",
    "feature_patch_distance",
    "gap_loss",
    "gradient_penalty",
    "least_squares",
    "mask_error",
    "mouth_motion_distance",
    "normalized_feature_distance",
    "opacity_entropy",
    "real_or_generated",
    "reconstruction_loss",
    "region_weight",
    "stack_mouths",
    "sync_loss",
    "weighted_gradient_l1",
    "weighted_l1",
]
