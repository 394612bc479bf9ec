"""One person as a radiance field (GeneFace): their data set, their avatar, and what it says.

| package | holds |
|---|---|
| `dataset` | videos of a person to a data set: face, crop, empty scene, head and torso, motion, speech |
| `build` | a data set to an avatar: head, torso and post-net trained, evaluated and packed |
| `format` | the folder of an avatar, which building writes and speaking reads; those that come with visavox |
| `speak` | an avatar says a recording: motion, pose, rendering, compositing; how fast it renders |

Imports point down this list: `build` uses `dataset` and `format`, `speak` uses `dataset` and `format`.
"""
