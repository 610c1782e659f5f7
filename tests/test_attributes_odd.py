"""Extended attributes on servers that refuse, or can do little."""

import errno

import mount
from fakeserver import Imap, Mail
from test_attributes import AttributesCase
from writing import crlf, letter

PATH = 'INBOX/1.eml'


class OddCase(AttributesCase):
    """Without a real server."""

    def setUp(self):
        mount.MountTestCase.setUp(self)

    def mount_of(self, server, *options):
        return self.new_mount(server.url(), 'tls=none', 'names=uid', 'poll=0', 'cache=memory', *options).start()

    def serve(self, flags=(), kind=Imap, **keywords):
        return self.enter(kind({'INBOX': [Mail(crlf(letter(1)), flags=flags)], 'Box': []}, **keywords))


class TestFlags(OddCase):
    def test_refused_as_a_whole(self):
        """What the server does not keep is refused, and nothing of what was to be done with it is done."""
        server = self.serve(['\\Seen', 'old'], permanent_flags='\\Seen \\Flagged old good')
        mounted = self.mount_of(server)
        mounted.listdir('INBOX')
        for name, value in (('xdg.tags', 'new'), ('xdg.tags', 'good,new'), ('imap.flags', '+good -\\Nokeep'),
                            ('imap.flags', '-old +new'), ('imap.flags', 'old new')):
            with self.subTest(value=value):
                self.assert_errno(errno.EPERM, self.set, mounted, PATH, name, value)
                self.assertEqual(self.get(mounted, PATH, 'imap.flags'), '\\Seen old')
        self.set(mounted, PATH, 'xdg.tags', 'good')
        self.sync(mounted, PATH)
        self.assertEqual(server.mailboxes['INBOX'].mails[1].flags, {'\\Seen', 'good'})

    def test_refused_later(self):
        """A server that tells of its flags too late: new tags are not set, and the old ones stay."""
        class Grim(Imap):
            def do_uid_store(self, connection, session, tag, arguments):
                if b'new' in arguments:
                    return 'NO no such keywords'
                return super().do_uid_store(connection, session, tag, arguments)

        server = self.serve(['old'], Grim)
        mounted = self.mount_of(server, 'sync')
        mounted.listdir('INBOX')
        self.assert_errno(errno.EIO, self.set, mounted, PATH, 'xdg.tags', 'new')
        self.assertEqual(server.mailboxes['INBOX'].mails[1].flags, {'old'})

    def test_without_an_empty_list(self):
        """Which is not sent, for not every server takes it."""
        server = self.serve(['\\Seen', 'old'])
        mounted = self.mount_of(server)
        mounted.listdir('INBOX')
        self.remove(mounted, PATH, 'imap.flags')
        self.sync(mounted, PATH)
        self.assertEqual(server.mailboxes['INBOX'].mails[1].flags, set())
        self.assertEqual([arguments for _, name, arguments in server.commands if name == 'UID STORE'],
                         [b'1 -FLAGS.SILENT (\\Seen old)'])


class TestMailboxes(OddCase):
    def test_busy(self):
        """EAGAIN the kernel would take for EOPNOTSUPP."""
        server = self.serve()
        server.replies['SUBSCRIBE'] = 'NO [INUSE] not now'
        mounted = self.mount_of(server)
        self.assert_errno(errno.EBUSY, self.set, mounted, 'Box', 'imap.subscribed', '1')

    def test_annotations_of_the_server_alone(self):
        class Server(Imap):
            capabilities = Imap.capabilities + ' METADATA-SERVER'

            def do_getmetadata(self, connection, session, tag, arguments):
                connection.send('* METADATA "" (/shared/admin "mailto:a@example.org")')
                return 'OK done'

        server = self.serve(kind=Server)
        mounted = self.mount_of(server)
        self.assertEqual(self.get(mounted, '.', 'imap.metadata.shared/admin'), 'mailto:a@example.org')
        self.assertEqual(self.names(mounted, '.'), ['imap.cached', 'imap.metadata.shared/admin'])
        n_before = server.count('GETMETADATA')
        self.assert_errno(errno.EOPNOTSUPP, self.get, mounted, 'Box', 'imap.metadata.shared/admin')
        self.assertNotIn('imap.metadata.shared/admin', self.names(mounted, 'Box'))
        self.assertEqual(server.count('GETMETADATA'), n_before)


if __name__ == '__main__':
    mount.main()
