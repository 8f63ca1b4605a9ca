"""Judges of finished videos: a clip and its text in, named scores out. What each is, `offers.OFFERS` says."""
