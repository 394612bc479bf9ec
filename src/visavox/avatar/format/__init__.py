"""The avatar folder: its format, its description and the avatars that ship."""
