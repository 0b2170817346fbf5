"""Pictures of timelines, drawn with matplotlib; each has a text twin, what `str()` of the timeline says."""
