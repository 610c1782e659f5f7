"""Flags of what is written: those that are given to it, and those that it has of itself."""

import errno
import os
import tempfile

import mount
from fakeserver import Imap, Mail
from mailserver import check
from test_attributes import AttributesCase
from writing import crlf, letter

KEYWORDS = {'\\Answered', '$Forwarded', 'to-do'}


def write_flagged(path, content, flags='\\Flagged work'):
    with open(path, 'wb') as file:
        file.write(content)
        os.setxattr(file.fileno(), 'user.imap.flags', flags.encode())


def copy_flagged(source, target, flags):
    """As cp does within a file system, and then another program."""
    with open(source, 'rb') as from_file, open(target, 'wb') as to_file:
        os.copy_file_range(from_file.fileno(), to_file.fileno(), 1 << 30)
        os.setxattr(to_file.fileno(), 'user.imap.flags', flags.encode())


class FlagsCase(AttributesCase):
    def outside(self):
        return self.enter(tempfile.TemporaryDirectory(dir='/var/tmp'))

    def assert_flags(self, mounted, mailbox, number, flags):
        self.sync(mounted, mailbox)
        self.assertEqual(self.held_flags(mailbox, number), set(flags))


class TestCopies(FlagsCase):
    def test_attributes_come_along(self):
        """Within the account, from another, and home again; dates, too."""
        mounted, other, outside = self.start('poll=0'), self.start(), self.outside()
        paths = {number: self.path(mounted, 'INBOX', number) for number in (1, 2, 3)}
        self.set(mounted, paths[1], 'imap.flags', ' '.join(KEYWORDS))
        self.set(mounted, paths[3], 'imap.flags', '')
        for command in (f'cp -a {paths[1]} {other.path}/Box/', f'cp -a {paths[2]} Box/', f'cp -a {paths[3]} Box/',
                        f'mv {paths[1]} {outside}/x.eml', f'mv {outside}/x.eml INBOX/'):
            mounted.run(command)
        for mailbox, number, flags in (('Box', 1, KEYWORDS), ('Box', 2, {'\\Flagged'}), ('Box', 3, ()),
                                       ('INBOX', 1, KEYWORDS)):
            with self.subTest(mailbox=mailbox, number=number):
                self.assert_flags(mounted, mailbox, number, flags)
                self.assertIn('20-Nov-2026 08:00:00 +0000', self.held_item(mailbox, number, 'INTERNALDATE'))

    def test_on_the_server(self):
        """They do not keep the server from copying, and what they are cannot be said besides."""
        mounted = self.start('poll=0')
        path = mounted.path / self.path(mounted, 'INBOX', 1)
        mount.call(copy_flagged, path, mounted.path / 'Box/a.eml', '\\Flagged')
        self.assert_errno(errno.EOPNOTSUPP, mount.call, copy_flagged, path, mounted.path / 'Box/b.eml', 'other')
        mounted.run(f'cp -a {path} Box/c.eml')
        self.sync(mounted, 'Box')
        self.assertEqual(self.held('Box'), [1, 1, 1, 101, 102, 103])
        self.assertEqual(self.n_said(' APPEND '), 0)


class TestWithoutUidplus(FlagsCase):
    server_options = {'without': ['UIDPLUS']}

    def test_deleted(self):
        """Nobody wants that of what has just been put there, and it would hide it."""
        mounted, outside = self.start(), self.outside()
        write_flagged(f'{outside}/7.eml', letter(7), '\\Deleted \\Seen')
        mounted.run(f'mv {outside}/7.eml Box/')
        self.assertIn('7.eml', mounted.listdir('Box'))
        self.assert_flags(mounted, 'Box', 7, {'\\Seen'})


class TestNew(FlagsCase):
    def test_given(self):
        """Before it is closed, or while it has a name that nobody sends."""
        mounted = self.start()
        mount.call(write_flagged, mounted.path / 'Box/.new', letter(7))
        self.set(mounted, 'Box/.new', 'imap.flags', '+\\Seen -work')
        self.assertEqual(self.get(mounted, 'Box/.new', 'imap.flags'), '\\Flagged \\Seen')
        self.set(mounted, 'Box/.new', 'imap.keyword.to-do', '1')
        self.set(mounted, 'Box/.new', 'xdg.tags', 'later,to-do')
        self.assert_errno(errno.EINVAL, self.set, mounted, 'Box/.new', 'imap.flags', '+a(b')
        self.rename(mounted, 'Box/.new', 'Box/new.eml')
        mount.call(write_flagged, mounted.path / 'Box/8.eml', letter(8))
        self.assert_flags(mounted, 'Box', 7, {'\\Flagged', '\\Seen', 'to-do', 'later'})
        self.assert_flags(mounted, 'Box', 8, {'\\Flagged', 'work'})

    def test_that_suit_the_mailbox(self):
        """Added to, or replaced; also by none at all."""
        self.server.create('Drafts', 'Sent')
        mounted, outside = self.start(), self.outside()
        for name, change, flags in (('Drafts/11.eml', '+later', {'\\Draft', '\\Seen', 'later'}),
                                    ('Drafts/12.eml', '\\Flagged', {'\\Flagged'}), ('Sent/13.eml', '', ())):
            mailbox, number = name.split('/')[0], int(name[-6:-4])
            with self.subTest(change=change):
                mount.call(write_flagged, mounted.path / name, letter(number), change)
                self.assert_flags(mounted, mailbox, number, flags)
                self.assertEqual(set(self.get(mounted, name, 'imap.flags').split()), set(flags))

    def test_of_what_it_replaces(self):
        """However an editor saves, and whatever it adds; unless it says which it is to have."""
        mounted = self.start()
        paths = {number: self.path(mounted, 'INBOX', number) for number in (1, 2, 3)}
        mounted.run(f'sed -i s/text/TEXT/ {paths[1]}')
        for number, change in ((2, '+more'), (3, 'other')):
            mount.call(write_flagged, mounted.path / 'INBOX/.tmp', letter(number, 'again'), change)
            self.rename(mounted, 'INBOX/.tmp', paths[number])
        self.assert_flags(mounted, 'INBOX', 1, {'\\Flagged'})
        self.assert_flags(mounted, 'INBOX', 2, {'\\Flagged', 'more'})
        self.assert_flags(mounted, 'INBOX', 3, {'other'})

    def test_of_a_version_whose_original_goes(self):
        mounted = self.start('poll=0')
        path = self.path(mounted, 'INBOX', 1)

        def change(path):
            with open(path, 'r+b', buffering=0) as file:
                file.write(b'From')
                check(client.uid('STORE', '1', '+FLAGS', '(\\Deleted)'))
                client.expunge()
                os.listdir(os.path.dirname(path))
                os.setxattr(file.fileno(), 'user.imap.flags', b'+more')

        with self.server.selected('INBOX', readonly=False) as client:
            mount.call(change, mounted.path / path)
        self.sync(mounted, 'INBOX')
        with self.server.selected('INBOX') as client:
            self.assertEqual(len(client.search(None, 'KEYWORD', 'more')[1][0].split()), 1)

    def test_of_what_waits(self):
        """What is in the journal and was not sent is sent with them; also by the next mount."""
        self.draw_line()
        mounted = self.start('writeback')
        mounted.listdir('Box')
        self.stop_line()
        self.write(mounted, 'Box/7.eml', letter(7))
        self.set(mounted, 'Box/7.eml', 'imap.flags', '+\\Flagged +work')
        self.assertEqual(self.get(mounted, 'Box/7.eml', 'imap.flags'), '\\Flagged work')
        mounted.kill()
        self.start_line()
        mounted = self.start()
        self.assert_held('Box', 7, 101, 102, 103)
        self.assertEqual(self.held_flags('Box', 7), {'\\Flagged', 'work'})


    def test_of_what_waits_and_is_written(self):
        """In either order, while it is open as another version of what is in the journal."""
        def change(path, first, second):
            with open(path, 'r+b', buffering=0) as file:
                for call in first, second:
                    call(file)

        def write(file):
            file.write(b'From')

        def mark(file):
            os.setxattr(file.fileno(), 'user.imap.flags', b'+\\Flagged +work')

        self.draw_line()
        mounted = self.start('writeback')
        mounted.listdir('Box')
        self.stop_line()
        for number, calls in ((7, (write, mark)), (8, (mark, write))):
            self.write(mounted, f'Box/{number}.eml', letter(number))
            mount.call(change, mounted.path / f'Box/{number}.eml', *calls)
            self.assertEqual(self.get(mounted, f'Box/{number}.eml', 'imap.flags'), '\\Flagged work')
        self.start_line()
        self.online(mounted)
        for number in 7, 8:
            self.assert_flags(mounted, 'Box', number, {'\\Flagged', 'work'})

    def test_that_suit_it_over_an_empty_file(self):
        self.server.create('Drafts')
        mounted = self.start()
        mounted.run('touch Drafts/7.eml')
        self.write(mounted, 'Drafts/.t', letter(7))
        self.rename(mounted, 'Drafts/.t', 'Drafts/7.eml')
        self.assert_flags(mounted, 'Drafts', 7, {'\\Draft', '\\Seen'})


class TestRefused(FlagsCase):
    """One that cannot be kept costs no other."""

    def test_by_the_mailbox(self):
        server = self.enter(Imap({'INBOX': [Mail(crlf(letter(1)))]}, permanent_flags='\\Seen \\Flagged'))
        mounted = self.new_mount(server.url(), 'tls=none', 'poll=0', 'cache=memory').start()
        mounted.listdir('INBOX')
        mount.call(write_flagged, mounted.path / 'INBOX/7.eml', letter(7), '\\Seen work')
        self.write(mounted, 'INBOX/.tmp', letter(8))
        self.set(mounted, 'INBOX/.tmp', 'imap.flags', '\\Flagged work')
        self.rename(mounted, 'INBOX/.tmp', 'INBOX/8.eml')
        self.sync(mounted, 'INBOX')
        flags = {uid: mail.flags for uid, mail in server.mailboxes['INBOX'].mails.items() if uid > 1}
        self.assertEqual(flags, {2: {'\\Seen'}, 3: {'\\Flagged'}})
        self.assert_errno(errno.EPERM, mount.call, write_flagged, mounted.path / 'INBOX/9.eml', letter(9), 'work')

    def test_by_the_server(self):
        """A keyword that is too long for it."""
        mounted = self.start()
        mount.call(write_flagged, mounted.path / 'Box/7.eml', letter(7), '\\Seen ' + 'k' * 60)
        self.assert_flags(mounted, 'Box', 7, {'\\Seen'})


if __name__ == '__main__':
    mount.main()
