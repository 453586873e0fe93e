"""The embedded demo corpus: synthetic Korean two-speaker dialogues in KEMDy19's tree.

Nobody speaks in it and nobody rated it: text, voices, emotions and ratings are all made from a
seed, so that the whole pipeline runs without a licence or a download. Scores on it say whether
the pipeline works, nothing about emotion in real speech.
"""
