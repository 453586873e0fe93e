"""What is put in place of a folder's file: each returns the change, to be given the folder."""

import os


def put(name, content):
    def change(folder):
        (folder / name).unlink(missing_ok=True)
        (folder / name).write_bytes(content)

    return change


def link(name, target):
    def change(folder):
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)

    return change


def pipe(name):
    def change(folder):
        (folder / name).unlink(missing_ok=True)
        os.mkfifo(folder / name)

    return change


def make_folder(name):
    def change(folder):
        (folder / name).unlink()
        (folder / name).mkdir()

    return change
