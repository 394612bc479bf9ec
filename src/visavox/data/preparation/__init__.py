"""Raw footage to prepared clips."""
