"""Transcripts with times, and who said which of their words: JSON of Whisper's family, WebVTT, SubRip, CTM."""
