"""The study's report: runs on disk -> ``results.json`` -> tables, pictures and one HTML page.

``runs`` reads what the evaluations wrote, ``collect`` puts it into one record, ``tables``,
``figures`` and ``page`` render that record and nothing else, so every number has one source.
"""
