"""Set before any test module imports torch: what every command sets for itself."""

import os

import pandas as pd

from graph_er.running.cli import forbid_long_spinning
from graph_er.running.tracking import forbid_error_reports

forbid_error_reports()
forbid_long_spinning()
# The tests' networks are too small for two threads to gain anything by sharing them.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Frames are then pickled as where pyarrow is not installed, whether it is or not.
pd.set_option("mode.string_storage", "python")
