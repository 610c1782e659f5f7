"""A tiny IMAP server on loopback, for one user, of which single things can be made wrong.

    with Imap({'INBOX': [Mail(b'Subject: x\\r\\n\\r\\nhello\\r\\n', claimed_size=5)]}) as server: ...

It is wrong by an attribute (see Imap) or by a method of a subclass.
"""

import base64
import re
import threading

import mailserver
from scriptserver import CRLF, Connection, Dropped, FakeServer, as_bytes  # noqa: F401


class Mail:
    """A message. claimed_size is what RFC822.SIZE says instead of the truth."""

    def __init__(self, content, uid=None, flags=('\\Seen',), date='17-May-2026 18:30:00 +0000', claimed_size=None):
        self.content, self.uid, self.flags, self.date = as_bytes(content), uid, set(flags), date
        self.size = len(self.content) if claimed_size is None else claimed_size


class Mailbox:
    def __init__(self, name, mails, uidvalidity):
        self.name, self.uidvalidity = name, uidvalidity
        self.attributes = '\\HasNoChildren'
        self.mails, self.uidnext = {}, 1
        for mail in mails:
            self.add(mail)

    def add(self, mail):
        mail = mail if isinstance(mail, Mail) else Mail(mail)
        mail.uid = mail.uid or self.uidnext
        self.uidnext = max(self.uidnext, mail.uid + 1)
        self.mails[mail.uid] = mail
        return mail.uid


class Session:
    """What one connection knows: its mailbox, and the messages by number as far as the client was told."""

    def __init__(self):
        self.mailbox, self.uids, self.authenticated = None, [], False


class Imap(FakeServer):
    """Serves mailboxes, {name as on the wire: [Mail or bytes, ...]}. Change an attribute to make it misbehave:

    greeting        the first line
    capabilities    what CAPABILITY says (STARTTLS, AUTH and LOGINDISABLED come by themselves)
    capability_in_ok  whether the reply to a login tells them too
    passwords       {user: password}
    delimiter       of mailbox names; None is said as NIL
    permanent_flags what PERMANENTFLAGS says
    refuse          {uid: 'NO [UNAVAILABLE] text'}: the answer to a UID FETCH that asks for it
    silent          uids of which UID FETCH says nothing, with OK
    empty           uids whose bodies come as ""
    split_lines     every item of a FETCH on a line of its own
    reverse_items   items in the opposite order, so that UID comes last
    delay           seconds before each reply; or a function of (name, arguments)
    cut_literal     drop the connection after so many bytes of a body; cut_times: how often (None: always)
    trickle_bytes   send replies in pieces of that many bytes, 1 ms apart
    unsolicited     {command name: bytes sent before its tagged reply}
    starttls_extra  plain text sent together with the OK to STARTTLS: an attack
    replies         {command name: 'NO text' or 'BAD text'}: never carry it out, say this
    drop_on         set of command names at which the connection ends
    stall_on        set of command names after which it says nothing any more, until the server is stopped

    Methods do_<name>(connection, session, tag, arguments) return the text of the tagged reply and may be overridden.
    What clients sent is in self.commands as (connection number, name, arguments).
    """

    greeting = '* OK fake server ready'
    capabilities = 'IMAP4rev1 SASL-IR LITERAL+ ID ENABLE NAMESPACE UIDPLUS MOVE UNSELECT CHILDREN LIST-EXTENDED ' \
        'LIST-STATUS ESEARCH IDLE'
    capability_in_ok = True
    permanent_flags = '\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*'
    delimiter = '/'
    delay = 0
    cut_literal = cut_times = trickle_bytes = None
    split_lines = reverse_items = False
    starttls_extra = b''

    def __init__(self, mailboxes=None, tls=None, certificate='server', **attributes):
        self.passwords = dict(mailserver.USERS)
        self.refuse, self.replies, self.unsolicited = {}, {}, {}
        self.silent, self.empty, self.drop_on, self.stall_on = set(), set(), set(), set()
        self.commands = []
        self.lock = threading.RLock()
        self.mailboxes = {}
        for number, (name, mails) in enumerate((mailboxes or {'INBOX': []}).items()):
            self.mailboxes[name] = Mailbox(name, mails, 1000 + number)
        for name, value in attributes.items():
            assert hasattr(self, name), f'there is no {name} to change'
            setattr(self, name, value)
        super().__init__(self.converse, tls, certificate)

    # --- for tests ---

    def add(self, mailbox, mail):
        with self.lock:
            return self.mailboxes[mailbox].add(mail)

    def expunge(self, mailbox, uid):
        with self.lock:
            del self.mailboxes[mailbox].mails[uid]

    def count(self, name):
        """How many commands of this name came in."""
        return sum(1 for _, command, _ in self.commands if command == name)

    # --- the conversation ---

    def converse(self, connection):
        connection.send(self.greeting)
        session = Session()
        session.authenticated = self.greeting.startswith('* PREAUTH')
        if self.greeting.startswith('* BYE'):
            connection.drop()
        while True:
            tag, name, arguments = connection.read_command()
            self.commands.append((connection.number, name, arguments))
            seconds = self.delay(name, arguments) if callable(self.delay) else self.delay
            if seconds:
                self.stopping.wait(seconds)
            if name in self.drop_on:
                connection.drop()
            if name in self.stall_on:
                connection.stall()
            reply = self.replies.get(name)
            if reply is None:
                reply = self.carry_out(connection, session, tag, name, arguments)
            if reply is None:  # it has answered by itself
                continue
            if reply.startswith(('OK', 'NO')):
                self.tell_changes(connection, session)
            if name in self.unsolicited:
                connection.write(self.unsolicited[name])
            self.reply(connection, as_bytes(f'{tag} {reply}') + CRLF)
            if name == 'LOGOUT':
                connection.drop()

    def carry_out(self, connection, session, tag, name, arguments):
        method = getattr(self, 'do_' + name.lower().replace(' ', '_'), None)
        if method is None:
            return f'BAD unknown command {name}'
        open_to_all = ('CAPABILITY', 'NOOP', 'LOGOUT', 'STARTTLS', 'LOGIN', 'AUTHENTICATE', 'ID')
        if not session.authenticated and name not in open_to_all:
            return 'BAD log in first'
        if name.startswith('UID ') and session.mailbox is None:
            return 'BAD no mailbox selected'
        return method(connection, session, tag, arguments)

    def reply(self, connection, data):
        if self.trickle_bytes:
            connection.trickle(data, self.trickle_bytes)
        else:
            connection.write(data)

    def tell_changes(self, connection, session):
        """EXPUNGE and EXISTS for what changed in the selected mailbox since it was last told."""
        mailbox = session.mailbox
        if mailbox is None:
            return
        with self.lock:
            for number in range(len(session.uids), 0, -1):
                if session.uids[number - 1] not in mailbox.mails:
                    del session.uids[number - 1]
                    connection.send(f'* {number} EXPUNGE')
            if new := sorted(set(mailbox.mails) - set(session.uids)):
                session.uids = sorted(session.uids + new)
                connection.send(f'* {len(session.uids)} EXISTS')

    def capability_list(self, connection):
        words = [self.capabilities]
        if self.tls == 'starttls' and not connection.tls:
            words += ['STARTTLS', 'LOGINDISABLED']
        else:
            words += ['AUTH=PLAIN']
        return ' '.join(words)

    def logged_in(self, connection, session, user, password):
        if self.passwords.get(user) != password:
            return 'NO [AUTHENTICATIONFAILED] wrong user or password'
        session.authenticated = True
        code = f'[CAPABILITY {self.capability_list(connection)}] ' if self.capability_in_ok else ''
        return f'OK {code}logged in'

    # --- commands for any time ---

    def do_capability(self, connection, *_):
        connection.send('* CAPABILITY ' + self.capability_list(connection))
        return 'OK done'

    def do_noop(self, *_):
        return 'OK done'

    do_check = do_noop

    def do_id(self, connection, *_):
        connection.send('* ID ("name" "fake")')
        return 'OK done'

    def do_logout(self, connection, *_):
        connection.send('* BYE bye')
        return 'OK done'

    def do_starttls(self, connection, session, tag, arguments):
        if self.tls != 'starttls':
            return 'BAD no TLS here'
        connection.write(as_bytes(f'{tag} OK go on') + CRLF + self.starttls_extra)
        connection.start_tls(self.certificate)
        return None

    def do_login(self, connection, session, tag, arguments):
        if 'LOGINDISABLED' in self.capability_list(connection):
            return 'NO [PRIVACYREQUIRED] not without TLS'
        user, password = parse_strings(arguments)[:2]
        return self.logged_in(connection, session, user.decode(), password.decode())

    def do_authenticate(self, connection, session, tag, arguments):
        words = arguments.split()
        if words[0].upper() != b'PLAIN':
            return 'NO unknown mechanism'
        if len(words) == 1:
            connection.write(b'+ \r\n')
            words.append(connection.read_line())
        _, user, password = base64.b64decode(words[1]).split(b'\0')
        return self.logged_in(connection, session, user.decode(), password.decode())

    # --- commands about mailboxes ---

    def do_enable(self, connection, *_):
        connection.send('* ENABLED')
        return 'OK done'

    def do_namespace(self, connection, *_):
        connection.send(f'* NAMESPACE (("" {self.said_delimiter()})) NIL NIL')
        return 'OK done'

    def said_delimiter(self):
        return 'NIL' if self.delimiter is None else mailserver.quote(self.delimiter)

    def do_list(self, connection, session, tag, arguments):
        status = re.search(rb'STATUS \(([^)]*)\)', arguments)
        plain = re.sub(rb'RETURN \(.*\)$', b'', arguments)
        pattern = parse_strings(plain)[-1]
        for mailbox in list(self.mailboxes.values()):
            if matches_list(mailbox.name, pattern.decode(), self.delimiter):
                connection.send(f'* LIST ({mailbox.attributes}) {self.said_delimiter()} '
                                f'{mailserver.quote(mailbox.name)}')
                if status and 'noselect' not in mailbox.attributes.lower():
                    self.send_status(connection, mailbox, status.group(1))
        return 'OK done'

    def send_status(self, connection, mailbox, items):
        values = {'MESSAGES': len(mailbox.mails), 'UIDNEXT': mailbox.uidnext, 'UIDVALIDITY': mailbox.uidvalidity,
                  'UNSEEN': sum('\\Seen' not in mail.flags for mail in mailbox.mails.values()), 'RECENT': 0,
                  'HIGHESTMODSEQ': 1, 'SIZE': sum(mail.size for mail in mailbox.mails.values())}
        text = ' '.join(f'{item} {values[item]}' for item in items.decode().upper().split() if item in values)
        connection.send(f'* STATUS {mailserver.quote(mailbox.name)} ({text})')

    def find_mailbox(self, arguments):
        name = parse_strings(arguments)[0].decode()
        return self.mailboxes.get('INBOX' if name.upper() == 'INBOX' else name)

    def do_status(self, connection, session, tag, arguments):
        mailbox = self.find_mailbox(arguments)
        if mailbox is None:
            return 'NO [NONEXISTENT] no such mailbox'
        self.send_status(connection, mailbox, re.search(rb'\(([^()]*)\)$', arguments).group(1))
        return 'OK done'

    def do_select(self, connection, session, tag, arguments, access='READ-WRITE'):
        session.mailbox, session.uids = None, []
        mailbox = self.find_mailbox(arguments)
        if mailbox is None or 'noselect' in mailbox.attributes.lower():
            return 'NO [NONEXISTENT] no such mailbox'
        session.mailbox, session.uids = mailbox, sorted(mailbox.mails)
        connection.send('* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)',
                        f'* OK [PERMANENTFLAGS ({self.permanent_flags})] flags',
                        f'* {len(session.uids)} EXISTS', '* 0 RECENT',
                        f'* OK [UIDVALIDITY {mailbox.uidvalidity}] valid', f'* OK [UIDNEXT {mailbox.uidnext}] next')
        return f'OK [{access}] done'

    def do_examine(self, connection, session, tag, arguments):
        return self.do_select(connection, session, tag, arguments, 'READ-ONLY')

    def do_unselect(self, connection, session, tag, arguments):
        session.mailbox, session.uids = None, []
        return 'OK done'

    def do_create(self, connection, session, tag, arguments):
        name = parse_strings(arguments)[0].decode()
        if name in self.mailboxes:
            return 'NO [ALREADYEXISTS] it exists'
        self.mailboxes[name] = Mailbox(name, [], 1000 + len(self.mailboxes))
        return 'OK done'

    def do_append(self, connection, session, tag, arguments):
        mailbox = self.find_mailbox(arguments)
        if mailbox is None:
            return 'NO [TRYCREATE] no such mailbox'
        head, literal = re.split(rb'~?\{\d+\+?\}\r\n', arguments, maxsplit=1)
        flags = re.search(rb'\(([^)]*)\)', head)
        mail = Mail(literal, flags=flags.group(1).decode().split() if flags else ())
        return f'OK [APPENDUID {mailbox.uidvalidity} {mailbox.add(mail)}] done'

    # --- commands about messages ---

    def chosen(self, session, uid_set):
        """The mails of a UID set, among those the client was told of."""
        last = max(session.uids, default=0)
        for part in uid_set.decode().split(','):
            low, high = [last if end == '*' else int(end) for end in (part.split(':') * 2)[:2]]
            for uid in session.uids:
                mail = session.mailbox.mails.get(uid)
                if mail and min(low, high) <= uid <= max(low, high):
                    yield mail

    def do_uid_fetch(self, connection, session, tag, arguments):
        uid_set, _, text = arguments.partition(b' ')
        items = split_items(text.strip()[1:-1] if text.strip().startswith(b'(') else text)
        for mail in self.chosen(session, uid_set):
            refusal = self.refusal_of(mail, items)
            if refusal:
                return refusal
            if mail.uid not in self.silent:
                self.send_fetch(connection, session.uids.index(mail.uid) + 1, mail, items)
        return 'OK done'

    def refusal_of(self, mail, _items):
        return self.refuse.get(mail.uid)

    def send_fetch(self, connection, number, mail, items):
        parts = [part for part in (self.fetch_item(mail, item) for item in items) if part is not None]
        parts = [part for part in parts if not part.startswith(b'UID ')]
        uid_part = b'UID %d' % mail.uid
        if self.split_lines:
            lines = [[uid_part, part] for part in parts]
        else:
            lines = [[uid_part] + parts]
        for line in lines:
            if self.reverse_items:
                line.reverse()
            self.send_line(connection, b'* %d FETCH (' % number + b' '.join(line) + b')' + CRLF)

    def send_line(self, connection, data):
        found = re.search(rb'BODY\[\](?:<\d+>)? \{\d+\}\r\n', data)
        if self.cut_literal is not None and found and self.cut_times != 0:
            if self.cut_times is not None:
                self.cut_times -= 1
            self.reply(connection, data[:found.end() + self.cut_literal])
            connection.drop()
        self.reply(connection, data)

    def fetch_item(self, mail, item):
        """One item of a FETCH reply, such as b'RFC822.SIZE 42'; None leaves it out."""
        name = item.upper()
        if name == b'UID':
            return b'UID %d' % mail.uid
        if name == b'FLAGS':
            return b'FLAGS (%s)' % as_bytes(' '.join(sorted(mail.flags)))
        if name == b'INTERNALDATE':
            return b'INTERNALDATE "%s"' % as_bytes(mail.date)
        if name == b'RFC822.SIZE':
            return b'RFC822.SIZE %s' % as_bytes(str(mail.size))
        if name.startswith((b'BODY[', b'BODY.PEEK[')):
            return self.fetch_body(mail, item)
        return None

    def fetch_body(self, mail, item):
        section, start, length = re.fullmatch(rb'(?i)BODY(?:\.PEEK)?\[(.*?)\](?:<(\d+)\.(\d+)>)?', item).groups()
        data = self.section(mail, section.upper())
        origin = b''
        if start is not None:
            data = data[int(start):int(start) + int(length)]
            origin = b'<%s>' % start
        if mail.uid in self.empty:
            return b'BODY[%s]%s ""' % (section, origin)
        return b'BODY[%s]%s {%d}\r\n' % (section, origin, len(data)) + data

    def section(self, mail, section):
        head, separator, text = mail.content.partition(CRLF * 2)
        if section == b'':
            return mail.content
        if section == b'TEXT':
            return text
        if section == b'HEADER':
            return head + separator
        names = re.fullmatch(rb'HEADER\.FIELDS \((.*)\)', section).group(1).replace(b'"', b'').split()
        fields = re.findall(rb'(?m)^[^ \t\r\n][^\r\n]*(?:\r\n[ \t][^\r\n]*)*', head)
        return b''.join(field + CRLF for field in fields if field.split(b':')[0].strip().upper() in names) + CRLF

    def do_uid_search(self, connection, session, tag, arguments):
        """ALL, UID set and HEADER name value; nothing else."""
        uids = sorted(session.mailbox.mails)
        if found := re.search(rb'(?i)\bUID ([\d:*,]+)', arguments):
            uids = [mail.uid for mail in self.chosen(session, found.group(1))]
        if found := re.search(rb'(?i)HEADER "?([\w-]+)"? (.*)', arguments):
            value = parse_strings(found.group(2))[0]
            uids = [uid for uid in uids if value in self.section(
                session.mailbox.mails[uid], b'HEADER.FIELDS (%s)' % found.group(1).upper())]
        text = ' '.join(map(str, uids))
        if arguments.upper().startswith(b'RETURN'):
            connection.send(f'* ESEARCH (TAG "{tag}") UID' + (f' ALL {text.replace(" ", ",")}' if uids else ''))
        else:
            connection.send(f'* SEARCH {text}'.rstrip())
        return 'OK done'

    def do_uid_store(self, connection, session, tag, arguments):
        uid_set, kind, flags = arguments.split(b' ', 2)
        flags = set(flags.decode().strip('()').split())
        for mail in self.chosen(session, uid_set):
            if kind.startswith(b'+'):
                mail.flags |= flags
            elif kind.startswith(b'-'):
                mail.flags -= flags
            else:
                mail.flags = flags
            if b'SILENT' not in kind.upper():
                self.send_fetch(connection, session.uids.index(mail.uid) + 1, mail, [b'FLAGS'])
        return 'OK done'

    def do_uid_expunge(self, connection, session, tag, arguments):
        for mail in list(self.chosen(session, arguments)):
            if '\\Deleted' in mail.flags:
                del session.mailbox.mails[mail.uid]
        return 'OK done'

    def do_uid_copy(self, connection, session, tag, arguments):
        uid_set, _, name = arguments.partition(b' ')
        target = self.find_mailbox(name)
        if target is None:
            return 'NO [TRYCREATE] no such mailbox'
        mails = list(self.chosen(session, uid_set))
        uids = [target.add(Mail(mail.content, None, mail.flags, mail.date, mail.size)) for mail in mails]
        old, new = ','.join(str(mail.uid) for mail in mails), ','.join(map(str, uids))
        return f'OK [COPYUID {target.uidvalidity} {old} {new}] done' if uids else 'OK nothing to do'

    def do_uid_move(self, connection, session, tag, arguments):
        reply = self.do_uid_copy(connection, session, tag, arguments)
        if reply.startswith('OK'):
            for mail in list(self.chosen(session, arguments.partition(b' ')[0])):
                del session.mailbox.mails[mail.uid]
        return reply

    def do_idle(self, connection, session, tag, arguments):
        connection.send('+ idling')
        while not connection.wait_readable(0.02):
            self.tell_changes(connection, session)
            if self.stopping.is_set():
                raise Dropped
        connection.expect('(?i)DONE')
        return 'OK done'


def parse_strings(text):
    """The strings (atoms, quoted, literals; lists as atoms) of a command's arguments, as bytes."""
    found, place = [], 0
    pattern = re.compile(rb'\s*(?:"((?:\\.|[^"\\])*)"|~?\{(\d+)\+?\}\r\n|(\([^)]*\))|([^\s"]+))', re.S)
    while match := pattern.match(text, place):
        place = match.end()
        quoted, length, group, atom = match.groups()
        if quoted is not None:
            found.append(re.sub(rb'\\(.)', rb'\1', quoted))
        elif length is not None:
            found.append(text[place:place + int(length)])
            place += int(length)
        else:
            found.append(group or atom)
    return found


def split_items(text):
    """The items of a FETCH, each with its brackets."""
    return re.findall(rb'[^\s\[]+(?:\[[^\]]*\](?:<[^>]*>)?)?', text)


def matches_list(name, pattern, delimiter):
    level = f'[^{re.escape(delimiter)}]*' if delimiter else '.*'
    expression = ''.join('.*' if c == '*' else level if c == '%' else re.escape(c) for c in pattern)
    return re.fullmatch(expression, name, re.I if pattern.upper() == 'INBOX' else 0) is not None
