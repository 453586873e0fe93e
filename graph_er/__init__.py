"""Stage 3 of graph_er: emotion recognition in conversation over speaker-relation graphs.

Layers, lowest first; a module imports only from layers before its own, and a test says so:
errors, paths; files, emotions, splits, dialogue_pickle, flags, tracking, scores, device;
dialogues, run_record, evaluation, config, cli; graph, data_option; model; checkpoint, prediction;
training; experiment, report; and the commands train, eval and study.
"""
