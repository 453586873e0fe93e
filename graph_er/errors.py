"""The one exception that means "the input is wrong": commands turn it into exit status 2."""


class InputError(Exception):
    """Bad input from the user: a file, a row, an option.

    The message names the file, the row or id, the value found and the remedy, and is all that
    the user sees (no traceback).
    """
