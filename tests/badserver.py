"""Servers that go wrong in the middle of their work, and what a program may be told of it."""

import errno
import os
import pathlib
import re
import threading

import fakeserver

GOOD = [b'Subject: %d\r\n\r\nmessage number %d\r\n' % (i, i) for i in range(1, 4)]
MAILBOXES = ('INBOX', 'A', 'B', 'C', 'D', 'E')


def manual_errnos():
    """The names of the errors that the manual explains."""
    manual = (pathlib.Path(__file__).parent.parent / 'docs' / 'imapfs.1').read_text()
    return re.findall(r'(?m)^\.B (E[A-Z]+)$', manual.split('.SH ERRORS')[1].split('.SH ')[0])


def said_errno(text):
    """The name of the errno that a command complains about on stderr."""
    return next((name for number, name in errno.errorcode.items() if text.strip().endswith(os.strerror(number))), text)


class BadBody(fakeserver.Imap):
    """While `bad`, does bad_body(connection, tag) when the body of UID 1 of INBOX is asked for."""

    def __init__(self):
        self.bad = True
        super().__init__({'INBOX': GOOD, 'A': GOOD})

    def do_uid_fetch(self, connection, session, tag, arguments):
        bad = self.bad and session.mailbox.name == 'INBOX'
        if bad and arguments.startswith(b'1 ') and b'BODY.PEEK[]' in arguments:
            self.bad_body(connection, tag)
            return None
        return super().do_uid_fetch(connection, session, tag, arguments)


class Trickling(BadBody):
    """Sends first, then again and again the next element of `pieces`, with pauses."""

    def __init__(self, first, *pieces, pause=0.2):
        self.first, self.pieces, self.pause = first, pieces, pause
        super().__init__()

    def bad_body(self, connection, tag):
        connection.write(self.first)
        number = 0
        while not self.stopping.wait(self.pause):
            connection.write(self.pieces[number % len(self.pieces)])
            number += 1


FETCH = b'* 1 FETCH (UID 1 BODY[] '

# Of the first group nothing counts as progress.
NO_PROGRESS = {
    'untagged OK': (b'', b'* OK still here\r\n'),
    'news of other messages': (b'', b'* 2 FETCH (FLAGS (\\Seen))\r\n', b'* 3 FETCH (UID 3 FLAGS ())\r\n'),
    'a line that never ends': (b'* OK ', b'x'),
    'a literal that nobody asked for': (b'* 2 FETCH (UID 2 BODY[] {50000}\r\n', b'x'),
}
LITTLE_PROGRESS = {
    'bytes of a literal': (FETCH + b'{50000}\r\n', b'x'),
    'news of the mailbox': (b'', b'* 3 EXISTS\r\n'),
}


class Broken(BadBody):
    """Sends `answer`, in which %TAG stands for the tag, and then ends the connection or says nothing any more."""

    def __init__(self, answer, then='stall'):
        self.answer, self.then = answer, then
        super().__init__()

    def bad_body(self, connection, tag):
        connection.write(self.answer.replace(b'%TAG', tag.encode()))
        connection.drop() if self.then == 'drop' else connection.stall()


BROKEN = {
    'garbage': (b'\0\xff garbage ((( {\r\n',),
    'garbage for a body': (FETCH + b'garbage\r\n',),
    'huge literal': (FETCH + b'{9999999999999}\r\nabc',),
    'literal of too many digits': (FETCH + b'{99999999999999999999999}\r\nabc',),
    'negative literal': (FETCH + b'{-5}\r\nabc)\r\n%TAG OK done\r\n',),
    'end in the literal': (FETCH + b'{500}\r\nabc', 'drop'),
    'end before the literal': (FETCH + b'{500}', 'drop'),
    'BYE': (b'* BYE leaving\r\n', 'drop'),
    'BYE without an end': (b'* BYE [UNAVAILABLE] down for maintenance\r\n',),
    'a line of a megabyte': (b'* 1 FETCH (' + b'x' * 1_000_000,),
    'a tag that was never used': (b'zzz OK done\r\n',),
    'deep lists': (b'* 1 FETCH (UID 1 X ' + b'(' * 100_000,),
    'another message': (b'* 1 FETCH (UID 77 BODY[] {3}\r\nabc)\r\n%TAG OK done\r\n',),
}


class Endless(BadBody):
    """A literal that never ends, as fast as it goes."""

    def bad_body(self, connection, tag):
        connection.write(FETCH + b'{9000000000000000}\r\n')
        while not self.stopping.is_set():
            connection.write(bytes(1 << 20))


class OneConnection(fakeserver.Imap):
    """Lets one connection at a time log in. Others hear `refusal`: as a greeting, if it is a BYE, or from LOGIN."""

    def __init__(self, refusal):
        self.refusal = refusal
        self.holder, self.holder_lock = None, threading.Lock()
        self.n_refused = 0
        super().__init__({name: GOOD for name in MAILBOXES})

    def take(self, connection):
        with self.holder_lock:
            self.holder = self.holder or connection
            self.n_refused += self.holder is not connection
            return self.holder is connection

    def converse(self, connection):
        try:
            if self.refusal.startswith('* BYE') and not self.take(connection):
                connection.send(self.refusal)
                connection.drop()
            super().converse(connection)
        finally:
            with self.holder_lock:
                if self.holder is connection:
                    self.holder = None

    def logged_in(self, connection, session, user, password):
        if not self.take(connection):
            return self.refusal
        return super().logged_in(connection, session, user, password)


REFUSALS = ('NO [LIMIT] too many connections', 'NO [UNAVAILABLE] Maximum number of connections from user+IP exceeded',
            'NO [ALERT] Too many simultaneous connections. (Failure)', '* BYE [UNAVAILABLE] too many connections',
            '* BYE too many connections')
