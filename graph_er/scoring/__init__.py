"""Predictions beside the truth: scores, controls, intervals, tests."""
