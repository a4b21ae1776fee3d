"""Voiceprint enrollment and open-set speaker identification."""
