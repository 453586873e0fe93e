"""A pickle looked through before it is loaded: sizes, numbers and tuples that a file may lie with.

The unpickler believes what a file declares: it reserves as many bytes as a string is said to have,
and a table as long as the highest number that an object is given. And it hashes a tuple by walking
all that it holds, by recursion: one that holds the same tuple twice, and so on for fifty levels,
takes longer than anyone waits; one of a million levels ends the process. So the stack machine is
run here with nothing on its stack but how deep and how large the tuples are.
"""

from __future__ import annotations

import io
import mmap
import pickletools
import re

_DEEPEST = 100
_MOST_REPEATED = 1_000_000
_LONGEST_NUMBER = 12

# On the stack stands of a tuple how deep it is and how many items it and those in it have, and
# nothing of all else.
_Item = tuple[int, ...]
_PLAIN: _Item = ()

_CODES = {operation.name: ord(operation.code) for operation in pickletools.opcodes}
_COUNTS = {
    pickletools.TAKEN_FROM_ARGUMENT1: 1,
    pickletools.TAKEN_FROM_ARGUMENT4: 4,
    pickletools.TAKEN_FROM_ARGUMENT4U: 4,
    pickletools.TAKEN_FROM_ARGUMENT8U: 8,
}
# By code: bytes of the count that comes before bytes, lines, or bytes that follow an operation.
_COUNTED, _LINES, _FIXED = {}, {}, {}
# By code: how many objects it takes, whether all since a mark before that, and how many it gives.
_EFFECTS = {}
for _operation in pickletools.opcodes:
    _code, _size = ord(_operation.code), _operation.arg.n if _operation.arg else 0
    if _size in _COUNTS:
        _COUNTED[_code] = _COUNTS[_size]
    elif _size == pickletools.UP_TO_NEWLINE:
        _LINES[_code] = 2 if _operation.name in ("GLOBAL", "INST") else 1
    else:
        _FIXED[_code] = _size
    _before = _operation.stack_before
    _marked = pickletools.markobject in _before
    _takes = _before.index(pickletools.markobject) if _marked else len(_before)
    _EFFECTS[_code] = _takes, _marked, len(_operation.stack_after)
_TUPLES = {_CODES[name] for name in ("TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "EMPTY_TUPLE")}
_GETS = {_CODES[name] for name in ("GET", "BINGET", "LONG_BINGET")}
_PUTS = {_CODES[name] for name in ("PUT", "BINPUT", "LONG_BINPUT")}
# What these change stays where it was, be it a tuple that is given nothing.
_CHANGES = {
    _CODES[name]
    for name in ("APPEND", "APPENDS", "SETITEM", "SETITEMS", "ADDITEMS", "BUILD", "READONLY_BUFFER")
}
# Ways to name something that are not `GLOBAL`.
_OTHER_NAMES = {_CODES[n]: n for n in ("INST", "STACK_GLOBAL", "EXT1", "EXT2", "EXT4")}
# Most operations only push; their sizes, by code.
_PUSHES = {
    code: size
    for code, size in _FIXED.items()
    if _EFFECTS[code] == (0, False, 1)
    and code not in _TUPLES | _GETS | {*_OTHER_NAMES, _CODES["MARK"]}
}
# How many bytes an integer of up to 64 bits takes, its count or line end included. Larger ones can
# be made to hash alike, so that a table of them takes time by the square of its size.
_INTEGERS = {_CODES[name]: size for name, size in (("LONG1", 9), ("LONG4", 12))}
_INTEGERS |= {_CODES[name]: 22 for name in ("INT", "LONG")}
# Texts and bytes push one object, too; their counts' sizes, by code.
_TEXTS = {
    code: size
    for code, size in _COUNTED.items()
    if _EFFECTS[code] == (0, False, 1) and code not in _INTEGERS
}
_SMALL_TUPLES = {_CODES[f"TUPLE{size}"]: size for size in (1, 2, 3)}
_PLAINS = {code: [_PLAIN] * size for code, size in _SMALL_TUPLES.items()}
_FLAT_TUPLES = {code: (1, 1 + size) for code, size in _SMALL_TUPLES.items()}
_FLOATS = re.compile(b"(?:G.{8})++", re.DOTALL)  # which a large file holds by the million


def scan_pickle(file: io.BufferedReader) -> None:
    """Refuse a pickle that would take more time or memory to load than a file of its size may.

    Args:
        file: an open regular file; where it stands does not change.

    Raises:
        ValueError: a string is longer than the file, an object's number higher than its place,
            tuples lie deeper or are repeated more often than people write them; no bytes, or no
            program for a stack machine at all.
    """
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        _Scan(content).run()


def scan_program(content: bytes) -> set[str]:
    """Refuse as `scan_pickle` does; return what the pickle names, ``module name`` each.

    Where a name is put together otherwise, it is that of the operation.

    Raises:
        ValueError: as `scan_pickle`.
    """
    scan = _Scan(content)
    scan.run()
    return scan.names


class _Scan:
    def __init__(self, content: mmap.mmap | bytes) -> None:
        self._content = content
        self._stack: list[_Item] = []
        self._marks: list[int] = []
        self._table: list[_Item | None] = []
        self._numbered = 0
        self._repeated = 0
        self.names: set[str] = set()

    def run(self) -> None:
        """Run to the end of the program."""
        content, stack, table, end = self._content, self._stack, self._table, len(self._content)
        push, float_, stop = stack.append, _CODES["BINFLOAT"], _CODES["STOP"]
        memoize, binget, reduce = _CODES["MEMOIZE"], _CODES["BINGET"], _CODES["REDUCE"]
        marks, mark = self._marks, _CODES["MARK"]
        place = 0
        while place < end:
            code = content[place]
            if code == float_ and (run := _FLOATS.match(content, place)):
                stack += [_PLAIN] * ((run.end() - place) // 9)
                place = run.end()
                continue
            place += 1
            if (size := _PUSHES.get(code)) is not None:
                place += size
                push(_PLAIN)
            elif (
                code == binget
                and place < end
                and content[place] < len(table)
                and table[content[place]] == _PLAIN
            ):
                place += 1
                push(_PLAIN)
            elif (count := _TEXTS.get(code)) is not None:
                start, place = place, place + count
                place += int.from_bytes(content[start:place], "little")
                push(_PLAIN)
            elif code in _SMALL_TUPLES and stack[-_SMALL_TUPLES[code] :] == _PLAINS[code]:
                # Of none but plain objects, which a mark below them is not looked for among.
                start = len(stack) - _SMALL_TUPLES[code]
                if marks and marks[-1] > start:
                    raise ValueError("an object is taken from the stack where there is none")
                stack[start:] = (_FLAT_TUPLES[code],)
            elif code == memoize and stack:
                self._put(self._numbered, stack[-1])
            elif code == reduce and len(stack) - 2 >= (marks[-1] if marks else 0):
                stack[-2:] = (_PLAIN,)
            elif code == mark:
                marks.append(len(stack))
            elif code == stop:
                if marks or not stack:
                    raise ValueError(f"it ends within a list at byte {place:,}")
                return
            else:
                start, place = place, self._after(code, place)
                if place > end:
                    raise ValueError(f"more bytes declared at byte {start:,} than the file holds")
                self._operate(code, start, place)
        raise ValueError("it ends early")

    def _after(self, code: int, place: int) -> int:
        """Return where the next operation begins."""
        if (size := _FIXED.get(code)) is not None:
            return place + size
        if (count := _COUNTED.get(code)) is not None:
            start = place + count
            return start + int.from_bytes(self._content[place:start], "little")
        if code not in _LINES:
            raise ValueError(f"byte {place - 1:,} is no operation")
        for _ in range(_LINES[code]):
            place = self._content.find(b"\n", place) + 1 or len(self._content) + 1
        return place

    def _operate(self, code: int, start: int, end: int) -> None:
        takes, marked, gives = _EFFECTS[code]
        table = self._table
        if code in _GETS:
            number = self._number(code, start, end)
            self._repeat(table[number] if number < len(table) else None)
        elif code in _PUTS:
            number = self._number(code, start, end)
            # Writers number from 0 on: an honest number is never above its place in the file.
            if number > end:
                raise ValueError(f"object number {number:,} at byte {start:,}")
            self._put(number, self._take(1, leave=True)[0])
        elif code == _CODES["POP"] and self._marks and self._marks[-1] == len(self._stack):
            self._marks.pop()
        elif code == _CODES["DUP"]:
            self._repeat(self._take(1, leave=True)[0])
        elif code == _CODES["FRAME"]:
            if int.from_bytes(self._content[start:end], "little") > len(self._content) - end:
                raise ValueError(f"more bytes declared at byte {start:,} than the file holds")
        elif end - start > _INTEGERS.get(code, end):
            raise ValueError(f"an integer of more than 64 bits at byte {start:,}")
        elif code == _CODES["GLOBAL"]:
            self.names.add(self._content[start:end].decode("latin1").strip().replace("\n", " "))
            self._stack.append(_PLAIN)
        elif code in _TUPLES:
            self._stack.append(_tuple_of(self._since_mark() if marked else self._take(takes)))
        else:
            if code in _OTHER_NAMES:
                self.names.add(_OTHER_NAMES[code])
            if marked:
                self._since_mark()
            taken = self._take(takes)
            if gives:
                self._stack.append(taken[0] if code in _CHANGES else _PLAIN)

    def _put(self, number: int, item: _Item) -> None:
        table = self._table
        if number >= len(table):
            table += [None] * (number + 1 - len(table))
        self._numbered += table[number] is None
        table[number] = item

    def _number(self, code: int, start: int, end: int) -> int:
        """Return which number an operation gives an object, or takes one by."""
        if code not in _LINES:
            return int.from_bytes(self._content[start:end], "little")
        text = self._content[start : min(end - 1, start + _LONGEST_NUMBER + 1)]
        if not text.isdigit() or len(text) > _LONGEST_NUMBER:
            raise ValueError(f"object number {text!r} at byte {start:,}")
        return int(text)

    def _repeat(self, item: _Item | None) -> None:
        if item is None:
            raise ValueError("an object is taken from the table that was not put there")
        if item:
            self._repeated += item[1]
            # Writers share small ones, such as the shape of all rows, and more in larger files.
            if self._repeated > _MOST_REPEATED + len(self._content):
                raise ValueError(f"{self._repeated:,} items of tuples that are repeated")
        self._stack.append(item)

    def _take(self, count: int, *, leave: bool = False) -> list[_Item]:
        """Return the objects on top of the stack, the lowest first, none from below a mark."""
        if len(self._stack) - count < (self._marks[-1] if self._marks else 0):
            raise ValueError("an object is taken from the stack where there is none")
        taken = self._stack[len(self._stack) - count :]
        if not leave:
            del self._stack[len(self._stack) - count :]
        return taken

    def _since_mark(self) -> list[_Item]:
        if not self._marks:
            raise ValueError("objects are taken from the stack since a mark where there is none")
        mark = self._marks.pop()
        return self._take(len(self._stack) - mark)


def _tuple_of(items: list[_Item]) -> _Item:
    inner = [item for item in items if item]
    depth = 1 + max((item[0] for item in inner), default=0)
    if depth > _DEEPEST:
        raise ValueError(f"tuples within tuples, over {_DEEPEST} deep")
    return depth, 1 + len(items) + sum(item[1] for item in inner)
