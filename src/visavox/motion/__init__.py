"""Speech, or the face in a video, to the motion of 68 landmarks (the first half of GeneFace).

| module | holds |
|---|---|
| `speech_to_motion` | a recording to motion: motion VAE in a stream, pauses, post-net of a person |
| `performance` | motion and head pose of the face in a video |
| `blink` | blinks: measured, drawn at random, given to a motion |
| `refinement` | smoothing over time; projection onto the faces of one person |
| `preview` | a motion as a video of a drawn face |
| `motion_file` | the `.npz` file of a motion |

Nothing is imported here: `visavox motion` checks its options before torch or OpenCV is loaded.
"""
