"""What the figures are called, the table of them in Markdown, and the targets with met or missed."""

from samplemail import BIG_BYTES

READING = [
    ('imapfs: mounting', 'imapfs: mounting'),
    ('imapfs cold', 'imapfs, first `grep -r`'),
    ('imapfs: mounting + cold', 'imapfs, mounting and first `grep -r`'),
    ('imapfs warm', 'imapfs, again'),
    ('imapfs mounted again', 'imapfs, mounted again (all kept on disk)'),
    ('imapfs mounted again, disk cold', 'imapfs, mounted again, its files not in memory'),
    ('imapfs cold, cache=memory', 'imapfs `cache=memory`, first'),
    ('imapfs -o ro cold', 'imapfs `-o ro`, first'),
    ('imapfs -o ro warm', 'imapfs `-o ro`, again'),
    ('limit', 'limit: the bodies streamed, thrown away'),
    ('mbsync without FSync', 'mbsync without FSync, initial sync'),
    ('mbsync without FSync + grep', 'mbsync without FSync, then `grep -r` of it'),
    ('mbsync without FSync: grep warm', '`grep -r` of that Maildir, warm'),
    ('mbsync without FSync: grep cold', '`grep -r` of that Maildir, cold'),
    ('mbsync with FSync', 'mbsync with FSync, initial sync'),
    ('mbsync with FSync + grep', 'mbsync with FSync, then `grep -r` of it'),
    ('passthrough_ll just mounted', 'passthrough_ll over local files, first'),
    ('passthrough_ll warm', 'passthrough_ll over local files, again'),
    ('local warm', 'local files, warm'),
    ('local cold', 'local files, cold'),
    ('imapfs cold, COMPRESS', 'COMPRESS offered: imapfs, first `grep -r`'),
    ('limit, COMPRESS', 'COMPRESS offered: limit'),
    ('mbsync without FSync, COMPRESS', 'COMPRESS offered: mbsync without FSync'),
]
LISTING = [
    ('ls -l cold, names=subject', 'imapfs, first `ls -l`'),
    ('ls -l cold, names=uid', 'imapfs `names=uid`, first `ls -l`'),
    ('mounting + ls -l cold, names=subject', 'imapfs, mounting and first `ls -l`'),
    ('mounting + ls -l cold, names=uid', 'imapfs `names=uid`, mounting and first `ls -l`'),
    ('ls -l warm, names=subject', 'imapfs, `ls -l` again'),
    ('ls -l warm, names=uid', 'imapfs `names=uid`, `ls -l` again'),
    ('ls -l mounted again, names=subject', 'imapfs, mounted again, `ls -l`'),
    ('ls -l mounted again, names=uid', 'imapfs `names=uid`, mounted again, `ls -l`'),
    ('mounting again + ls -l, names=subject', 'imapfs, mounting again and `ls -l`'),
    ('ls -l cold, cache=memory, names=subject', 'imapfs `cache=memory`, first `ls -l`'),
    ('ls -l cold, cache=memory, names=uid', 'imapfs `cache=memory,names=uid`, first `ls -l`'),
    ('ls -U first, names=subject', 'imapfs, until `ls -U` prints its first names'),
    ('ls -U first, names=uid', 'imapfs `names=uid`, until `ls -U` prints'),
    ('ls limit, names=subject', 'limit: the same items streamed'),
    ('ls limit, names=uid', 'limit: the same items streamed, `names=uid`'),
    ('neomutt without header cache', 'neomutt, without header cache'),
    ('neomutt, header cache empty', 'neomutt, header cache, first time'),
    ('neomutt, header cache full', 'neomutt, header cache, again'),
    ('neomutt, one message', 'neomutt, a mailbox of one message'),
    ('ls -l local', 'local files, `ls -l`, warm'),
]
LARGE = [
    ('head of 30 MB', 'imapfs, `head -c 4096`'),
    ('cat of 30 MB', 'imapfs, `cat`'),
    ('limit of 30 MB', 'limit: streamed'),
]
OTHER = [
    ('head of 30 MB: round trips', '`head -c 4096`: round trips'),
    ('head of 30 MB: KB', '`head -c 4096`: KB on the line'),
    ('mounted again: KB', '`grep -r`, mounted again: KB on the line'),
    ('resident MB before, names=subject', 'resident MB of the daemon, just mounted'),
    ('resident MB, names=subject', 'resident MB after `ls -l` of the large mailbox'),
    ('resident MB, names=uid', 'the same with `names=uid`'),
]

HIDDEN_IN_PLOT = ('mounting', 'with FSync + grep', 'Sync: grep')


def plotted(rows):
    return [(step, label.replace('`', '')) for step, label in rows
            if not any(word in step for word in HIDDEN_IN_PLOT) or step == 'imapfs: mounting + cold']


PLOTTED = [('grep -r', plotted(READING)), ('listing', plotted(LISTING)), ('a message of 30 MB', plotted(LARGE))]


def sections(bench):
    return [(f'**`grep -r` of {bench.n_messages:,} messages, s**', READING),
            (f'**listing {bench.n_listed:,} messages, s**', LISTING),
            (f'**a message of {BIG_BYTES // 1_000_000} MB, s**', LARGE), ('**other than seconds**', OTHER)]


def table(samples, bench):
    """Markdown; each cell is median (minimum–maximum)."""
    titles = [line.title for line in bench.lines]
    lines = ['| | ' + ' | '.join(titles) + ' |', '|---|' + '---|' * len(titles)]
    for heading, rows in sections(bench):
        lines.append(f'| {heading} |' + ' |' * len(titles))
        for step, label in rows:
            cells = [samples.text(line.key, step) for line in bench.lines]
            if any(cells):
                lines.append(f'| {label} | ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines)


class Targets:
    """Rows of (target, what was measured, met); None where nothing was measured."""

    def __init__(self, samples, bench):
        self.samples, self.bench = samples, bench
        self.titles = {line.key: line.title for line in bench.lines}
        self.rows = []

    def ratio(self, line, above, below):
        """(of the medians, of the minima), or None."""
        if self.samples.median(line, above) is None or self.samples.median(line, below) is None:
            return None
        return tuple(of(line, above) / of(line, below) for of in (self.samples.median, self.samples.least))

    def judge(self, text, found, limit, least=False):
        """found is {line: (of medians, of minima)}; every median must be at most (or at least) the limit."""
        found = {line: pair for line, pair in found.items() if pair is not None}
        measured = '; '.join((f'{self.titles[line]}: ' if len(found) > 1 else '') + f'{median:.2f} ({minimum:.2f})'
                             for line, (median, minimum) in found.items())
        met = all(pair[0] >= limit if least else pair[0] <= limit for pair in found.values()) if found else None
        self.rows.append((text, measured or 'not measured', met))

    def each(self, above, below):
        return {line: self.ratio(line, above, below) for line in self.titles}

    def one(self, line, above, below):
        return {line: self.ratio(line, above, below)}

    def value(self, line, step):
        return self.share(line, step, 1)

    def share(self, line, step, allowed):
        median, least = self.samples.median(line, step), self.samples.least(line, step)
        return {line: None if median is None else (median / allowed, least / allowed)}

    def all(self):
        self.judge('first `grep -r` at 50 ms: at most 2.5 × the limit', self.one('50', 'imapfs cold', 'limit'), 2.5)
        self.judge('mbsync without FSync plus grep at 50 ms: at least 4 × mounting and first `grep -r`',
                   self.one('50', 'mbsync without FSync + grep', 'imapfs: mounting + cold'), 4, least=True)
        self.judge('first `grep -r` at 0 ms: at most 1 × passthrough_ll just mounted',
                   self.one('0', 'imapfs cold', 'passthrough_ll just mounted'), 1)
        self.judge('first `grep -r` at 100 Mbit/s: at most 1.1 × the limit',
                   self.one('narrow', 'imapfs cold', 'limit'), 1.1)
        self.judge('with COMPRESS at 100 Mbit/s: below 1 × the limit of the uncompressed line',
                   self.one('narrow', 'imapfs cold, COMPRESS', 'limit'), 1)
        for mode in 'subject', 'uid':
            self.judge(f'first `ls -l`, `names={mode}`: at most 2.5 × the limit',
                       self.each(f'ls -l cold, names={mode}', f'ls limit, names={mode}'), 2.5)
            self.judge(f'neomutt without header cache: at least 3 × mounting and first `ls -l`, `names={mode}`',
                       self.each('neomutt without header cache', f'mounting + ls -l cold, names={mode}'), 3, True)
            step = f'ls -U first, names={mode}'
            shares = [self.share(line.key, step, 3 * line.round_trip + 0.1) for line in self.bench.lines]
            self.judge(f'first names of `ls -U`, `names={mode}`: at most 1 × (3 round trips + 0.1 s)',
                       {line: pair for share in shares for line, pair in share.items()}, 1)
            self.judge(f'`ls -l` again, `names={mode}`: at most 1 × local',
                       self.each(f'ls -l warm, names={mode}', 'ls -l local'), 1)
            self.judge(f'resident MB after listing, `names={mode}`: at most 60',
                       self.value('0', f'resident MB, names={mode}'), 60)
        self.judge('`grep -r` again, `-o ro`: at most 1.15 × local',
                   self.each('imapfs -o ro warm', 'local warm'), 1.15)
        self.judge('`grep -r` again, read-write: at most 2.5 × local', self.each('imapfs warm', 'local warm'), 2.5)
        self.judge('`head -c 4096` of 30 MB: round trips, at most 1', self.value('50', 'head of 30 MB: round trips'), 1)
        self.judge('`head -c 4096` of 30 MB: KB on the line, at most 140 (a block of 128 KiB and its packing)',
                   self.value('50', 'head of 30 MB: KB'), 140)
        self.judge('`cat` of 30 MB at 50 ms: at most 1.3 × the limit',
                   self.one('50', 'cat of 30 MB', 'limit of 30 MB'), 1.3)
        self.judge('mounted again, first `grep -r`: at most 2 × a Maildir in the page cache',
                   self.each('imapfs mounted again', 'mbsync without FSync: grep warm'), 2)
        self.judge('mounted again, its files not in memory: at most 2 × a Maildir likewise',
                   self.each('imapfs mounted again, disk cold', 'mbsync without FSync: grep cold'), 2)
        self.judge('mounted again, first `ls -l`: at most 0.1 × the first one',
                   self.each('ls -l mounted again, names=subject', 'ls -l cold, names=subject'), 0.1)
        self.judge('mounting again and `ls -l`: below 1 × neomutt with its header cache',
                   self.each('mounting again + ls -l, names=subject', 'neomutt, header cache full'), 1)
        self.judge('first `grep -r`: at most 1.15 × with `cache=memory`',
                   self.each('imapfs cold', 'imapfs cold, cache=memory'), 1.15)
        self.judge('first `ls -l`: at most 1.15 × with `cache=memory`',
                   self.each('ls -l cold, names=subject', 'ls -l cold, cache=memory, names=subject'), 1.15)
        return self.rows


def targets(samples, bench):
    lines = ['| target | measured | |', '|---|---|---|']
    words = {True: 'met', False: '**missed**', None: ''}
    for text, measured, met in Targets(samples, bench).all():
        lines.append(f'| {text} | {measured} | {words[met]} |')
    return '\n'.join(lines)
