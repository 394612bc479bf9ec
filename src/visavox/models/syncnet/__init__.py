"""The expert: a SyncNet that judges whether five mouths and a stretch of sound belong together."""
