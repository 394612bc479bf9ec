from .overlay import draw_overlay
from .selection import check_selection, select_tracks, track_in_box
from .track_building import StatusSettings
from .track_file import check_track_fits, load_track, load_tracks, save_track, save_tracks
from .tracker import FaceTracker, TrackerSettings, open_tracker
from .tracking import (
    TRACKER_VERSION,
    TrackingSettings,
    build_tracks,
    cached_tracks,
    see_faces,
    track_frames,
    track_video,
)

__all__ = [
    "TRACKER_VERSION",
    "FaceTracker",
    "StatusSettings",
    "TrackerSettings",
    "TrackingSettings",
    "build_tracks",
    "cached_tracks",
    "check_selection",
    "check_track_fits",
    "draw_overlay",
    "load_track",
    "load_tracks",
    "open_tracker",
    "save_track",
    "save_tracks",
    "see_faces",
    "select_tracks",
    "track_frames",
    "track_in_box",
    "track_video",
]
