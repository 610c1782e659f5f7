#!/usr/bin/python3
"""A throwaway Dovecot 2.3 on loopback, everything it touches under one directory.

As a module:

    with Dovecot(tls=True) as server:
        server.deliver('INBOX', [(b'Subject: x\\n\\nhello\\n', date, 'S')])
        server.messages('INBOX')            # {uid: bytes}, through imaplib: the truth that a test compares with

As a command:

    mailserver.py start DIR [--sample] [--plaintext] ...   leaves a server running, prints its ports
    mailserver.py stop DIR

It never runs as root: started by root, it becomes `nobody`, so the directory must be reachable for that user.
"""

import argparse
import atexit
import base64
import contextlib
import ctypes
import functools
import imaplib
import json
import os
import pathlib
import pwd
import random
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

from processes import descendants, end_server, signal_family

# What Dovecot 2.3 offers after login; the starting point when a test wants it to offer less.
CAPABILITY = (
    'IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE SORT SORT=DISPLAY THREAD=REFERENCES THREAD=REFS '
    'THREAD=ORDEREDSUBJECT MULTIAPPEND URL-PARTIAL CATENATE UNSELECT CHILDREN NAMESPACE UIDPLUS LIST-EXTENDED '
    'I18NLEVEL=1 CONDSTORE QRESYNC ESEARCH ESORT SEARCHRES WITHIN CONTEXT=SEARCH LIST-STATUS BINARY MOVE '
    'SNIPPET=FUZZY PREVIEW=FUZZY PREVIEW STATUS=SIZE SAVEDATE LITERAL+ NOTIFY SPECIAL-USE').split()

# alice is for everyday use; bob's password has everything that a client forgets to quote.
USERS = {'alice': 'correct horse', 'bob': 'p "q" \\ {5}% Ünïcødé-пароль-密码'}

# Dovecot takes a connection for secure when both ends have the same address, as on loopback. Reached at this one
# it does not, and offers LOGINDISABLED without TLS (unless plaintext=True).
STRICT_HOST = '127.0.0.2'

START_SECONDS = 10
imaplib._MAXLINE = 50_000_000  # its default refuses the SEARCH reply of a large mailbox


def encode_mailbox(name):
    """A mailbox name as modified UTF-7 (RFC 3501, 5.1.3)."""
    def encode_run(match):
        utf16 = match.group().encode('utf-16-be')
        return '&' + base64.b64encode(utf16).decode().rstrip('=').replace('/', ',') + '-'
    return re.sub(r'[^\x20-\x7e]+', encode_run, name.replace('&', '&-'))


def decode_mailbox(name):
    """The opposite of encode_mailbox."""
    def decode_run(match):
        text = match.group(1).replace(',', '/')
        return base64.b64decode(text + '=' * (-len(text) % 4)).decode('utf-16-be') if text else '&'
    return re.sub('&([^-]*)-', decode_run, name)


def quote(text):
    return '"' + text.replace('\\', '\\\\').replace('"', '\\"') + '"'


def free_port():
    """A port that nobody listens on, below those that the kernel gives to outgoing connections."""
    while True:
        port = random.SystemRandom().randrange(15000, 32000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(('127.0.0.1', port))
                return port


@functools.cache
def certificates():
    """A folder with a CA and certificates made by it, server (good), wronghost, expired; untrusted is made by nobody's CA.
    Made once in each process, which removes it in the end."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix='imapfs-tls.'))
    atexit.register(shutil.rmtree, directory, True)

    def openssl(*arguments):
        subprocess.run(['openssl', *arguments], cwd=directory, check=True, capture_output=True)

    def request(name, *arguments):
        openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout',
                name + '.key', '-subj', '/CN=imapfs test ' + name, *arguments)

    def sign(name, alt_names, days):
        request(name, '-out', name + '.csr')
        (directory / (name + '.ext')).write_text(f'subjectAltName={alt_names}\nextendedKeyUsage=serverAuth\n')
        openssl('x509', '-req', '-in', name + '.csr', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial',
                '-days', days, '-extfile', name + '.ext', '-out', name + '.crt')

    local = 'DNS:localhost,IP:127.0.0.1,IP:127.0.0.2,IP:::1'
    request('ca', '-x509', '-days', '30', '-out', 'ca.crt', '-addext', 'keyUsage=critical,keyCertSign')
    sign('server', local, '30')
    sign('wronghost', 'DNS:mail.example.org', '30')
    sign('expired', local, '-1')
    request('untrusted', '-x509', '-days', '30', '-out', 'untrusted.crt', '-addext', 'subjectAltName=' + local)
    return directory


def make_certificates(directory):
    for path in certificates().iterdir():
        shutil.copy(path, directory)


class Dovecot:
    """One server. It is started by `start` or `with`, and its ports stay the same when it is started again.

    tls            offer TLS: `imaps` on imaps_port, STARTTLS on imap_port; without it only plain `imap`
    plaintext      accept passwords on imap_port without TLS
    certificate    'server', or one that a client must refuse: 'wronghost', 'untrusted', 'expired'
    without        capabilities not to offer, such as ['MOVE', 'UIDPLUS']
    delimiter      between the levels of mailbox names; prefix: of the namespace, such as 'INBOX.'
    mail_format    'maildir' or 'sdbox'; only in the former can `deliver` write files itself
    layout         'maildir++', or 'fs' (then names may contain '.')
    compress       offer COMPRESS=DEFLATE
    rawlog         keep what each session says in directory/rawlog
    extra          lines for the configuration file
    """

    def __init__(self, directory=None, *, tls=True, plaintext=False, certificate='server', users=None,
                 delimiter='/', prefix='', mail_format='maildir', layout='maildir++', without=(),
                 mechanisms='plain login', compress=False, rawlog=False, extra=''):
        self.temporary = directory is None
        self.directory = pathlib.Path(directory or tempfile.mkdtemp(prefix='imapfs-dovecot.')).resolve()
        self.tls, self.plaintext, self.certificate = tls, plaintext, certificate
        self.users = dict(USERS if users is None else users)
        self.delimiter, self.prefix, self.mail_format, self.layout = delimiter, prefix, mail_format, layout
        self.without, self.mechanisms, self.compress = set(without), mechanisms, compress
        self.rawlog, self.extra = rawlog, extra
        self.imap_port = free_port()
        self.imaps_port = free_port() if tls else None
        self.process = None
        self.n_delivered = 0
        account = pwd.getpwnam('nobody') if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        self.user, self.uid, self.gid = account.pw_name, account.pw_uid, account.pw_gid
        self.configure()

    # --- files ---

    @property
    def ca_file(self):
        return str(self.directory / 'tls' / 'ca.crt')

    @property
    def log_file(self):
        return self.directory / 'dovecot.log'

    def own(self, path):
        if os.geteuid() == 0:
            os.chown(path, self.uid, self.gid)

    def make_directory(self, path):
        """Makes path and what is missing above it, all owned by the server's user."""
        if not path.is_dir():
            self.make_directory(path.parent)
            path.mkdir(mode=0o700)
            self.own(path)

    def configure(self):
        self.make_directory(self.directory)
        if os.geteuid() == 0:
            self.own(self.directory)
            for parent in self.directory.parents:
                if not parent.stat().st_mode & 0o001:
                    raise ValueError(f'{parent} cannot be entered by {self.user}, as whom Dovecot runs')
        for name in ('run', 'state', 'tls', 'tmp', 'mail') + (('rawlog',) if self.rawlog else ()):
            self.make_directory(self.directory / name)
        (self.directory / 'run').chmod(0o755)
        if self.tls and not (self.directory / 'tls' / 'untrusted.crt').exists():
            make_certificates(self.directory / 'tls')
            for path in (self.directory / 'tls').iterdir():
                self.own(path)
        lines = []
        for user, password in self.users.items():
            encoded = base64.b64encode(password.encode()).decode()
            lines.append(f'{user}:{{PLAIN.b64}}{encoded}:::::\n')
        self.write('users', ''.join(lines))
        self.write('dovecot.conf', self.configuration())

    def write(self, name, text):
        path = self.directory / name
        path.write_text(text)
        path.chmod(0o600)
        self.own(path)

    def configuration(self):
        home = self.directory
        # Unix sockets have short names only.
        run = home / 'run'
        if len(str(run)) > 70:
            run = pathlib.Path(tempfile.mkdtemp(prefix='imapfs-run.'))
            self.own(run)
            self.make_directory(run / 'run')
            self.short_directory, run = run, run / 'run'
        group = subprocess.run(['id', '-gn', self.user], check=True, capture_output=True, text=True).stdout.strip()
        layout = ':LAYOUT=fs' if self.layout == 'fs' and self.mail_format == 'maildir' else ''
        text = f'''
            base_dir = {run}
            state_dir = {home}/state
            log_path = {self.log_file}
            mail_temp_dir = {home}/tmp
            instance_name = imapfs-test
            default_internal_user = {self.user}
            default_internal_group = {group}
            default_login_user = {self.user}
            protocols = imap
            listen = 127.0.0.1, {STRICT_HOST}
            first_valid_uid = 1
            auth_mechanisms = {self.mechanisms}
            auth_failure_delay = 0
            disable_plaintext_auth = {'no' if self.plaintext or not self.tls else 'yes'}
            mail_location = {self.mail_format}:{home}/mail/%u{layout}
            mail_fsync = never
            mail_max_userip_connections = 1000
            mailbox_list_index = yes
            passdb {{
              driver = passwd-file
              args = username_format=%u {home}/users
            }}
            userdb {{
              driver = static
              args = uid={self.uid} gid={self.gid} home={home}/mail/%u
            }}
            namespace inbox {{
              inbox = yes
              separator = {self.delimiter}
              prefix = {self.prefix}
              mailbox Drafts {{
                special_use = \\Drafts
              }}
              mailbox Sent {{
                special_use = \\Sent
              }}
              mailbox Trash {{
                special_use = \\Trash
              }}
            }}
            service anvil {{
              chroot =
              unix_listener anvil-auth-penalty {{
                mode = 0
              }}
            }}
            service imap-login {{
              chroot =
              service_count = 0
              client_limit = 1000
              process_limit = 4
              inet_listener imap {{
                port = {self.imap_port}
              }}
              inet_listener imaps {{
                port = {self.imaps_port or 0}
                ssl = yes
              }}
            }}
            service imap {{
              process_limit = 1000
            }}
            '''
        if self.tls:
            text += f'''
            ssl = {'yes' if self.plaintext else 'required'}
            ssl_min_protocol = TLSv1.2
            ssl_cert = <{home}/tls/{self.certificate}.crt
            ssl_key = <{home}/tls/{self.certificate}.key
            '''
        else:
            text += 'ssl = no\n'
        if self.without:
            words = [word for word in CAPABILITY if word not in self.without]
            text += f'imap_capability = {" ".join(words)}\n'
        if self.compress:
            text += 'mail_plugins = zlib\nprotocol imap {\n  mail_plugins = zlib imap_zlib\n}\n'
        if self.rawlog:
            text += f'protocol imap {{\n  rawlog_dir = {home}/rawlog\n}}\n'
        return re.sub(r'(?m)^            ', '', text) + self.extra + '\n'

    # --- processes ---

    def start(self, detach=False):
        """Starts the server and waits until it answers. It ends with this process, unless detached."""
        assert self.process is None, 'already running'
        for _ in range(5):
            told_before = len(self.log())
            self.launch(detach)
            if self.wait_for_greeting():
                (self.directory / 'pid').write_text(f'{self.process.pid}\n')
                return self
            self.kill()
            told = self.log()[told_before:]
            if 'Socket already exists' in told:  # a child of one that was killed is not quite gone
                time.sleep(0.2)
            elif re.search('in use|duplicate listener', told):  # somebody else has taken a port since it was chosen
                self.imap_port = free_port()
                self.imaps_port = free_port() if self.tls else None
                self.write('dovecot.conf', self.configuration())
            else:
                break
        raise RuntimeError('Dovecot does not start:\n' + self.log())

    def launch(self, detach):
        program = shutil.which('dovecot', path=os.environ.get('PATH', '') + ':/usr/sbin:/sbin')
        if program is None:
            raise RuntimeError('dovecot is not installed: run scripts/install-packages')
        identity = {}
        if os.geteuid() == 0:
            identity = {'user': self.uid, 'group': self.gid, 'extra_groups': []}
        PR_SET_PDEATHSIG = 1
        prctl = ctypes.CDLL(None).prctl
        die_with_parent = None if detach else lambda: prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        with open(self.directory / 'stderr', 'ab') as stderr:
            self.process = subprocess.Popen(
                [program, '-F', '-c', str(self.directory / 'dovecot.conf')], cwd=self.directory,
                stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr, start_new_session=True,
                preexec_fn=die_with_parent, env={'PATH': '/usr/sbin:/usr/bin:/sbin:/bin'}, **identity)

    def wait_for_greeting(self):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(OSError):
                with socket.create_connection(('127.0.0.1', self.imap_port), timeout=START_SECONDS) as connection:
                    if connection.recv(100).startswith(b'* OK'):
                        return self.process.poll() is None
            time.sleep(0.01)
        return False

    def log(self):
        text = ''
        for path in (self.log_file, self.directory / 'stderr'):
            if path.exists():
                text += path.read_text(errors='replace')
        return text

    def processes(self):
        return descendants(self.process.pid) if self.process else []

    def freeze(self):
        """Stops all its processes: connections stay open and nothing answers."""
        signal_family(self.process.pid, signal.SIGSTOP)

    def thaw(self):
        signal_family(self.process.pid, signal.SIGCONT)

    def stop(self):
        """Ends the server in good order: sessions get BYE, and nobody listens any more when it returns."""
        if self.process is not None:
            end_server(self.process.pid)
            self.process.wait()
            self.process = None

    def kill(self):
        """Ends every process at once, without a word to anybody."""
        if self.process is not None:
            end_server(self.process.pid, kindly=False)
            self.process.wait()
            self.process = None

    def restart(self):
        self.stop()
        return self.start()

    def remove(self):
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)
        if hasattr(self, 'short_directory'):
            shutil.rmtree(self.short_directory, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
        if self.temporary:
            self.remove()

    # --- mail ---

    def url(self, user='alice', tls=None, port=None, host='127.0.0.1'):
        """The URL for imapfs; tls is 'implicit', 'starttls' or 'none' (the last needs -o tls=none)."""
        implicit = (tls or ('implicit' if self.tls else 'none')) == 'implicit'
        scheme, own_port = ('imaps', self.imaps_port) if implicit else ('imap', self.imap_port)
        return f'{scheme}://{user}@{host}:{port or own_port}'

    def connect(self, user='alice'):
        """A logged-in imaplib client, independent of imapfs."""
        if self.tls:
            context = ssl.create_default_context(cafile=self.ca_file)
            if self.certificate != 'server':
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            client = imaplib.IMAP4_SSL('127.0.0.1', self.imaps_port, ssl_context=context, timeout=60)
        else:
            client = imaplib.IMAP4('127.0.0.1', self.imap_port, timeout=60)
        credentials = f'\0{user}\0{self.users[user]}'.encode()
        client.authenticate('PLAIN', lambda _: credentials)
        return client

    @contextlib.contextmanager
    def selected(self, mailbox, user='alice', readonly=True):
        client = self.connect(user)
        try:
            check(client.select(quote(encode_mailbox(mailbox)), readonly))
            yield client
        finally:
            with contextlib.suppress(imaplib.IMAP4.error, OSError):
                client.logout()

    def maildir(self, mailbox, user='alice'):
        """The directory of a mailbox, given by its name as the server shows it."""
        root = self.directory / 'mail' / user
        if self.prefix and mailbox.startswith(self.prefix):
            mailbox = mailbox[len(self.prefix):]
        if mailbox.upper() == 'INBOX':
            return root
        components = [encode_mailbox(component) for component in mailbox.split(self.delimiter)]
        if self.layout == 'fs':
            return root.joinpath(*components)
        assert not any('.' in component for component in components), f'{mailbox}: Maildir++ has no such name'
        return root / ('.' + '.'.join(components))

    def deliver(self, mailbox, messages, user='alice', files=True):
        """Puts messages, an iterable of (bytes, datetime, flags), into a mailbox, which is made when missing.

        flags are Maildir's letters (S seen, F flagged, R answered, D draft, T deleted). With files=True they are
        written as files with LF line ends, 100,000 in seconds, whether the server runs or not; else appended
        through IMAP, as they are. Returns how many.
        """
        if not files or self.mail_format != 'maildir':
            return self.append(mailbox, messages, user)
        directory = self.maildir(mailbox, user)
        for name in ('cur', 'new', 'tmp'):
            self.make_directory(directory / name)
        current = os.open(directory / 'cur', os.O_RDONLY | os.O_DIRECTORY)
        as_root = os.geteuid() == 0
        n_messages = 0
        for content, date, flags in messages:
            content = content.replace(b'\r\n', b'\n')
            self.n_delivered += 1
            n_messages += 1
            # Dovecot gives UIDs in the order of the number in front, and believes these two sizes.
            name = (f'{self.n_delivered + 1_000_000_000}.M{time.time_ns()}.imapfs,S={len(content)},'
                    f'W={len(content) + content.count(10)}:2,{"".join(sorted(flags))}')
            file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=current)
            while content:
                content = content[os.write(file, content):]
            seconds = date.timestamp()
            os.utime(file, (seconds, seconds))
            if as_root:
                os.fchown(file, self.uid, self.gid)
            os.close(file)
        os.close(current)
        return n_messages

    def append(self, mailbox, messages, user='alice'):
        names = {'S': '\\Seen', 'F': '\\Flagged', 'R': '\\Answered', 'D': '\\Draft', 'T': '\\Deleted'}
        name = quote(encode_mailbox(mailbox))
        client = self.connect(user)
        if mailbox.upper() != 'INBOX':
            client.create(name)  # NO when it exists
        n_messages = 0
        for content, date, flags in messages:
            flag_list = '(' + ' '.join(names[flag] for flag in flags) + ')'
            check(client.append(name, flag_list, imaplib.Time2Internaldate(date.timestamp()), content))
            n_messages += 1
        client.logout()
        return n_messages

    def create(self, *mailboxes, user='alice'):
        client = self.connect(user)
        for mailbox in mailboxes:
            check(client.create(quote(encode_mailbox(mailbox))))
        client.logout()

    def fetch(self, mailbox, items, uids='1:*', user='alice'):
        """Yields (uid, rest of the reply's line as bytes, literal or b'') per message of a mailbox."""
        with self.selected(mailbox, user) as client:
            for line in check(client.uid('FETCH', uids, f'(UID {items})')):
                if line is None or line == b')':
                    continue
                head, literal = line if isinstance(line, tuple) else (line, b'')
                found = re.search(rb'\bUID (\d+)', head)
                if found:
                    yield int(found.group(1)), head, literal

    def messages(self, mailbox, uids='1:*', user='alice'):
        """{uid: bytes}: what the server holds."""
        return {uid: literal for uid, _, literal in self.fetch(mailbox, 'BODY.PEEK[]', uids, user)}

    def sizes(self, mailbox, user='alice'):
        return {uid: int(re.search(rb'RFC822\.SIZE (\d+)', head).group(1))
                for uid, head, _ in self.fetch(mailbox, 'RFC822.SIZE', user=user)}

    def flags(self, mailbox, user='alice'):
        """{uid: set of flags}, without \\Recent."""
        return {uid: set(re.search(rb'FLAGS \(([^)]*)\)', head).group(1).decode().split()) - {'\\Recent'}
                for uid, head, _ in self.fetch(mailbox, 'FLAGS', user=user)}

    def store(self, mailbox, uids, change, user='alice'):
        """Changes flags behind imapfs's back: store('INBOX', '1:3', '+FLAGS (\\Seen)')."""
        with self.selected(mailbox, user, readonly=False) as client:
            check(client.uid('STORE', uids, *change.split(' ', 1)))

    def expunge(self, mailbox, uids, user='alice'):
        with self.selected(mailbox, user, readonly=False) as client:
            check(client.uid('STORE', uids, '+FLAGS', '(\\Deleted)'))
            check(client.uid('EXPUNGE', uids))

    def mailboxes(self, user='alice'):
        """The names of all mailboxes, parents without mail of their own included."""
        client = self.connect(user)
        lines = check(client.list('""', '*'))
        client.logout()
        names = []
        for line in lines:
            if isinstance(line, tuple):
                names.append(line[1].decode())
            elif line:
                name = re.match(rb'\([^)]*\) (?:"(?:\\.|[^"])*"|NIL) (.*)', line).group(1).decode()
                names.append(re.sub(r'\\(.)', r'\1', name[1:-1]) if name.startswith('"') else name)
        return [decode_mailbox(name) for name in names]


def check(reply):
    status, data = reply
    if status != 'OK':
        raise RuntimeError(f'the server says {status}: {data}')
    return data


# --- the command ---

def command_start(options):
    import samplemail
    server = Dovecot(options.directory, tls=not options.no_tls, plaintext=options.plaintext,
                     delimiter=options.delimiter, layout=options.layout, rawlog=options.rawlog)
    if options.sample:
        n_messages = samplemail.deliver(server)
        print(f'sample-messages {n_messages}')
    if options.many:
        server.deliver('Many', samplemail.many(options.many))
        print(f'mailbox Many {options.many}')
    server.start(detach=True)
    state = {'pid': server.process.pid, 'imap_port': server.imap_port, 'imaps_port': server.imaps_port,
             'ca_file': server.ca_file, 'password': server.users['alice']}
    (server.directory / 'mailserver.json').write_text(json.dumps(state, indent=1) + '\n')
    for name, value in state.items():
        print(name, value)


def command_stop(options):
    directory = pathlib.Path(options.directory).resolve()
    try:
        state = json.loads((directory / 'mailserver.json').read_text())
        command_line = pathlib.Path(f'/proc/{state["pid"]}/cmdline').read_bytes()
    except (OSError, ValueError):
        return
    if str(directory / 'dovecot.conf').encode() not in command_line:
        return  # the number belongs to somebody else by now
    end_server(state['pid'])
    (directory / 'mailserver.json').unlink()


def main():
    parser = argparse.ArgumentParser(description='A throwaway Dovecot on loopback.')
    commands = parser.add_subparsers(required=True)
    start = commands.add_parser('start', help='start a server in DIR and leave it running')
    start.add_argument('directory', metavar='DIR')
    start.add_argument('--sample', action='store_true', help='fill it with sample mail')
    start.add_argument('--many', type=int, metavar='N', help='and a mailbox "Many" of N small messages')
    start.add_argument('--no-tls', action='store_true')
    start.add_argument('--plaintext', action='store_true', help='accept passwords without TLS')
    start.add_argument('--delimiter', default='/')
    start.add_argument('--layout', choices=['maildir++', 'fs'], default='maildir++')
    start.add_argument('--rawlog', action='store_true', help='record every session')
    start.set_defaults(run=command_start)
    stop = commands.add_parser('stop', help='end the server in DIR; its files stay')
    stop.add_argument('directory', metavar='DIR')
    stop.set_defaults(run=command_stop)
    options = parser.parse_args()
    options.run(options)


if __name__ == '__main__':
    sys.exit(main())
