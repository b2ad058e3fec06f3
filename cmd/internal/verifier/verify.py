#!/usr/bin/env python3
"""Verifies journals, from packaging/doc/journal-format.md alone.

Reads one JSON object from each line of standard input, {"folder", "archive",
"keys", "heads"} (heads in base64), and writes one to standard output:
{"fine", "first", "findings": [[code, from, to], ...]}. It needs Python 3.9 and
nothing else. Numbers in comments are sections of the document.
"""

import base64
import binascii
import datetime
import functools
import hashlib
import json
import os
import re
import sys

MISSING_LEAF = hashlib.sha256(b"\0").digest()
STATING = {"JOURNAL_REPAIRED", "JOURNAL_WITNESSED", "JOURNAL_ARCHIVED", "JOURNAL_PRUNED", "CLOCK_JUMPED"}


# --- Ed25519, RFC 8032 section 6 -------------------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def point_add(a, b):
    A = (a[1] - a[0]) * (b[1] - b[0]) % P
    B = (a[1] + a[0]) * (b[1] + b[0]) % P
    C = 2 * a[3] * b[3] * D % P
    E = 2 * a[2] * b[2] % P
    e, f, g, h = B - A, E - C, E + C, B + A
    return e * f % P, g * h % P, f * g % P, e * h % P


def point_mul(s, a):
    result = (0, 1, 1, 0)
    while s > 0:
        if s & 1:
            result = point_add(result, a)
        a = point_add(a, a)
        s >>= 1
    return result


def recover_x(y, sign):
    if y >= P:
        return None
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if x2 == 0:
        return None if sign else 0
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * ROOT % P
    if (x * x - x2) % P:
        return None
    return P - x if x & 1 != sign else x


def decompress(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    x = recover_x(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


BASE = decompress((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


@functools.lru_cache(maxsize=4096)
def ed25519_verify(public, message, signature):
    if len(public) != 32 or len(signature) != 64:
        return False
    A, R = decompress(public), decompress(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if A is None or R is None or s >= L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    left, right = point_mul(s, BASE), point_add(R, point_mul(k, A))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0


# --- Lines, 2 ---------------------------------------------------------------

TIME = r'(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.(\d{6})Z'
BEGINNING = re.compile((r'\{"v":1,"seq":([1-9]\d{0,18}),"batch":([1-9]\d{0,18}),"prev":"([0-9a-f]{64})",'
                        r'"time":"(' + TIME + r')",(?:"occurred":"(' + TIME + r')",)?"kind":"').encode(), re.ASCII)
NAME = re.compile(r'[a-z][a-z0-9_]*', re.ASCII)
SPECIAL = re.compile('["\\\\\x00-\x1f\x7f-\x9f\u2028\u2029]')
SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}


class Bad(Exception):
    pass


def escaped(match):
    c = match.group()
    return SHORT.get(c) or "\\u%04x" % ord(c)


def pairs(fields):
    result = dict(fields)
    if len(result) != len(fields) or not 1 <= len(fields) <= 64:
        raise Bad
    return result


def integer(digits):
    if len(digits.lstrip("-")) > 19:
        raise Bad
    return int(digits)


def no(_):
    raise Bad


DECODER = json.JSONDecoder(object_pairs_hook=pairs, parse_float=no, parse_int=integer, parse_constant=no)


def write(value, depth):
    """Writes a value in the only spelling."""
    if value is True:
        return "true"
    if isinstance(value, str):
        return '"' + SPECIAL.sub(escaped, value) + '"'
    if isinstance(value, int) and value is not False:
        return str(value)
    if depth > 8:
        raise Bad
    if isinstance(value, dict):
        for name in value:
            if not NAME.fullmatch(name):
                raise Bad
        return "{" + ",".join('"' + k + '":' + write(v, depth + (type(v) in (dict, list))) for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(write(v, depth + (type(v) in (dict, list))) for v in value) + "]"
    raise Bad


def is_time(parts):
    try:
        datetime.datetime(*(int(p) for p in parts))
        return True
    except ValueError:
        return False


class Entry:
    __slots__ = ("seq", "batch", "prev", "leaf", "time", "late", "kind", "fields")


def parse(line):
    """Returns the entry of a line without its line feed, or None."""
    m = BEGINNING.match(line)
    if not m or len(line) > 1 << 20 or not is_time(m.groups()[4:11]) or m.group(12) and not is_time(m.groups()[12:19]):
        return None
    e = Entry()
    e.seq, e.batch = int(m.group(1)), int(m.group(2))
    if e.seq > 2**53 or e.batch > e.seq:
        return None
    try:
        text = line.decode("utf-8")
        fields = DECODER.decode(text)
        if write(fields, 1) != text:
            return None
    except (UnicodeError, ValueError, Bad, RecursionError):
        return None
    e.prev, e.time, e.late = bytes.fromhex(m.group(3).decode()), m.group(4), bool(m.group(12))
    e.kind, e.fields, e.leaf = fields["kind"], fields, hashlib.sha256(b"\0" + line).digest()
    if e.kind in STATING:
        for name in ("from", "to", "missing_from", "missing_to"):
            if type(fields.get(name, 0)) is not int or fields.get(name, 0) < 0:
                return None
        if not isinstance(fields.get("actor", ""), str):
            return None
    return e


def gap(e):
    """Returns the numbers that a line states as missing, 4."""
    if e is None or e.kind != "JOURNAL_REPAIRED":
        return None
    first, last = e.fields.get("missing_from", 0), e.fields.get("missing_to", 0)
    if 0 < first <= last == e.seq - 1 and last - first < 1 << 24:
        return first, last
    return None


# --- Segments, 1 ------------------------------------------------------------

class Item:
    def __init__(self, entry, first):
        self.entry, self.first = entry, first


def stretches(data):
    """Cuts data; yields each stretch and whether it may be a line."""
    for part in re.findall(rb"\0+|[^\0\n]*\n|[^\0\n]+", data):
        yield part, part[-1] == 10


def entry_of(part, is_line):
    return parse(part[:-1]) if is_line else None


def items_of(number, data, live):
    """Yields the items of a segment; of a live one at last the highest batch
    behind its end."""
    data = data.rstrip(b"\0")
    behind = 0
    if live:
        end = data.find(b"\0")
        end = data.rfind(b"\n", 0, end if end >= 0 else len(data)) + 1
        for part, is_line in stretches(data[end:]):
            e = entry_of(part, is_line)
            if e:
                behind = max(behind, e.batch)
        data = data[:end]
    first = number
    for part, is_line in stretches(data):
        yield Item(entry_of(part, is_line), first)
        first = 0
    if behind:
        yield behind


def read(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except FileNotFoundError:
        return None


def segments_of(folder, archive):
    found = {}
    for place in (archive, folder):
        for name in os.listdir(place) if place else ():
            if re.fullmatch(r"journal-\d{20}\.jsonl", name, re.ASCII) and int(name[8:28]) > 0:
                found[int(name[8:28])] = os.path.join(place, name)
    return [(number, found[number]) for number in sorted(found)]


# --- Heads, 8 ---------------------------------------------------------------

def unbase64(text):
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data


def parse_key(key):
    name, number, data = key.split("+", 2)
    data = base64.b64decode(data)
    assert hashlib.sha256(name.encode() + b"\n" + data).digest()[:4].hex() == number and len(data) == 33
    return name, bytes.fromhex(number), data[0], data[1:]


def valid_name(name):
    return 0 < len(name.encode()) and not any(c == "+" or c.isspace() or ord(c) < 32 or 127 <= ord(c) < 160 for c in name)


class Head:
    pass


@functools.lru_cache(maxsize=4096)
def parse_note(note, keys):
    """Returns (origin, size, root, witnesses) of a valid head, or None."""
    if len(note) > 16384:
        return None
    try:
        text = note.decode("utf-8")
    except UnicodeError:
        return None
    if any(ord(c) < 32 and c != "\n" for c in text) or not text.endswith("\n"):
        return None
    at = text.rfind("\n\n")
    if at < 0 or at + 2 >= len(text):
        return None
    text, lines = text[:at + 1], text[at + 2:-1].split("\n")
    if len(lines) > 32:
        return None
    signed = {}
    for line in lines:
        if not line.startswith("\u2014 "):
            return None
        name, _, data = line[2:].partition(" ")
        data = unbase64(data)
        if not valid_name(name) or data is None or len(data) < 5:
            return None
        for known_name, number, kind, public in keys:
            if (name, data[:4]) != (known_name, number) or (name, number) in signed:
                continue
            if not right(kind, public, text.encode(), data[4:]):
                return None
            signed[name, number] = kind
    body = text.split("\n")
    if len(body) != 4 or not valid_name(body[0]) or not re.fullmatch(r"0|[1-9]\d{0,15}", body[1], re.ASCII):
        return None
    root = unbase64(body[2])
    if root is None or len(root) != 32 or base64.b64encode(root).decode() != body[2] or int(body[1]) > 2**48:
        return None
    if int(body[1]) == 0 and root != hashlib.sha256().digest():
        return None
    if not any(kind == 1 and name == body[0] for (name, _), kind in signed.items()):
        return None
    return body[0], int(body[1]), root, [name for (name, _), kind in signed.items() if kind == 4]


def right(kind, public, text, signature):
    if kind == 1:
        return ed25519_verify(public, text, signature)
    if len(signature) != 72 or signature[0] > 127:
        return False
    at = int.from_bytes(signature[:8], "big")
    return ed25519_verify(public, b"cosignature/v1\ntime %d\n" % at + text, signature[8:])


# --- The tree, 6 and 7 --------------------------------------------------------

def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


class Tree:
    """A tree that grows: the roots of its complete subtrees."""

    def __init__(self, size=0, roots=()):
        self.size, self.roots = size, list(roots)

    def copy(self):
        return Tree(self.size, self.roots)

    def push(self, leaf):
        n = self.size
        while n & 1:
            leaf = node(self.roots.pop(), leaf)
            n >>= 1
        self.roots.append(leaf)
        self.size += 1

    def root(self):
        if not self.roots:
            return hashlib.sha256().digest()
        return functools.reduce(lambda right, left: node(left, right), reversed(self.roots))


def tile_path(level, n):
    text = "%03d" % (n % 1000)
    while n >= 1000:
        n //= 1000
        text = "x%03d/%s" % (n % 1000, text)
    return "tile/%d/%s" % (level, text)


# --- Verification, 9 ----------------------------------------------------------

class Slot:
    """A number in the order of entries."""

    def __init__(self, number, entry=None, unused=False):
        self.number, self.entry, self.unused, self.blamed = number, entry, unused, False


class Verifier:
    def __init__(self, folder, archive, keys, given):
        self.folder, self.archive = folder, archive
        self.keys = tuple(parse_key(k) for k in keys)
        self.given = given
        self.findings, self.heads, self.slots = [], [], []
        self.next, self.noise, self.before = 1, False, None
        self.missing, self.absent, self.strayed = [], [], []
        self.stated = {"JOURNAL_WITNESSED": [], "JOURNAL_ARCHIVED": [], "JOURNAL_PRUNED": []}

    def fault(self, code, first=0, last=0):
        self.findings.append((code, first, last or first))

    def run(self):
        self.read_heads()
        self.order()
        self.links()
        self.tree()
        self.end()
        return self.findings

    # Step 1.
    def read_heads(self):
        sources = [("checkpoint", 0, read(os.path.join(self.folder, "checkpoint")))]
        place = os.path.join(self.folder, "heads")
        for name in sorted(os.listdir(place)) if os.path.isdir(place) else ():
            if re.fullmatch(r"\d{20}\.note", name, re.ASCII):
                sources.append(("heads", int(name[:20]), read(os.path.join(place, name))))
        sources += [("given", 0, note) for note in self.given]
        origin = None
        for source, number, note in sources:
            if note is None:
                continue
            parsed = parse_note(note, self.keys)
            witnesses = any(key[2] == 4 for key in self.keys)
            if (parsed is None or origin not in (None, parsed[0])
                    or source == "heads" and (parsed[1] != number or witnesses and not parsed[3])):
                self.fault("HEAD_INVALID", number)
                continue
            origin = parsed[0]
            head = Head()
            head.source, head.size, head.root, head.fits = source, parsed[1], parsed[2], False
            self.heads.append(head)
        self.heads.sort(key=lambda head: head.size)

    # Steps 2 and 3.
    def order(self):
        segments = segments_of(self.folder, self.archive)
        data = {number: read(path) for number, path in segments}
        gaps = []
        for number, _ in reversed(segments):
            line, feed, _ = data[number].partition(b"\n")
            e = parse(line) if feed else None
            if e and gap(e) and not any(a <= e.seq <= b for a, b in gaps):
                gaps.append(gap(e))
        self.gaps = gaps
        items, behind = [], 0
        for i, (number, path) in enumerate(segments):
            live = i == len(segments) - 1 and os.path.dirname(path) == self.folder
            for item in items_of(number, data[number], live):
                if isinstance(item, int):
                    behind = item
                elif not (item.entry and any(a <= item.entry.seq <= b for a, b in gaps)):
                    items.append(item)
        for i, item in enumerate(items):
            after = items[i + 1].entry if i + 1 < len(items) else None
            self.take(item, after)
        if behind > self.next:
            self.fault("UNREADABLE", self.next)
        if self.noise:
            self.fault("UNREADABLE", self.next)
        self.judge()

    def take(self, item, after):
        e = item.entry
        if e is None:
            if not any(a <= self.next <= b for a, b in self.gaps):
                self.noise = True
        elif e.seq == self.next:
            self.accept(item)
        elif e.seq > self.next and item.first == e.seq:
            self.leap(e)
            self.accept(item)
        elif after and after.seq == self.next + 1:
            self.strayed.append((self.next, e.seq))
            self.skip(self.next)
        elif e.seq < self.next or after and after.seq == self.next:
            self.strayed.append((0, e.seq))
        else:
            self.lack(e.seq - 1)
            self.accept(item)

    def skip(self, last, unused=False):
        if last - self.next > 1 << 20:  # no journal that is tested has so many
            self.slots.append(Slot(self.next))
        else:
            self.slots.extend(Slot(n, unused=unused) for n in range(self.next, last + 1))
        self.next, self.before = last + 1, None

    def leap(self, e):
        unused, last = gap(e), e.seq - 1
        if unused:
            last = unused[0] - 1
        if last >= self.next:
            if self.noise:
                self.lack(last)
            else:
                self.absent.append((self.next, last))
                self.skip(last)
        if unused:
            self.skip(e.seq - 1, unused=True)

    def lack(self, last):
        if self.noise:
            self.fault("UNREADABLE", self.next, last)
            self.noise = False
        else:
            self.missing.append((self.next, last))
        self.skip(last)

    def accept(self, item):
        e, before = item.entry, self.before
        if self.noise:
            self.fault("UNREADABLE", max(e.seq - 1, 1), e.seq)
            self.noise = False
        if item.first and item.first != e.seq and (before or e.seq == 1):
            self.fault("MISNAMED", e.seq)
        if e.seq == 1 and e.prev != bytes(32):
            self.fault("EDITED", 1)
        if before and e.batch not in (e.seq, before.batch):
            self.fault("BATCH_WRONG", e.seq)
        exempt = any(x.late or x.kind == "JOURNAL_REPAIRED" for x in (e, before) if x)
        if before and e.time < before.time and not exempt and e.kind != "CLOCK_JUMPED":
            self.fault("CLOCK_BACK", e.seq)
        if e.kind in self.stated:
            first, last = e.fields.get("from", 0), e.fields.get("to", 0)
            if first <= last < e.seq:
                self.stated[e.kind].append((max(first, 1), last))
        self.slots.append(Slot(e.seq, e))
        self.next, self.before = e.seq + 1, e

    def judge(self):
        places = {place for place, _ in self.strayed if place}
        found = set()
        for place, number in self.strayed:
            lacking = any(a <= number <= b for a, b in self.missing)
            if lacking:
                found.add(number)
            if lacking or number in places:
                if place:
                    self.fault("REORDERED", place)
                if lacking or not place:
                    self.fault("REORDERED", number)
            elif place:
                self.fault("EDITED", place)
            else:
                self.fault("DUPLICATED" if number < self.next else "INSERTED", number)
        for a, b in self.missing:
            for n in range(a, min(b, a + len(found)) + 1):
                if n not in found:
                    self.fault("MISSING", n, b)
                    break
        rules = self.stated["JOURNAL_ARCHIVED"] + self.stated["JOURNAL_PRUNED"]
        for a, b in self.absent:
            while a <= b:
                ends = [last for first, last in rules if first <= a <= last]
                data = None if ends else read(os.path.join(self.folder, tile_path(0, (a - 1) // 256)))
                if ends:
                    a = max(ends) + 1
                elif data and data[(a - 1) % 256 * 32:][:32] == MISSING_LEAF:
                    a += 1
                else:
                    self.fault("MISSING", a, b)
                    break

    # Step 4.
    def links(self):
        chain = [s for s in self.slots if not s.unused]
        for s in self.slots:
            s.leaf = MISSING_LEAF if s.unused else s.entry.leaf if s.entry else None
        self.undecided = {}
        for i, a in enumerate(chain[:-1]):
            b, c = chain[i + 1], chain[i + 2] if i + 2 < len(chain) else None
            if not b.entry:
                continue
            if not a.entry:
                a.leaf = b.entry.prev
            elif b.entry.prev != a.entry.leaf:
                named, follows = b.entry.prev, c is not None and c.entry is not None
                if a.blamed:
                    a.leaf = named
                elif follows and c.entry.prev == b.entry.leaf:
                    self.fault("EDITED", a.number)
                    a.leaf = named
                elif follows:
                    self.fault("EDITED", b.number)
                    b.blamed = True
                else:
                    self.undecided[a.number] = (b, named)

    def decide(self, slot, tree):
        """Finds which of the last two entries was changed."""
        b, named = self.undecided[slot.number]
        copy = tree.copy()
        copy.push(slot.leaf)
        if any(head.size == copy.size and head.root == copy.root() for head in self.heads):
            self.fault("EDITED", b.number)
            b.blamed = True
            return slot.leaf
        self.fault("EDITED", slot.number, b.number)
        return named

    # Step 5.
    def tile(self, level, n):
        data = read(os.path.join(self.folder, tile_path(level, n)))
        if data is not None and len(data) != 8192:
            self.fault("TILE_WRONG")
            return None
        return data

    def tree(self):
        self.lines, self.tiles, self.differ = Tree(), None, []
        self.levels = {level: [] for level in range(1, 7)}
        self.compare(0)
        self.lost = 0
        data, start = None, 0
        for i, slot in enumerate(self.slots):
            if slot.number != i + 1:  # numbers that were skipped all at once
                self.lost = i + 1
                break
            if i % 256 == 0:
                data = self.tile(0, i // 256)
            said = data[i % 256 * 32:i % 256 * 32 + 32] if data else None
            leaf = slot.leaf or said
            if slot.number in self.undecided:
                leaf = self.decide(slot, self.lines)
            if leaf is None:
                self.lost = slot.number
                break
            self.grow(slot.number, leaf, said or leaf)
        for number in [n for n in self.undecided if self.lost and n >= self.lost]:
            self.fault("EDITED", number, self.undecided[number][0].number)
        for number in self.differ:
            self.fault("TILE_WRONG", number)
        fits = 0
        for i, head in enumerate(self.heads):
            if head.fits:
                fits = head.size
            elif head.size <= self.lines.size:
                later = any(other.fits for other in self.heads[i:])
                self.fault("RECREATED" if later else "REWRITTEN", min(fits + 1, head.size), head.size)
        for a, b in self.absent:
            if a <= self.lost <= b:
                self.fault("HASHES_MISSING", self.lost, b)

    def grow(self, number, leaf, said):
        self.slots[number - 1].leaf = leaf
        if leaf != said:
            self.tiles = self.tiles or self.lines.copy()
            self.differ.append(number)
        if self.tiles:
            self.tiles.push(said)
        self.lines.push(leaf)
        for level in self.levels:
            if number % 256**level:
                break
            self.levels[level].append(self.subtree(level))
            if number % 256**(level + 1) == 0:
                self.compare_tile(level, number // 256**(level + 1) - 1)
        self.compare(number)

    def subtree(self, level):
        """Computes the root of the last 256^level leaves from level below."""
        if level == 1:
            hashes = [s.leaf for s in self.slots[self.lines.size - 256:self.lines.size]]
        else:
            hashes = self.levels[level - 1][-256:]
        while len(hashes) > 1:
            hashes = [node(hashes[i], hashes[i + 1]) for i in range(0, len(hashes), 2)]
        return hashes[0]

    def compare_tile(self, level, n):
        data = self.tile(level, n)
        if data and not self.tiles and data != b"".join(self.levels[level][-256:]):
            self.fault("TILE_WRONG")

    def compare(self, size):
        for head in self.heads:
            if head.size != size:
                continue
            if self.lines.root() == head.root:
                head.fits = True
                if self.differ:
                    self.fault("TILE_WRONG")
                self.tiles, self.differ = None, []
            elif self.tiles and self.tiles.root() == head.root:
                head.fits = True
                for number in self.differ:
                    self.fault("EDITED", number)
                self.lines, self.tiles, self.differ = self.tiles, None, []

    # Step 6.
    def end(self):
        last = self.next - 1
        if self.heads and self.heads[-1].size > last:
            self.fault("TRUNCATED", last + 1, self.heads[-1].size)
        if last and not any(head.source == "checkpoint" for head in self.heads):
            self.fault("HEAD_MISSING")
        newest = max([to for _, to in self.stated["JOURNAL_WITNESSED"]], default=0)
        if newest and not any(head.source == "heads" and head.size >= newest for head in self.heads):
            self.fault("HEAD_MISSING", newest)


def main():
    for line in sys.stdin:
        job = json.loads(line)
        given = [base64.b64decode(head) for head in job.get("heads") or []]
        findings = Verifier(job["folder"], job.get("archive"), job["keys"], given).run()
        first = min([f[1] for f in findings if f[1]], default=0)
        print(json.dumps({"fine": not findings, "first": first, "findings": findings[:50]}), flush=True)


if __name__ == "__main__":
    main()
