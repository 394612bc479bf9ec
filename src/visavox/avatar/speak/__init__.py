"""Speaking: motion, pose, rendering and compositing of an avatar."""
