"""What the mount must have come to after many calls, and a comparison with what the server holds.

A message is known by its bytes: each version of each message differs from all others, and is called by a short hash of
them (key_of). The model says which versions lie in which mailbox under which name; the comparison says which of them
are lost, doubled, or wrong, and tells for each of those the history of the calls about it.
"""

import collections
import hashlib
import re


def crlf(content):
    return re.sub(rb'\r?\n', b'\r\n', content)


def key_of(content):
    """Of bytes as the server has them."""
    return hashlib.sha256(content).hexdigest()[:12]


class Box:
    """A mailbox. Shared ones are nobody's to rename or remove."""

    def __init__(self, name, parent=None, shared=False):
        self.name, self.parent, self.shared = name, parent, shared
        self.history = []

    @property
    def path(self):
        return f'{self.parent.path}/{self.name}' if self.parent else self.name

    def is_below(self, other):
        return self is other or (self.parent is not None and self.parent.is_below(other))


class Message:
    """A file that must be there. flags: {flag: whether it is set}, as far as that is known."""

    def __init__(self, box, name, key, flags=()):
        self.box, self.name, self.key, self.flags = box, name, key, dict(flags)
        self.history = []

    @property
    def path(self):
        return f'{self.box.path}/{self.name}'


class Model:
    """What one worker has done, and is sure of."""

    def __init__(self, worker, shared):
        self.worker = worker
        self.shared = [Box(name, shared=True) for name in shared]
        self.own, self.messages = [], []
        self.contents = {}  # of every version that there ever was, by key
        self.histories = collections.defaultdict(list)  # key: calls about that version, also of what is gone
        self.wrongs = []  # what the calls themselves have shown to be wrong

    def boxes(self):
        return self.shared + self.own

    def in_box(self, box):
        return [message for message in self.messages if message.box is box]

    def children(self, box):
        return [other for other in self.own if other.parent is box]

    def add_content(self, content):
        """Returns the key of a version that may come to be."""
        content = crlf(content)
        key = key_of(content)
        self.contents[key] = content
        return key


class Expected:
    """The models of all workers, and what else is known to be there, put together."""

    def __init__(self):
        self.boxes = collections.defaultdict(collections.Counter)  # path: {key: how many}
        self.flags = collections.defaultdict(list)  # (path, key): [flags of each]
        self.names = collections.defaultdict(dict)  # path: {name: key}
        self.contents, self.histories, self.box_histories = {}, collections.defaultdict(list), {}

    def add_model(self, model):
        for box in model.boxes():
            self.boxes[box.path]  # also one that is empty
            self.box_histories.setdefault(box.path, box.history)
        for message in model.messages:
            path = message.box.path
            self.boxes[path][message.key] += 1
            self.flags[path, message.key].append(message.flags)
            self.names[path][message.name] = message.key
        self.contents.update(model.contents)
        for key, history in model.histories.items():
            self.histories[key] += history

    def add_bystander(self, box, content, flags=()):
        """A message that no worker touches."""
        content = crlf(content)
        key = key_of(content)
        self.contents[key] = content
        self.boxes[box][key] += 1
        self.flags[box, key].append({flag: True for flag in flags})
        self.histories[key].append(f'put into {box} by another client')


class Verdict:
    def __init__(self):
        self.lost, self.doubled, self.wrong = [], [], []  # of (what, history)

    def __bool__(self):
        """Whether all is well."""
        return not (self.lost or self.doubled or self.wrong)

    def summary(self):
        return f'{len(self.lost)} lost, {len(self.doubled)} doubled, {len(self.wrong)} wrong'

    def describe(self, most=20):
        lines = []
        for title in ('lost', 'doubled', 'wrong'):
            for what, history in getattr(self, title)[:most]:
                lines += [f'{title.upper()}: {what}', *(f'    {line}' for line in history)]
            if len(getattr(self, title)) > most:
                lines.append(f'... and {len(getattr(self, title)) - most} more {title}')
        return '\n'.join(lines)


class Held:
    """What there really is: {path: [(bytes, set of flags or None)]}."""

    def __init__(self, boxes):
        self.keys = {path: collections.Counter(key_of(content) for content, _ in mails) for path, mails in boxes.items()}
        self.mails = {(path, key_of(content)): content for path, mails in boxes.items() for content, _ in mails}
        self.flags = collections.defaultdict(list)
        for path, mails in boxes.items():
            for content, flags in mails:
                self.flags[path, key_of(content)].append(flags)


def compare(expected, boxes):
    """A Verdict on boxes, {path: [(bytes, set of flags or None)]}."""
    held, verdict = Held(boxes), Verdict()
    compare_boxes(expected, held, verdict)
    keys = {key for counts in [*expected.boxes.values(), *held.keys.values()] for key in counts}
    for key in sorted(keys):
        compare_version(expected, held, verdict, key)
    for place, flags in expected.flags.items():
        compare_flags(expected, held, verdict, place, flags)
    return verdict


def compare_boxes(expected, held, verdict):
    for path in sorted(set(expected.boxes) - set(held.keys)):
        verdict.lost.append((f'mailbox {path}', expected.box_histories.get(path, [])))
    for path in sorted(set(held.keys) - set(expected.boxes)):
        verdict.wrong.append((f'mailbox {path} should not exist', []))


def compare_version(expected, held, verdict, key):
    """Of one version: too few anywhere and too many nowhere is lost, the opposite doubled, both is a wrong place."""
    paths = sorted(set(expected.boxes) | set(held.keys))
    due = {path: expected.boxes[path][key] if path in expected.boxes else 0 for path in paths}
    there = {path: held.keys[path][key] if path in held.keys else 0 for path in paths}
    missing = [path for path in paths for _ in range(due[path] - there[path])]
    extra = [path for path in paths for _ in range(there[path] - due[path])]
    history = expected.histories.get(key, [])
    while missing and extra:
        verdict.wrong.append((f'{key} is in {extra.pop()}, not in {missing.pop()}', history))
    for path in missing:
        verdict.lost.append((f'{key} from {path}', history))
    for path in extra:
        if key not in expected.contents:
            content = held.mails[path, key]
            verdict.wrong.append((f'{key} in {path} was written by nobody: {content[:300]!r}, {len(content)} bytes', []))
        elif any(due.values()):
            verdict.doubled.append((f'{key} in {path}', history))
        else:
            verdict.wrong.append((f'{key} in {path} should not exist any more, or never have come to be', history))


def compare_flags(expected, held, verdict, place, flags):
    """Only where there is one of that version there and it is known which."""
    found = held.flags.get(place, [])
    if len(flags) != 1 or len(found) != 1 or found[0] is None:
        return
    for flag, is_set in flags[0].items():
        if (flag in found[0]) != is_set:
            verdict.wrong.append((f'{place[1]} in {place[0]} has {sorted(found[0])}, {flag} should be '
                                  f'{"set" if is_set else "clear"}', expected.histories.get(place[1], [])))
