"""Who hears whom: dialogues as graphs, whole or in parts."""
