"""What a user gives, whatever its kind, to turns: tables, folders, recordings with times."""
