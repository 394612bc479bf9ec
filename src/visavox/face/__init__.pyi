from .composite import CompositeSettings, Compositor
from .detect import PersonSegmenter, open_segmenter
from .geometry import CropSpec, crop_transforms, motion_of_track, warp_crop
from .track import (
    FaceTracker,
    TrackerSettings,
    TrackingSettings,
    draw_overlay,
    load_track,
    load_tracks,
    open_tracker,
    save_track,
    save_tracks,
    select_tracks,
    track_frames,
    track_video,
)

__all__ = [
    "CompositeSettings",
    "Compositor",
    "CropSpec",
    "FaceTracker",
    "PersonSegmenter",
    "TrackerSettings",
    "TrackingSettings",
    "crop_transforms",
    "draw_overlay",
    "load_track",
    "load_tracks",
    "motion_of_track",
    "open_segmenter",
    "open_tracker",
    "save_track",
    "save_tracks",
    "select_tracks",
    "track_frames",
    "track_video",
    "warp_crop",
]
