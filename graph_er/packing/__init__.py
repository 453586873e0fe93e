"""Finished runs packed into one folder, a bundle, with its model card."""
