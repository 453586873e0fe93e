"""Stage 3 of graph_er: emotion recognition in conversation over speaker-relation graphs.

Modules in import order (a module imports only from those before it):
errors, files, paths -> emotions -> dialogue_pickle, dialogues, splits -> config, flags -> graph
-> model -> checkpoint -> scores, prediction -> training -> report -> {train, eval, study}.
"""
