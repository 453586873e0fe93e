"""What every command stands on: flags, files, devices, processes, records of runs."""
