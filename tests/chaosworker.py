"""One process that changes mail through the mount at random, and knows what each of its calls has come to.

A call that succeeds must be so, one that is refused must not be so. After a call of which neither can be said (the
daemon was killed, a time limit passed) the worker waits until it can look: what it finds is then what must stay.

All chance comes from the seed, the worker's number and the call's, so a run is repeated as far as the calls come to
the same. Nothing is done by a path from the root of the machine, which for a moment after a kill is an empty directory:
all goes through a descriptor of the mount's root, which outlives no daemon.
"""

import collections
import contextlib
import ctypes
import errno
import os
import random
import time

from chaosmodel import Box, Message, Model, crlf, key_of

# Nobody knows what came of it.
AMBIGUOUS = {errno.EIO, errno.ENOTCONN, errno.ECONNABORTED, errno.EINTR, errno.ETIMEDOUT, errno.ESHUTDOWN, errno.ENODEV,
             errno.ECONNRESET}
# Refused for now. At the end of writing a file these say nothing either: what was written may still be delivered.
TRANSIENT = {errno.EHOSTDOWN, errno.EAGAIN, errno.EBUSY}
GONE = {errno.EIO, errno.ENOTCONN, errno.ECONNABORTED, errno.ESHUTDOWN, errno.ENODEV}  # perhaps the daemon

DONE, REFUSED, UNKNOWN = 'done', 'refused', 'unknown'
SETTLE_SECONDS = 60
FLAGS = ('\\Flagged', '\\Answered', 'chaos')
MOST_MESSAGES, MOST_BOXES = 40, 6
NO_MESSAGE = b'No header, no message.\n\nNothing of this may ever arrive.\n'
RENAME_NOREPLACE = 1

libc = ctypes.CDLL(None, use_errno=True)


class Stuck(Exception):
    """What came of a call cannot be found out."""


def name_of(number):
    return errno.errorcode.get(number, str(number)) if number else 'OK'


class Tree:
    """The mount, through a descriptor of its root. foreign: the device of what is there when nothing is mounted."""

    def __init__(self, path, foreign):
        self.path, self.foreign, self.root = str(path), foreign, None

    def reopen(self, seconds=SETTLE_SECONDS):
        """Waits for a mount to be there."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.root is not None:
                os.close(self.root)
                self.root = None
            with contextlib.suppress(OSError):
                self.root = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
                if os.fstat(self.root).st_dev != self.foreign:
                    os.listdir(self.root)
                    return
            time.sleep(0.02)
        raise Stuck(f'nothing is mounted for {seconds} s')

    def open(self, path, flags):
        return os.open(path, flags, 0o600, dir_fd=self.root)

    def read(self, path):
        fd = self.open(path, os.O_RDONLY)
        try:
            with open(fd, 'rb', closefd=False) as file:
                return file.read()
        finally:
            os.close(fd)

    def write(self, path, flags, pieces):
        """pieces: (offset or None, bytes)."""
        fd = self.open(path, flags)
        try:
            for offset, data in pieces:
                while data:
                    done = os.write(fd, data) if offset is None else os.pwrite(fd, data, offset)
                    data, offset = data[done:], None if offset is None else offset + done
        except OSError:
            with contextlib.suppress(OSError):
                os.close(fd)
            raise
        os.close(fd)

    def copy(self, source, target):
        """As cp does it."""
        from_fd = self.open(source, os.O_RDONLY)
        try:
            to_fd = self.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            try:
                self.copy_bytes(from_fd, to_fd)
            except OSError:
                with contextlib.suppress(OSError):
                    os.close(to_fd)
                raise
            os.close(to_fd)
        finally:
            os.close(from_fd)

    def copy_bytes(self, from_fd, to_fd):
        try:
            while os.copy_file_range(from_fd, to_fd, 1 << 30):
                pass
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
                raise
            while data := os.read(from_fd, 1 << 17):
                os.write(to_fd, data)

    def rename(self, old, new, flags=0):
        if libc.renameat2(self.root, os.fsencode(old), self.root, os.fsencode(new), flags) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), old)

    def unlink(self, path):
        os.unlink(path, dir_fd=self.root)

    def mkdir(self, path):
        os.mkdir(path, 0o700, dir_fd=self.root)

    def rmdir(self, path):
        os.rmdir(path, dir_fd=self.root)

    def sync(self, path):
        fd = self.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def listdir(self, path):
        fd = self.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            return os.listdir(fd)
        finally:
            os.close(fd)

    def is_directory(self, path):
        try:
            os.close(self.open(path, os.O_RDONLY | os.O_DIRECTORY))
            return True
        except FileNotFoundError:
            return False

    def set_flags(self, path, change):
        fd = self.open(path, os.O_RDONLY)
        try:
            os.setxattr(fd, 'user.imap.flags', change.encode())
        finally:
            os.close(fd)


class Worker:
    """shared: names of mailboxes that all workers use, and that are never empty; log: a file that notes each call."""

    weights = {'create': 14, 'move': 22, 'rename': 8, 'remove': 8, 'copy': 10, 'replace': 8, 'move_over': 5,
               'overwrite': 5, 'append': 4, 'edit': 4, 'mkdir': 5, 'rmdir': 4, 'rename_box': 4, 'flag': 8, 'look': 5,
               'read': 10, 'sync': 2, 'refuse': 6}

    def __init__(self, tree, number, seed, shared, log, weights=None):
        self.tree, self.number, self.seed, self.log = tree, number, seed, log
        self.model = Model(number, shared)
        self.weights = {**self.weights, **(weights or {})}
        self.n_calls = self.n_names = 0
        self.counts = collections.Counter()
        self.astray = set()  # keys of what was already found wrong, and is left alone
        self.chance = None

    # --- the calls, one after the other ---

    def step(self):
        """One operation. All its chance is its own."""
        self.n_calls += 1
        self.chance = random.Random(f'{self.seed}.{self.number}.{self.n_calls}')
        kinds = [kind for kind in self.weights if self.weights[kind]]
        kind = self.chance.choices(kinds, [self.weights[kind] for kind in kinds])[0]
        if kind == 'create' and len(self.model.messages) > MOST_MESSAGES:
            kind = 'remove'
        if len(self.usable()) < 4:
            kind = 'create'
        self.counts[kind] += 1
        getattr(self, 'do_' + kind)()

    def note(self, words, outcome, *about):
        line = f'worker {self.number}, call {self.n_calls}: {words}: {outcome}'
        self.log.write(f'{time.time():.3f} {line}\n')
        self.log.flush()
        for thing in about:
            if isinstance(thing, str):
                self.model.histories[thing].append(line)
            elif thing is not None:
                thing.history.append(line)

    def wrong(self, words, *about):
        history = dict.fromkeys(line for thing in about
                                for line in (self.model.histories[thing] if isinstance(thing, str) else thing.history))
        self.note(words, 'WRONG', *about)
        self.model.wrongs.append((f'worker {self.number}, call {self.n_calls}: {words}', list(history)))

    def attempt(self, words, about, function, *arguments, expected=0, unclear=AMBIGUOUS):
        """Makes the call: DONE, REFUSED or UNKNOWN. What cannot be explained is noted as wrong."""
        number = 0
        try:
            function(*arguments)
        except OSError as error:
            number = error.errno
        self.note(words, name_of(number), *about)
        if number in unclear:
            return UNKNOWN
        if number != expected and number not in TRANSIENT:
            self.wrong(f'{words}: {name_of(number)} instead of {name_of(expected)}', *about)
            self.astray.update(thing for thing in about if isinstance(thing, str))
        return REFUSED if number else DONE

    # --- finding out ---

    def patiently(self, words, function, *arguments):
        """Repeats a call that changes nothing until it says something."""
        deadline = time.monotonic() + SETTLE_SECONDS
        number = 0
        while time.monotonic() < deadline:
            try:
                return function(*arguments)
            except OSError as error:
                number = error.errno
                if number not in AMBIGUOUS | TRANSIENT:
                    raise
            time.sleep(0.03)
            if number in GONE:
                self.tree.reopen()
        raise Stuck(f'worker {self.number}: {words}: {name_of(number)} for {SETTLE_SECONDS} s')

    def settle(self, path):
        """Waits until the server has what there is at path; what it has refused is wrong, as nothing can be."""
        try:
            self.patiently(f'fsync {path}', self.tree.sync, path)
        except FileNotFoundError:
            pass
        except OSError as error:
            if error.errno == errno.EINVAL:  # a file that is no message yet
                return False
            self.wrong(f'fsync {path}: {name_of(error.errno)}')
        return True

    def observe(self, path):
        """The key of what is at path when nothing about it is open any more; None: nothing. What an interrupted writer
        has left, and is no message, is removed."""
        self.settle(os.path.dirname(path))
        is_message = self.settle(path)
        try:
            content = self.patiently(f'read {path}', self.tree.read, path)
        except FileNotFoundError:
            return None
        if crlf(content) and is_message:
            return key_of(crlf(content))
        self.note(f'rm {path}, {len(content)} bytes that are no message', 'left over')
        with contextlib.suppress(FileNotFoundError):
            self.patiently(f'rm {path}', self.tree.unlink, path)
        return None

    def resolve(self, words, about, states):
        """Which of states, [{path: key or None}], is true; None, noted as wrong, if none is."""
        found = {path: self.observe(path) for path in states[0]}
        for i, state in enumerate(states):
            if found == state:
                self.note(words, f'turned out as {"not done" if i == 0 else "done"}', *about)
                return i
        self.wrong(f'{words}: neither done nor not done: {found} is none of {states}', *about)
        return None

    def carried_out(self, words, about, states, function, *arguments, **keywords):
        """Makes a call that leads from states[0] to states[1]. True: it did; False: it did not; None: nobody knows."""
        outcome = self.attempt(words, about, function, *arguments, **keywords)
        if outcome == UNKNOWN:
            chosen = self.resolve(words, about, states)
            return None if chosen is None else chosen == 1
        return outcome == DONE

    def forget(self, *messages):
        """What is already known to be wrong is not worked with any more."""
        for message in messages:
            if message in self.model.messages:
                self.model.messages.remove(message)

    # --- what to work with ---

    def new_name(self, ending='.eml'):
        self.n_names += 1
        return f'w{self.number}-{self.n_names}{ending}'

    def new_content(self, lines=None):
        """A message that there has never been, with line ends of either kind."""
        n_lines = lines or self.chance.choice((1, 5, 20, 60, 60, 400 if self.chance.random() < 0.05 else 10))
        number = f'{self.number}.{self.n_calls}'
        text = ['Date: Fri, 20 Nov 2026 09:30:00 +0100', f'From: worker{self.number}@example.org',
                f'Subject: chaos {number}', f'Message-ID: <{number}@chaos.example.org>', '',
                f'text of {number} of seed {self.seed}',
                *(f'{i} {self.chance.getrandbits(200):050x}' for i in range(n_lines)), '']
        return self.chance.choice(('\n', '\r\n')).join(text).encode()

    def usable(self):
        return [message for message in self.model.messages if message.key not in self.astray]

    def a_message(self):
        return self.chance.choice(self.usable())

    def a_box(self):
        return self.chance.choice(self.model.boxes())

    def an_own_box(self):
        return self.chance.choice(self.model.own) if self.model.own else None

    # --- messages ---

    def add(self, box, name, key, flags=()):
        self.model.messages.append(Message(box, name, key, flags))

    def do_create(self):
        box, name, content = self.a_box(), self.new_name(), self.new_content()
        key, path = self.model.add_content(content), f'{box.path}/{name}'
        done = self.carried_out(
            f'create {path} as {key}', [key], [{path: None}, {path: key}],
            self.tree.write, path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, [(None, content)], unclear=AMBIGUOUS | TRANSIENT)
        if done:
            self.add(box, name, key, {flag: False for flag in FLAGS})

    def do_copy(self):
        message, box, name = self.a_message(), self.a_box(), self.new_name()
        path, key = f'{box.path}/{name}', message.key
        done = self.carried_out(f'cp {message.path} {path}', [key], [{path: None}, {path: key}],
                                self.tree.copy, message.path, path, unclear=AMBIGUOUS | TRANSIENT)
        if done:
            self.add(box, name, key)

    def do_move(self):
        self.move(self.a_message(), self.a_box())

    def do_rename(self):
        message = self.a_message()
        self.move(message, message.box)

    def move(self, message, box):
        keep = box is not message.box and self.chance.random() < 0.7
        name = message.name if keep else self.new_name()
        old, new, key = message.path, f'{box.path}/{name}', message.key
        done = self.carried_out(f'mv {old} {new}', [key], [{old: key, new: None}, {old: None, new: key}],
                                self.tree.rename, old, new)
        if done:
            message.box, message.name = box, name
        elif done is None:
            self.forget(message)

    def do_move_over(self):
        """One message over another, of which nothing is left."""
        message, other = self.a_message(), self.a_message()
        if message is other:
            return
        old, new = message.path, other.path
        done = self.carried_out(
            f'mv {old} over {new}', [message.key, other.key],
            [{old: message.key, new: other.key}, {old: None, new: message.key}], self.tree.rename, old, new)
        if done:
            message.box, message.name = other.box, other.name
            self.forget(other)
        elif done is None:
            self.forget(message, other)

    def do_remove(self):
        message = self.a_message()
        done = self.carried_out(f'rm {message.path}', [message.key], [{message.path: message.key}, {message.path: None}],
                                self.tree.unlink, message.path)
        if done or done is None:
            self.forget(message)

    def new_version(self, message, words, content, function, *arguments):
        """Calls function(*arguments), which makes content of message."""
        old, path = message.key, message.path
        key = self.model.add_content(content)
        done = self.carried_out(f'{words} {path}: {old} becomes {key}', [old, key], [{path: old}, {path: key}],
                                function, *arguments, unclear=AMBIGUOUS | TRANSIENT)
        if done:
            message.key, message.flags = key, {}
        elif done is None:
            self.forget(message)

    def do_replace(self):
        """A temporary file and a rename, as careful programs do."""
        message, content = self.a_message(), self.new_content()
        scratch = f'{message.box.path}/{self.chance.choice((".", "")) + self.new_name(".tmp")}'
        created = self.attempt(f'create {scratch}', [], self.tree.write, scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL,
                               [(None, content)])
        if created != DONE:
            if created == UNKNOWN:
                with contextlib.suppress(FileNotFoundError):
                    self.patiently(f'rm {scratch}', self.tree.unlink, scratch)
            return
        self.new_version(message, f'mv {scratch} over', content, self.tree.rename, scratch, message.path)

    def do_overwrite(self):
        message, content = self.a_message(), self.new_content()
        self.new_version(message, 'overwrite', content, self.tree.write, message.path, os.O_WRONLY | os.O_TRUNC,
                         [(None, content)])

    def do_append(self):
        message = self.a_message()
        line = f'appended by call {self.n_calls}\n'.encode()
        self.new_version(message, 'append to', self.model.contents[message.key] + line, self.tree.write, message.path,
                         os.O_WRONLY | os.O_APPEND, [(None, line)])

    def do_edit(self):
        """Some bytes in the middle, of what certainly is on the server and has its last size."""
        message = self.a_message()
        if not self.settle(message.path):
            self.wrong(f'fsync {message.path}: EINVAL for a message', message.key)
        old = self.model.contents[message.key]
        offset = old.index(b'\r\n\r\n') + 4
        data = f'edit {self.n_calls:06}'.encode()
        self.new_version(message, 'edit', old[:offset] + data + old[offset + len(data):], self.tree.write, message.path,
                         os.O_RDWR, [(offset, data)])

    def do_flag(self):
        message, flag, is_set = self.a_message(), self.chance.choice(FLAGS), self.chance.random() < 0.6
        outcome = self.attempt(f'flag {message.path} {"+" if is_set else "-"}{flag}', [message.key], self.tree.set_flags,
                               message.path, ('+' if is_set else '-') + flag)
        if outcome == DONE:
            message.flags[flag] = is_set
        elif outcome == UNKNOWN:
            message.flags.pop(flag, None)

    # --- mailboxes ---

    def observe_box(self, path):
        self.settle(os.path.dirname(path) or '.')
        return self.patiently(f'look for {path}', self.tree.is_directory, path)

    def carried_out_box(self, words, box, states, function, *arguments, **keywords):
        """As carried_out(); states are [{path: whether it exists}]."""
        outcome = self.attempt(words, [box], function, *arguments, **keywords)
        if outcome != UNKNOWN:
            return outcome == DONE
        found = {path: self.observe_box(path) for path in states[0]}
        if found not in states:
            self.wrong(f'{words}: neither done nor not done: {found}', box)
        self.note(words, f'turned out as {"done" if found == states[1] else "not done"}', box)
        return found == states[1]

    def do_mkdir(self):
        if len(self.model.own) >= MOST_BOXES:
            self.do_rmdir()
            return
        parent = self.an_own_box() if self.chance.random() < 0.4 else None
        box = Box(self.new_name(''), parent)
        if self.carried_out_box(f'mkdir {box.path}', box, [{box.path: False}, {box.path: True}], self.tree.mkdir, box.path):
            self.model.own.append(box)

    def do_rmdir(self):
        """Of one that is not empty, and must be refused, too."""
        box = self.an_own_box()
        if box is None:
            return
        is_full = self.model.in_box(box) or self.model.children(box)
        if is_full and self.chance.random() < 0.7:
            for message in self.model.in_box(box)[:1]:
                self.move(message, self.chance.choice(self.model.shared))
            return
        done = self.carried_out_box(f'rmdir {box.path}', box, [{box.path: True}, {box.path: False}], self.tree.rmdir,
                                    box.path, expected=errno.ENOTEMPTY if is_full else 0)
        if done:
            self.model.own.remove(box)
            self.forget(*self.model.in_box(box))

    def do_rename_box(self):
        box = self.an_own_box()
        if box is None:
            return
        parents = [None] + [other for other in self.model.own if not other.is_below(box)]
        parent, old = self.chance.choice(parents), box.path
        moved = Box(self.new_name(''), parent)
        new = moved.path
        if self.carried_out_box(f'mv {old} {new}', box, [{old: True, new: False}, {old: False, new: True}],
                                self.tree.rename, old, new):
            for message in self.model.messages:
                if message.box.is_below(box):
                    self.model.histories[message.key].append(f'call {self.n_calls}: its mailbox, or one above, {old} '
                                                             f'becomes {new}')
            box.name, box.parent = moved.name, moved.parent

    # --- looking, waiting, and what must be refused ---

    def do_look(self):
        """A listing has exactly what there is."""
        box = self.a_box()
        names = set(self.patiently(f'ls {box.path}', self.tree.listdir, box.path))
        ours = {name for name in names if name.startswith(f'w{self.number}-') and not name.endswith('.tmp')}
        due = {message.name for message in self.model.in_box(box)} | {child.name for child in self.model.children(box)}
        if ours != due:
            about = [message.key for message in self.model.in_box(box) if message.name not in ours]
            self.wrong(f'ls {box.path}: {sorted(ours - due)} too many, {sorted(due - ours)} missing', *about)

    def do_read(self):
        """A message has the bytes that it must have."""
        message = self.a_message()
        try:
            found = key_of(crlf(self.patiently(f'read {message.path}', self.tree.read, message.path)))
        except OSError as error:
            found = name_of(error.errno)
        if found != message.key:
            self.wrong(f'read {message.path}: {found}, not {message.key}', message.key)
            self.astray.add(message.key)

    def do_sync(self):
        self.settle(self.chance.choice(('.', self.a_box().path)))

    def do_refuse(self):
        """Calls that must be refused, and change nothing."""
        message, box = self.a_message(), self.a_box()
        missing = f'{box.path}/{self.new_name()}'
        other, full = self.a_message(), self.chance.choice(self.model.shared).path
        calls = [
            (f'rm missing {missing}', errno.ENOENT, self.tree.unlink, missing),
            (f'mv {message.path} to a missing mailbox', errno.ENOENT, self.tree.rename, message.path,
             f'{missing}/{message.name}'),
            (f'mkdir existing {box.path}', errno.EEXIST, self.tree.mkdir, box.path),
            (f'rmdir shared {full}', errno.EPERM if full == 'INBOX' else errno.ENOTEMPTY, self.tree.rmdir, full),
            (f'mv -n {message.path} {other.path}', errno.EEXIST, self.tree.rename, message.path, other.path,
             RENAME_NOREPLACE),
            (f'write what is no message to {missing}', errno.EINVAL, self.tree.write, missing,
             os.O_WRONLY | os.O_CREAT | os.O_EXCL, [(None, NO_MESSAGE)]),
            (f'make {message.path} no message', errno.EINVAL, self.tree.write, message.path, os.O_WRONLY | os.O_TRUNC,
             [(None, NO_MESSAGE)])]
        words, number, function, *arguments = self.chance.choice(calls)
        outcome = self.attempt(words, [message.key], function, *arguments, expected=number,
                               unclear=AMBIGUOUS | TRANSIENT)
        if function == self.tree.write and arguments[0] == missing:
            with contextlib.suppress(FileNotFoundError):
                self.patiently(f'rm {missing}', self.tree.unlink, missing)
        elif outcome == UNKNOWN and function == self.tree.write:
            self.resolve(words, [message.key], [{message.path: message.key}])
